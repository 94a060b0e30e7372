//! Members that the DNS names: a name server on a port of the system's choice.

use super::super::places::LookUp;
use super::super::{Beginning, Error, Outside, begin};
use super::{beside, settings};
use crate::url::Url;
use futures::future::BoxFuture;
use quorate_tasks::SystemClock;
use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};

/// Somebody who answers questions of the DNS, both ways.
struct NameServer {
    datagrams: UdpSocket,
    streams: TcpListener,
    address: SocketAddr,
    /// Targets, ports, and the service that they are of.
    records: Vec<(&'static str, u16, &'static str)>,
    /// Whether an answer is too long for a datagram.
    is_long: bool,
}

impl NameServer {
    async fn new(records: &[(&'static str, u16, &'static str)]) -> Self {
        loop {
            let streams = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = streams.local_addr().unwrap();
            // Both at one number; somebody else may have it.
            let Ok(datagrams) = UdpSocket::bind(address).await else { continue };
            return Self { datagrams, streams, address, records: records.to_vec(), is_long: false };
        }
    }

    async fn serve(&self) -> Infallible {
        let mut buffer = [0; 512];
        loop {
            tokio::select! {
                received = self.datagrams.recv_from(&mut buffer) => {
                    let (length, from) = received.unwrap();
                    let answer = self.answer(&buffer[..length], self.is_long);
                    self.datagrams.send_to(&[&answer[..2], &b"noise"[..]].concat(), from).await.unwrap();
                    self.datagrams.send_to(&answer, from).await.unwrap();
                }
                accepted = self.streams.accept() => {
                    let (mut stream, _) = accepted.unwrap();
                    let length = stream.read_u16().await.unwrap();
                    let mut question = vec![0; length.into()];
                    stream.read_exact(&mut question).await.unwrap();
                    let answer = self.answer(&question, false);
                    stream.write_u16(answer.len().try_into().unwrap()).await.unwrap();
                    stream.write_all(&answer).await.unwrap();
                }
            }
        }
    }

    fn answer(&self, question: &[u8], is_cut: bool) -> Vec<u8> {
        let labels = |name: &str| -> Vec<u8> {
            name.split('.')
                .flat_map(|label| [&[label.len() as u8][..], label.as_bytes()].concat())
                .chain([0])
                .collect()
        };
        let asked = &question[12..question.len() - 4];
        let found: Vec<_> = self.records.iter().filter(|(_, _, service)| labels(service) == asked).collect();
        let mut answer = question.to_vec();
        answer[2] = 0x81 | if is_cut { 2 } else { 0 };
        if is_cut {
            return answer;
        }
        answer[3] = if found.is_empty() { 3 } else { 0 };
        answer[7] = found.len() as u8;
        for (target, port, _) in found {
            let target = labels(target);
            answer.extend_from_slice(&[
                0xc0,
                12,
                0,
                33,
                0,
                1,
                0,
                0,
                0,
                60,
                0,
                6 + target.len() as u8,
                0,
                0,
                0,
                0,
            ]);
            answer.extend_from_slice(&port.to_be_bytes());
            answer.extend_from_slice(&target);
        }
        answer
    }

    /// What becomes of the member that advertises `url`, while this server is there.
    async fn outcome(&self, url: &str, more: &[&str]) -> Result<Beginning, Error> {
        let root = tempfile::tempdir().unwrap();
        let advertised = format!("--initial-advertise-peer-urls={url}");
        let flags = [&["--name=own", "--discovery-srv=example.com", advertised.as_str()][..], more].concat();
        let config = settings(&root.path().join("none"), &flags);
        let look_up: &LookUp = &world;
        let nameservers = || vec![self.address];
        let outside = Outside { clock: &SystemClock::new(), look_up, nameservers: &nameservers };
        tokio::select! {
            outcome = beside(&[], begin(&config, &outside)) => outcome,
            _ = self.serve() => unreachable!("it serves for ever"),
        }
    }
}

/// Every machine is this one, on a port where nobody is; one has no address.
fn world(url: &Url) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
    let found = match url.host() {
        "two.example.com" => Err(io::Error::new(io::ErrorKind::NotFound, "no such host")),
        _ => Ok(vec![[127, 0, 0, 1].into()]),
    };
    Box::pin(std::future::ready(found))
}

const PLAIN: &str = "_etcd-server._tcp.example.com";
const RECORDS: [(&str, u16, &str); 3] =
    [("two.example.com", 3, PLAIN), ("one.example.com", 2, PLAIN), ("one.example.com", 1, PLAIN)];

#[tokio::test]
async fn records_name_the_same_cluster_to_each_of_its_members() {
    let mut server = NameServer::new(&RECORDS).await;
    let mut found = Vec::new();
    for url in ["http://127.0.0.1:1", "http://one.example.com:2", "http://two.example.com:3"] {
        server.records.rotate_left(1);
        server.is_long = !server.is_long;
        let Beginning::Founds(founding) = server.outcome(url, &[]).await.unwrap() else {
            panic!("it founds")
        };
        let own = &founding.founders[&founding.identity.member.0];
        assert_eq!(own.peer_urls[0].rsplit(':').next(), url.rsplit(':').next());
        found.push(founding);
    }
    let names: Vec<&str> = found[0].founders.values().map(|node| node.name.as_str()).collect();
    for name in ["one.example.com:1", "one.example.com:2", "two.example.com:3"] {
        assert!(names.contains(&name), "{names:?}");
    }
    assert!(found.iter().all(|founding| founding.founders == found[0].founders));
    assert!(found.iter().all(|founding| founding.identity.cluster == found[0].identity.cluster));
}

#[tokio::test]
async fn what_the_dns_does_not_know_is_told() {
    let server = NameServer::new(&RECORDS).await;
    let told = async |url: &str, more: &[&str]| server.outcome(url, more).await.unwrap_err().to_string();
    let missing = told("http://127.0.0.1:4", &[]).await;
    assert!(missing.starts_with("cannot find local etcd member \"own\" in SRV records"), "{missing}");
    let other = told("http://127.0.0.1:1", &["--discovery-srv-name=x"]).await;
    let expected = format!(
        "error querying DNS SRV records: lookup _etcd-server-x._tcp.example.com on {}: no such host",
        server.address
    );
    assert_eq!(other, expected);
}

#[tokio::test]
async fn members_that_speak_tls_are_refused() {
    let secure = "_etcd-server-ssl._tcp.example.com";
    let server = NameServer::new(&[("one.example.com", 1, PLAIN), ("one.example.com", 1, secure)]).await;
    let told = server.outcome("http://127.0.0.1:1", &[]).await.unwrap_err().to_string();
    assert!(told.starts_with(&format!("{secure} has records")), "{told}");
}

#[tokio::test]
async fn a_cluster_that_is_there_is_asked_where_its_records_lead() {
    let server = NameServer::new(&RECORDS).await;
    let existing = &["--initial-cluster-state=existing"];
    let told = server.outcome("http://127.0.0.1:1", existing).await.unwrap_err().to_string();
    assert!(
        told.ends_with("could not retrieve cluster information from the given URLs"),
        "nobody is there: {told}"
    );
}
