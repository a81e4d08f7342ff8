//! Which hosts are asked at all.
//!
//! The page's content security policy does not bind its worker, unless the host sends it as a header (docs/hosting.md): the
//! worker keeps to the same rule by itself.

use std::net::IpAddr;

/// Whether the worker of a page of `own` origin asks `url`: the page's own origin, hosts over https, and, for a page of this
/// machine, other hosts of this machine.
pub(crate) fn is_allowed(url: &str, own: Option<&str>) -> bool {
    let Some((scheme, host, origin)) = parts(url) else { return false };
    let own = own.and_then(parts);
    let is_own = own.as_ref().is_some_and(|(.., own)| *own == origin);
    let both_local =
        scheme == "http" && is_this_machine(&host) && own.is_some_and(|(_, host, _)| is_this_machine(&host));
    is_own || scheme == "https" || both_local
}

/// Scheme, host without its port, and origin of an absolute address as the browser writes it; none where it is no `http:` or
/// `https:` address.
fn parts(url: &str) -> Option<(String, String, String)> {
    let (scheme, rest) = url.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    if !matches!(scheme.as_str(), "http" | "https") {
        return None;
    }
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    // A name and password before the host.
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host).to_ascii_lowercase();
    let host = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address.to_owned(),
        None => authority.split(':').next().unwrap_or_default().to_owned(),
    };
    let origin = format!("{scheme}://{authority}");
    (!host.is_empty()).then_some((scheme, host, origin))
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_host_is_asked_over_https_only() {
        let page = Some("https://lens.example");
        for url in ["https://lens.example/a/", "https://packs.example/a/", "HTTPS://packs.example/"] {
            assert!(is_allowed(url, page), "{url}");
        }
        for url in [
            "http://packs.example/a/",
            "http://lens.example/a/",
            "http://127.0.0.1:8080/a/",
            "http://localhost/",
            "http://https://x/",
            "ftp://packs.example/",
            "file:///etc/",
            "packs/",
            "",
            "https:///a",
            "data:x",
        ] {
            assert!(!is_allowed(url, page), "{url}");
        }
        assert!(is_allowed("http://old.example:81/a/", Some("http://old.example:81")));
        assert!(!is_allowed("http://old.example/a/", Some("http://old.example:81")));
        assert!(!is_allowed("http://old.example:81/a/", None));
    }

    #[test]
    fn a_page_of_this_machine_asks_hosts_of_this_machine() {
        let page = Some("http://localhost:8080");
        for url in
            ["http://127.0.0.1:9000/pack/", "http://[::1]:9000/", "http://localhost:9000/", "https://packs.example/"]
        {
            assert!(is_allowed(url, page), "{url}");
        }
        for url in [
            "http://packs.example/",
            "http://127.0.0.1.example/",
            "http://localhost.example/",
            "http://localhost@packs.example/",
            "http://192.168.0.1/",
        ] {
            assert!(!is_allowed(url, page), "{url}");
        }
    }
}
