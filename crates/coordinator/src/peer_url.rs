//! The URLs of a new member: what Go makes of them, since etcd is asked with them too.

/// `urls` trimmed and in ascending order, if there is one at least and each is one: `http` and `https` have a host, a port
/// and no path; after `unix` and `unixs` anything goes. Whether anybody can be reached there is not asked.
///
/// etcd: `client/pkg/types/urls.go`, `NewURLs`; unlike it, what else a URL may hold is left as it was written.
pub(crate) fn all(urls: &[String]) -> Option<Vec<String>> {
    let mut read: Vec<String> = urls.iter().map(|url| one(url)).collect::<Option<_>>()?;
    read.sort_unstable();
    (!read.is_empty()).then_some(read)
}

fn one(text: &str) -> Option<String> {
    let text = text.trim();
    if text.bytes().any(|byte| byte.is_ascii_control()) {
        return None;
    }
    let (scheme, rest) = text.split_once(':')?;
    let scheme = scheme.to_ascii_lowercase();
    match scheme.as_str() {
        "http" | "https" => is_host_and_port(rest)?,
        "unix" | "unixs" => {}
        _ => return None,
    }
    Some(format!("{scheme}:{rest}"))
}

/// What follows the scheme: two slashes, maybe a user, a host, a colon, digits; then no path.
fn is_host_and_port(rest: &str) -> Option<()> {
    let rest = rest.strip_prefix("//")?;
    let rest = rest.split(['?', '#']).next()?;
    if rest.contains('/') {
        return None;
    }
    let address = rest.rsplit_once('@').map_or(rest, |(_user, address)| address);
    let (host, port) = address.rsplit_once(':')?;
    let is_plain = |host: &str| !host.contains(|c: char| "[]:/ \"<>\\^`{|}%".contains(c));
    let is_bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).is_some_and(|host| {
        host.bytes().all(|byte| byte.is_ascii_hexdigit() || b":.".contains(&byte)) // no zone: it means nothing to others
    });
    let is_port = port.bytes().all(|byte| byte.is_ascii_digit());
    (is_port && (is_plain(host) || is_bracketed)).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(urls: &[&str]) -> Option<Vec<String>> {
        all(&urls.iter().map(|&url| url.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn what_etcd_takes_is_taken() {
        for url in [
            "http://10.0.0.1:2380",
            "https://a.example.org:2380",
            "http://localhost:",
            "http://[::1]:2380",
            "http://a:99999",
            "http://a:1?x=/y",
            "http://user:pass@a:1",
            "unix://localhost:2380",
            "unix:///run/peer.sock",
            "unixs:peer",
        ] {
            assert_eq!(read(&[url]), Some(vec![url.to_owned()]), "{url}");
        }
        assert_eq!(read(&[" HTTP://a:1\n"]), Some(vec!["http://a:1".to_owned()]));
    }

    #[test]
    fn what_etcd_refuses_is_refused() {
        for url in [
            "",
            "a:1",
            "http",
            "http:",
            "http://",
            "http://a",
            "http:a:1",
            "http:/a:1",
            "http://a:1/",
            "http://a:1/path",
            "http://a/b@c:1",
            "http://a:one",
            "http://::1:2380",
            "http://[::1]",
            "http://[::1:2380",
            "http://a b:1",
            "http://a\tb:1",
            "ftp://a:1",
            "://a:1",
        ] {
            assert_eq!(read(&[url]), None, "{url}");
            assert_eq!(read(&["http://a:1", url]), None, "beside a good one: {url}");
        }
        assert_eq!(read(&[]), None);
    }

    #[test]
    fn they_come_in_order() {
        let sorted = ["http://a:1", "http://b:1", "https://a:1"].map(str::to_owned).to_vec();
        assert_eq!(read(&["https://a:1", "http://b:1", "http://a:1"]), Some(sorted));
    }
}
