//! Which proxy, if any, stands between this program and a server: an API server, a registry, a chart repository.
//!
//! Owns the choice and nothing that connects. A configured proxy, such as a kubeconfig's `proxy-url`, is obeyed as it
//! is. Otherwise the environment decides as it does for kubectl and Helm (Go's `httpproxy` package): `HTTPS_PROXY` for `https` servers and `HTTP_PROXY` for `http` ones, lower case as well, never
//! for loopback addresses, never for what `NO_PROXY` names. Beyond Go, `ALL_PROXY` fills in, as with curl. A proxy
//! that cannot be used is an error: going past it silently could send credentials where they must not go.

use std::net::IpAddr;

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;

/// A proxy whose address cannot be read or used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {address:?}: {message}")]
pub struct ProxyError {
    /// The variable or the configuration that names it.
    pub what: String,
    /// Its address, without credentials.
    pub address: String,
    /// What is wrong.
    pub message: String,
}

/// The variables that name proxies, as data.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProxyVariables {
    /// `HTTPS_PROXY` or `https_proxy`.
    pub https: Option<String>,
    /// `HTTP_PROXY` or `http_proxy`.
    pub http: Option<String>,
    /// `ALL_PROXY` or `all_proxy`.
    pub all: Option<String>,
    /// `NO_PROXY` or `no_proxy`.
    pub no: Option<String>,
}

impl ProxyVariables {
    /// From variables as `get` finds them: upper case before lower case, empty ones as if unset.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Self {
        let any = |upper: &str| {
            [upper.to_owned(), upper.to_lowercase()].iter().filter_map(|name| get(name)).find(|value| !value.is_empty())
        };
        Self { https: any("HTTPS_PROXY"), http: any("HTTP_PROXY"), all: any("ALL_PROXY"), no: any("NO_PROXY") }
    }
}

/// The proxy for `server`; `configured` is one that a configuration names, such as a kubeconfig's `proxy-url`.
///
/// # Errors
/// If the proxy's address cannot be read, or names a protocol that is not spoken.
pub(crate) fn choose(
    server: &Uri,
    configured: Option<&str>,
    variables: &ProxyVariables,
) -> Result<Option<Uri>, ProxyError> {
    Ok(chosen(server, configured, variables)?.map(|(_, proxy)| proxy))
}

/// The same for a client that cannot log in to SOCKS proxies, as the one of the cluster.
///
/// # Errors
/// As [`choose`], and if the proxy is a SOCKS proxy with user and password.
pub(crate) fn choose_without_socks_login(
    server: &Uri,
    configured: Option<&str>,
    variables: &ProxyVariables,
) -> Result<Option<Uri>, ProxyError> {
    match chosen(server, configured, variables)? {
        Some((what, proxy)) if proxy.scheme_str() == Some("socks5") && login(&proxy).is_some() => Err(ProxyError {
            what: what.to_owned(),
            address: without_credentials(&proxy.to_string()),
            message: "user and password for a SOCKS proxy are not supported on the way to a cluster".to_owned(),
        }),
        other => Ok(other.map(|(_, proxy)| proxy)),
    }
}

/// User and password in the address of a proxy.
pub(crate) fn login(proxy: &Uri) -> Option<(String, String)> {
    let (login, _) = proxy.authority()?.as_str().rsplit_once('@')?;
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    let decoded = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    Some((decoded(user), decoded(password)))
}

/// The proxy, and what names it.
fn chosen(
    server: &Uri,
    configured: Option<&str>,
    variables: &ProxyVariables,
) -> Result<Option<(&'static str, Uri)>, ProxyError> {
    let named = |what: &'static str, text: &str| parse(what, text).map(|proxy| Some((what, proxy)));
    if let Some(configured) = configured.filter(|url| !url.is_empty()) {
        return named("proxy-url of the kubeconfig", configured);
    }
    let Some(host) = server.host() else { return Ok(None) };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let secure = server.scheme_str() != Some("http");
    let (name, own) = if secure { ("HTTPS_PROXY", &variables.https) } else { ("HTTP_PROXY", &variables.http) };
    let chosen = match (own, &variables.all) {
        (Some(own), _) => (name, own),
        (None, Some(all)) => ("ALL_PROXY", all),
        (None, None) => return Ok(None),
    };
    let port = server.port_u16().unwrap_or(if secure { 443 } else { 80 });
    if is_loopback(host) || variables.no.as_deref().is_some_and(|list| is_exempt(list, host, port)) {
        return Ok(None);
    }
    named(chosen.0, chosen.1)
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether `NO_PROXY` names the host. The matcher knows addresses, networks and domain suffixes; what Go knows beyond
/// (`*` for addresses too, ports, `*.` before a domain, a leading dot for subdomains only) is settled before.
fn is_exempt(list: &str, host: &str, port: u16) -> bool {
    let mut entries = Vec::new();
    for entry in list.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
        if entry == "*" {
            return true;
        }
        let (entry, only) = split_port(entry);
        if only.is_some_and(|only| only != port) {
            continue;
        }
        let entry = entry.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(entry);
        if entry.strip_prefix('.').is_some_and(|domain| domain.eq_ignore_ascii_case(host)) {
            continue;
        }
        entries.push(entry);
    }
    let bracketed = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let Ok(probe) = format!("http://{bracketed}/").parse::<Uri>() else { return false };
    let matcher = Matcher::builder().all("http://proxy.invalid").no(entries.join(",")).build();
    matcher.intercept(&probe).is_none()
}

/// `host:port`, `[v6]:port`, `[v6]`, or an entry without a port.
fn split_port(entry: &str) -> (&str, Option<u16>) {
    if let Some((address, rest)) = entry.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return (address, rest.strip_prefix(':').and_then(|port| port.parse().ok()));
    }
    match entry.split_once(':') {
        Some((host, port)) if !port.contains(':') => match port.parse() {
            Ok(port) => (host, Some(port)),
            Err(_) => (entry, None),
        },
        _ => (entry, None),
    }
}

/// Reads the address of a proxy as curl and Go do: without a scheme it speaks HTTP; `socks5h` and `socks5` both let the
/// proxy resolve names, as Go does.
fn parse(what: &str, text: &str) -> Result<Uri, ProxyError> {
    let refuse = |message: &str| ProxyError {
        what: what.to_owned(),
        address: without_credentials(text),
        message: message.to_owned(),
    };
    let (scheme, rest) = text.trim().split_once("://").unwrap_or(("http", text.trim()));
    let scheme = match scheme.to_ascii_lowercase().as_str() {
        "http" => "http",
        "https" => "https",
        "socks5" | "socks5h" => "socks5",
        _ => return Err(refuse("a proxy speaks http, https or socks5")),
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let parsed: Uri = format!("{scheme}://{authority}/").parse().map_err(|_| refuse("not a host and port"))?;
    if parsed.host().is_none_or(str::is_empty) {
        return Err(refuse("the host is missing"));
    }
    if parsed.port().is_some() {
        return Ok(parsed);
    }
    let port = match scheme {
        "http" => 80,
        "https" => 443,
        _ => 1080,
    };
    format!("{scheme}://{}:{port}/", authority.trim_end_matches(':')).parse().map_err(|_| refuse("not a host and port"))
}

/// An address as it may be shown: without user, password and trailing slash.
pub(crate) fn without_credentials(address: &str) -> String {
    let (scheme, rest) = match address.split_once("://") {
        Some((scheme, rest)) => (Some(scheme), rest),
        None => (None, address),
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let shown = match scheme {
        Some(scheme) => format!("{scheme}://{host}{path}"),
        None => format!("{host}{path}"),
    };
    shown.trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(https: &str, no: &str) -> ProxyVariables {
        ProxyVariables { https: Some(https.into()), no: Some(no.into()), ..ProxyVariables::default() }
    }

    fn chosen(server: &str, variables: &ProxyVariables) -> Option<String> {
        let server = server.parse().unwrap();
        choose(&server, None, variables).unwrap().map(|proxy| proxy.to_string())
    }

    #[test]
    fn no_proxy_is_matched_against_the_api_server_and_not_against_the_proxy() {
        let local = variables("http://127.0.0.1:7890", "127.0.0.1,localhost");
        assert_eq!(chosen("https://k8s.example:6443", &local).as_deref(), Some("http://127.0.0.1:7890/"));
        let network = variables("http://proxy:3128", "10.0.0.0/8");
        assert_eq!(chosen("https://10.0.0.1:6443", &network), None);
        assert_eq!(chosen("https://11.0.0.1:6443", &network).as_deref(), Some("http://proxy:3128/"));
    }

    #[test]
    fn no_proxy_follows_gos_rules() {
        // (entry, server, whether it goes past the proxy)
        for (no, server, exempt) in [
            ("", "https://a.example", false),
            ("a.example,", "https://a.example", true),
            (" a.example , b.example", "https://b.example:6443", true),
            ("<local>,a.example", "https://a.example", true),
            ("<local>", "https://a.example", false),
            ("example", "https://a.example", true),
            (".example", "https://a.example", true),
            ("*.example", "https://a.example", true),
            (".a.example", "https://a.example", false),
            ("*.a.example", "https://a.example", false),
            ("EXAMPLE", "https://a.example", true),
            ("xample", "https://a.example", false),
            ("*", "https://a.example", true),
            ("*", "https://10.1.2.3:6443", true),
            ("a.example:6443", "https://a.example:6443", true),
            ("a.example:443", "https://a.example:6443", false),
            ("a.example:443", "https://a.example", true),
            ("10.1.2.3:6443", "https://10.1.2.3:6443", true),
            ("10.1.2.3:1", "https://10.1.2.3:6443", false),
            ("10.1.2.0/24", "https://10.1.2.3:6443", true),
            ("fd00::/8", "https://[fd00::1]:6443", true),
            ("[fd00::1]:6443", "https://[fd00::1]:6443", true),
            ("[fd00::1]:1", "https://[fd00::1]:6443", false),
            ("fd00::1", "https://[fd00::1]:6443", true),
            ("10.1.2.3/99", "https://10.1.2.3", false),
        ] {
            let past = chosen(server, &variables("http://proxy:1", no)).is_none();
            assert_eq!(past, exempt, "NO_PROXY={no:?} {server}");
        }
    }

    #[test]
    fn loopback_goes_past_the_proxy_of_the_environment_but_not_past_the_kubeconfigs() {
        for server in ["https://127.0.0.1:6443", "https://localhost:6443", "https://[::1]:6443", "https://127.8.8.8"] {
            assert_eq!(chosen(server, &variables("http://proxy:1", "")), None, "{server}");
            let server = server.parse().unwrap();
            let configured = choose(&server, Some("http://127.0.0.1:7890"), &ProxyVariables::default()).unwrap();
            assert_eq!(configured.unwrap().to_string(), "http://127.0.0.1:7890/");
        }
    }

    #[test]
    fn each_scheme_has_its_variable() {
        let both = ProxyVariables {
            https: Some("http://secure:1".into()),
            http: Some("http://plain:1".into()),
            ..ProxyVariables::default()
        };
        assert_eq!(chosen("https://a.example", &both).as_deref(), Some("http://secure:1/"));
        assert_eq!(chosen("http://a.example", &both).as_deref(), Some("http://plain:1/"));
        assert_eq!(chosen("http://a.example", &variables("http://secure:1", "")), None);
        let all = ProxyVariables { all: Some("socks5://all:1".into()), ..ProxyVariables::default() };
        assert_eq!(chosen("https://a.example", &all).as_deref(), Some("socks5://all:1/"));
    }

    #[test]
    fn upper_case_variables_come_first_and_empty_ones_do_not_count() {
        let read = ProxyVariables::read(|name| match name {
            "HTTPS_PROXY" => Some(String::new()),
            "https_proxy" => Some("lower".into()),
            "NO_PROXY" => Some("upper".into()),
            "no_proxy" => Some("hidden".into()),
            _ => None,
        });
        assert_eq!(read, ProxyVariables { https: Some("lower".into()), no: Some("upper".into()), ..read.clone() });
        assert_eq!((read.http, read.all), (None, None));
    }

    #[test]
    fn proxies_are_read_as_curl_and_go_read_them() {
        for (text, expected) in [
            ("127.0.0.1:7890", "http://127.0.0.1:7890/"),
            ("proxy.example", "http://proxy.example:80/"),
            ("http://user:p%40ss@proxy:3128/path", "http://user:p%40ss@proxy:3128/"),
            ("https://proxy", "https://proxy:443/"),
            ("SOCKS5H://proxy:1080", "socks5://proxy:1080/"),
            ("socks5://proxy", "socks5://proxy:1080/"),
            ("socks5://user:p%40ss@proxy", "socks5://user:p%40ss@proxy:1080/"),
            ("http://[::1]:7890", "http://[::1]:7890/"),
        ] {
            assert_eq!(parse("x", text).unwrap().to_string(), expected, "{text}");
        }
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_an_error_that_shows_no_password() {
        for text in ["ftp://user:secret@proxy", "http://", "http://user:secret@pro xy"] {
            let error = choose(&"https://a.example".parse().unwrap(), None, &variables(text, "")).unwrap_err();
            assert!(!error.to_string().contains("secret"), "{error}");
            assert!(error.to_string().contains("HTTPS_PROXY"), "{error}");
        }
    }

    #[test]
    fn a_login_is_taken_from_the_address_or_refused_where_it_could_not_be_used() {
        let server = "https://a.example".parse().unwrap();
        let socks = variables("socks5://us%3Aer:p%40ss@proxy", "");
        let proxy = choose(&server, None, &socks).unwrap().unwrap();
        assert_eq!(login(&proxy), Some(("us:er".to_owned(), "p@ss".to_owned())));
        let error = choose_without_socks_login(&server, None, &socks).unwrap_err().to_string();
        assert!(error.starts_with("HTTPS_PROXY \"socks5://proxy:1080\": user and password"), "{error}");
        for text in ["socks5://proxy", "http://user:pass@proxy"] {
            assert!(choose_without_socks_login(&server, None, &variables(text, "")).unwrap().is_some(), "{text}");
        }
    }

    #[test]
    fn shown_addresses_hold_no_credentials() {
        assert_eq!(without_credentials("https://u:p@host:1/k8s/"), "https://host:1/k8s");
        assert_eq!(without_credentials("u:p@host:1"), "host:1");
        assert_eq!(without_credentials("https://host/a@b"), "https://host/a@b");
    }
}
