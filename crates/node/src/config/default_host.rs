//! What a member advertises that listens everywhere and was not told what to advertise: the machine's own address.
//!
//! etcd: `embed/config.go`, `UpdateDefaultClusterFromName`.

use crate::url::Url;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// `advertised`, unless it is the default and the first of `listen` is 0.0.0.0; then `host` at that one's port. And what to
/// say of it.
pub(super) fn settle(
    listen: &[Url],
    advertised: Vec<Url>,
    default: &str,
    host: impl FnOnce() -> Option<IpAddr>,
) -> (Vec<Url>, Option<String>) {
    let everywhere = listen.first().filter(|first| first.ip() == Some(Ipv4Addr::UNSPECIFIED.into()));
    let is_default = matches!(advertised.as_slice(), [alone] if alone.to_string() == default);
    let Some(everywhere) = everywhere.filter(|_| is_default) else { return (advertised, None) };
    match host() {
        Some(host) => {
            let url = everywhere.at(host);
            let remark = format!("detected default host for advertise: {url}");
            (vec![url], Some(remark))
        }
        None => {
            let remark = format!(
                "failed to detect default host: {default} is advertised, where nobody else may find it"
            );
            (advertised, Some(remark))
        }
    }
}

/// The address from which this machine would speak to a far one: that of its default route, IPv4 first. Asks the kernel,
/// and sends nothing.
pub(super) fn find() -> Option<IpAddr> {
    // Addresses of documentation: no route but the default one leads there.
    let far: [(IpAddr, IpAddr); 2] = [
        (Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::new(192, 0, 2, 1).into()),
        (Ipv6Addr::UNSPECIFIED.into(), Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into()),
    ];
    far.into_iter().find_map(|(from, to)| {
        let socket = UdpSocket::bind(SocketAddr::new(from, 0)).ok()?;
        socket.connect(SocketAddr::new(to, 9)).ok()?;
        let own = socket.local_addr().ok()?.ip();
        (!own.is_unspecified() && !own.is_loopback()).then_some(own)
    })
}
