//! SRV records. The system's resolver has no call for them, so its servers are asked directly.
//!
//! A name is asked for as it is: the search list of `resolv.conf` is not used. What comes back is read with care, whoever
//! sent it; a long answer is asked for again over TCP. RFC 1035, RFC 2782.

mod message;

use message::{Answer, Malformed};
use quorate_tasks::{Clock, timeout};
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

pub(crate) use message::Service;

/// How long a server has, and how often all are asked: as for Go and the C library.
const PATIENCE: Duration = Duration::from_secs(5);
const ROUNDS: usize = 2;
const RESOLV_CONF: &str = "/etc/resolv.conf";
const PORT: u16 = 53;

/// Why there are no records.
#[derive(Debug, thiserror::Error)]
#[error("lookup {name} on {server}: {why}")]
pub struct LookUpError {
    name: String,
    server: SocketAddr,
    why: Why,
}

#[derive(Debug, thiserror::Error)]
enum Why {
    #[error("no such host")]
    NoSuchName,
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("the answer makes no sense")]
    Malformed(#[from] Malformed),
    #[error("the server refuses with code {0}")]
    Refused(u8),
    #[error("no answer within {PATIENCE:?}")]
    Elapsed,
}

/// The servers that the system asks; as for Go, one on this machine if none is named.
pub(crate) fn servers() -> Vec<SocketAddr> {
    let text = std::fs::read_to_string(RESOLV_CONF).unwrap_or_default();
    let named: Vec<SocketAddr> = text.lines().filter_map(server).collect();
    if named.is_empty() { vec![SocketAddr::new(Ipv4Addr::LOCALHOST.into(), PORT)] } else { named }
}

fn server(line: &str) -> Option<SocketAddr> {
    let mut words = line.split_whitespace();
    let ip = words.next().filter(|word| *word == "nameserver").and(words.next())?;
    Some(SocketAddr::new(ip.parse().ok()?, PORT))
}

/// The services that `name` has, sorted. A server that fails is passed over, and all are asked twice.
pub(crate) async fn services(
    name: &str,
    servers: &[SocketAddr],
    clock: &dyn Clock,
) -> Result<Vec<Service>, LookUpError> {
    let mut last = None;
    for server in std::iter::repeat_n(servers, ROUNDS).flatten() {
        let error = |why| LookUpError { name: name.to_owned(), server: *server, why };
        match timeout(clock, clock.now() + PATIENCE, ask(name, *server)).await.unwrap_or(Err(Why::Elapsed)) {
            Ok(mut services) => {
                services.sort_unstable();
                services.dedup();
                return Ok(services);
            }
            Err(why @ Why::NoSuchName) => return Err(error(why)),
            Err(why) => last = Some(error(why)),
        }
    }
    Err(last.expect("there is a server, if only on this machine"))
}

async fn ask(name: &str, server: SocketAddr) -> Result<Vec<Service>, Why> {
    let id = quorate_tasks::entropy().to_be_bytes();
    let question = message::question([id[0], id[1]], name)?;
    let answer = match datagram(&question, server).await? {
        answer if answer.is_cut => stream(&question, server).await?,
        answer => answer,
    };
    match answer.code {
        0 if answer.services.is_empty() => Err(Why::NoSuchName),
        0 => Ok(answer.services),
        3 => Err(Why::NoSuchName),
        code => Err(Why::Refused(code)),
    }
}

async fn datagram(question: &[u8], server: SocketAddr) -> Result<Answer, Why> {
    let any: IpAddr =
        if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0)).await?;
    socket.connect(server).await?;
    socket.send(question).await?;
    let mut buffer = vec![0; 65_535];
    loop {
        let length = socket.recv(&mut buffer).await?;
        let packet = buffer.get(..length).unwrap_or_default();
        // Somebody else may send something here, or an old answer come late.
        if message::is_answer(question, packet) {
            return Ok(message::answer(packet)?);
        }
    }
}

async fn stream(question: &[u8], server: SocketAddr) -> Result<Answer, Why> {
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(question.len()).expect("a name has at most 255 bytes");
    stream.write_all(&[&length.to_be_bytes()[..], question].concat()).await?;
    let length = stream.read_u16().await?;
    let mut packet = vec![0; usize::from(length)];
    stream.read_exact(&mut packet).await?;
    if message::is_answer(question, &packet) { Ok(message::answer(&packet)?) } else { Err(Malformed.into()) }
}

impl fmt::Display for Service {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.target, self.port)
    }
}
