//! The URLs that etcd's flags are made of.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// `http://host:port`, with nothing after it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Url {
    host: String,
    port: u16,
}

/// What is wrong with a URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// It does not begin with `http://`.
    #[error("`{0}`: the scheme must be http (https and unix sockets are not implemented yet)")]
    Scheme(String),
    /// It has something after the port.
    #[error("`{0}`: a URL must not have a path")]
    Path(String),
    /// The port is missing or no number.
    #[error("`{0}`: a URL must end with a port, as in http://10.0.0.1:2379")]
    Port(String),
    /// A listener cannot be found by name.
    #[error("expected IP in URL for binding ({0}): an address such as 0.0.0.0, or localhost")]
    Host(String),
}

impl Url {
    /// The URLs among `texts`, as far as they are ones, and what is wrong with the rest.
    pub(crate) fn parse_all(texts: &[String]) -> (Vec<Self>, Vec<UrlError>) {
        let (mut urls, mut problems) = (Vec::new(), Vec::new());
        for text in texts {
            match Self::parse(text) {
                Ok(url) => urls.push(url),
                Err(problem) => problems.push(problem),
            }
        }
        (urls, problems)
    }

    /// The name or address in it; IPv6 in brackets.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// The port in it.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The address in it; none for a name.
    pub(crate) fn ip(&self) -> Option<IpAddr> {
        self.host.trim_start_matches('[').trim_end_matches(']').parse().ok()
    }

    /// The same with `ip` for its host.
    pub(crate) fn at(&self, ip: IpAddr) -> Self {
        let host = if ip.is_ipv6() { format!("[{ip}]") } else { ip.to_string() };
        Self { host, port: self.port }
    }

    pub(crate) fn parse(text: &str) -> Result<Self, UrlError> {
        let rest = text.strip_prefix("http://").ok_or_else(|| UrlError::Scheme(text.into()))?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains(['/', '?', '#']) {
            return Err(UrlError::Path(text.into()));
        }
        let (host, port) = rest.rsplit_once(':').ok_or_else(|| UrlError::Port(text.into()))?;
        let port = port.parse().map_err(|_| UrlError::Port(text.into()))?;
        Ok(Self { host: host.into(), port })
    }

    /// Where to listen. `localhost` is 127.0.0.1 alone: of a name's addresses Go listens on one, and prefers IPv4.
    pub(crate) fn address(&self) -> Result<SocketAddr, UrlError> {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        let ip = match host {
            "localhost" => IpAddr::V4(Ipv4Addr::LOCALHOST),
            host => host.parse().map_err(|_| UrlError::Host(self.to_string()))?,
        };
        Ok(SocketAddr::new(ip, self.port))
    }
}

impl fmt::Display for Url {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "http://{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_gives_its_urls_and_every_problem() {
        let texts = ["http://localhost:2379", "https://a:1", "http://[::1]:80", "http://a", "http://a:1/x"];
        let (urls, problems) = Url::parse_all(&texts.map(str::to_owned));
        assert_eq!(
            urls.iter().map(Url::to_string).collect::<Vec<_>>(),
            ["http://localhost:2379", "http://[::1]:80"]
        );
        assert_eq!(
            problems,
            [
                UrlError::Scheme("https://a:1".into()),
                UrlError::Port("http://a".into()),
                UrlError::Path("http://a:1/x".into())
            ]
        );
    }

    #[test]
    fn a_listener_has_an_address() {
        let address = |text: &str| Url::parse(text).unwrap().address();
        assert_eq!(address("http://localhost:1"), Ok("127.0.0.1:1".parse().unwrap()));
        assert_eq!(address("http://[::1]:2"), Ok("[::1]:2".parse().unwrap()));
        for text in ["http://example.org:3", "http://:3"] {
            assert!(matches!(address(text), Err(UrlError::Host(_))), "{text}");
        }
    }
}
