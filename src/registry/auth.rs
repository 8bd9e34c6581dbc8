//! Saying who asks: challenges of registries, tokens, and what is remembered of them during a run.
//!
//! Rules: the distribution project's token and `OAuth2` documents, and oras-go's `registry/remote/auth`. A request goes
//! out without credentials first, unless an earlier answer of the same host showed what it wants. Credentials of a host
//! go to that host and to the token service it names, which may be another host but never one without TLS when the
//! registry has it, nor a private address that is not the registry's own.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{self, HeaderValue};
use secrecy::ExposeSecret as _;
use url::Url;

use super::credentials::{Credential, Credentials};
use super::error::Error;
use super::settings::Login;
use super::transport::{Call, Reply, Transport, Wanted, same_origin};

/// The largest answer of a token service, in bytes, as in oras-go.
const LARGEST_TOKEN_ANSWER: u64 = 128 << 10;
/// How token services know this program.
const CLIENT_ID: &str = "maibot";

/// What a server wants to see.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Challenge {
    Basic,
    Bearer { realm: String, service: String, scope: String },
}

/// Which way a user and a password buy a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grant {
    /// `GET` with basic authentication, as in the distribution project's document. The usual way.
    Distribution,
    /// `POST` with the password grant of `OAuth2`. Some services know only that.
    OAuth2,
}

/// Sends requests and answers challenges.
pub(super) struct Authenticator {
    credentials: Credentials,
    /// The login of the command line, and the only host that gets it.
    typed: Option<(String, Login)>,
    /// `Authorization` headers that worked, by host and scope.
    known: Mutex<HashMap<(String, String), HeaderValue>>,
    pub(super) grant: Grant,
}

impl Authenticator {
    pub(super) fn new(credentials: Credentials, typed: Option<(String, Login)>) -> Self {
        Self { credentials, typed, known: Mutex::new(HashMap::new()), grant: Grant::Distribution }
    }

    /// The files of credentials.
    pub(super) const fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    async fn credential(&self, host: &str) -> Result<Option<Credential>, Error> {
        match &self.typed {
            Some((known, login)) if known == host => Ok(Some(Credential::typed(login))),
            _ => self.credentials.find(host).await,
        }
    }

    fn remembered(&self, host: &str, scope: &str) -> Option<HeaderValue> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&(host.to_owned(), scope.to_owned())).cloned()
    }

    fn remember(&self, host: &str, scope: &str, header: HeaderValue) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert((host.to_owned(), scope.to_owned()), header);
    }

    /// Sends a request to the registry at `host`; `scope` is what its token has to allow.
    pub(super) async fn send(
        &self,
        transport: &Transport,
        host: &str,
        scope: &str,
        mut call: Call,
    ) -> Result<(Call, Reply), Error> {
        let remembered = self.remembered(host, scope);
        if let Some(header) = &remembered {
            call.headers.insert(header::AUTHORIZATION, header.clone());
        }
        let reply = transport.send(&call).await?;
        if reply.status != http::StatusCode::UNAUTHORIZED || !same_origin(&call.url, &reply.url) {
            return Ok((call, reply));
        }
        let Some(challenge) = challenge(&reply) else { return Ok((call, reply)) };
        let header = match challenge {
            Challenge::Basic => match self.credential(host).await? {
                // The same again would be refused again.
                Some(Credential::Login(login)) => basic(&login),
                _ => {
                    return Err(Error::NoCredentials {
                        method: call.method.to_string(),
                        url: super::transport::shown(&call.url),
                    });
                }
            },
            Challenge::Bearer { realm, service, scope: wanted } => {
                check_realm(&realm, &call.url).map_err(|why| call.broken(why))?;
                let scopes = merge(scope, &wanted);
                self.token(transport, host, &realm, &service, &scopes).await?
            }
        };
        if remembered.as_ref() == Some(&header) {
            return Ok((call, reply));
        }
        call.headers.insert(header::AUTHORIZATION, header.clone());
        let reply = transport.send(&call).await?;
        if reply.status != http::StatusCode::UNAUTHORIZED {
            self.remember(host, scope, header);
        }
        Ok((call, reply))
    }

    /// Buys an access token.
    async fn token(
        &self,
        transport: &Transport,
        host: &str,
        realm: &str,
        service: &str,
        scopes: &[String],
    ) -> Result<HeaderValue, Error> {
        let credential = self.credential(host).await?;
        let Ok(mut url) = realm.parse::<Url>() else {
            return Err(Error::Source(format!("bearer realm {realm:?} is no address")));
        };
        let grant = match (&credential, self.grant) {
            (Some(Credential::Access(token)), _) => return bearer(token.expose_secret()),
            (Some(Credential::Identity(token)), _) => {
                Some(vec![("grant_type", "refresh_token"), ("refresh_token", token.expose_secret())])
            }
            (Some(Credential::Login(login)), Grant::OAuth2) => {
                Some(vec![("grant_type", "password"), ("username", &login.user), ("password", login.password())])
            }
            _ => None,
        };
        let call = if let Some(grant) = grant {
            let mut form = url::form_urlencoded::Serializer::new(String::new());
            form.extend_pairs(grant);
            form.append_pair("service", service).append_pair("client_id", CLIENT_ID);
            if !scopes.is_empty() {
                form.append_pair("scope", &scopes.join(" "));
            }
            Call::new(http::Method::POST, url).body("application/x-www-form-urlencoded", form.finish())
        } else {
            {
                let mut query = url.query_pairs_mut();
                if !service.is_empty() {
                    query.append_pair("service", service);
                }
                for scope in scopes {
                    query.append_pair("scope", scope);
                }
            }
            if url.query() == Some("") {
                url.set_query(None);
            }
            let mut call = Call::get(url);
            if let Some(Credential::Login(login)) = &credential {
                call.headers.insert(header::AUTHORIZATION, basic(login));
            }
            call
        };
        let wanted = Wanted { what: "the answer of the token service", size: None, limit: LARGEST_TOKEN_ANSWER };
        let (_, _, content) = transport.fetch(&call, &wanted).await?;
        let answer: TokenAnswer = serde_json::from_slice(&content)
            .map_err(|_| call.broken("failed to decode response: not a token in JSON"))?;
        let tokens = [answer.access_token, answer.token];
        match tokens.iter().flatten().find(|token| !token.is_empty()) {
            Some(token) => bearer(token),
            None => Err(call.broken("empty token returned")),
        }
    }
}

/// What a token service says; both fields mean the same.
#[derive(serde::Deserialize)]
struct TokenAnswer {
    #[serde(default)]
    token: Option<String>,
    #[serde(default)]
    access_token: Option<String>,
}

/// `Basic …`.
pub(super) fn basic(login: &Login) -> HeaderValue {
    let text = format!("Basic {}", STANDARD.encode(format!("{}:{}", login.user, login.password())));
    // Base64 is always a header's text.
    let mut header = HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""));
    header.set_sensitive(true);
    header
}

fn bearer(token: &str) -> Result<HeaderValue, Error> {
    let mut header = HeaderValue::try_from(format!("Bearer {token}"))
        .map_err(|_| Error::Credentials("the token holds characters that no token has".to_owned()))?;
    header.set_sensitive(true);
    Ok(header)
}

/// The scopes of a request and of a challenge, each once, in order.
fn merge(hinted: &str, challenged: &str) -> Vec<String> {
    let mut scopes: Vec<String> = Vec::new();
    for scope in hinted.split(' ').chain(challenged.split(' ')).filter(|scope| !scope.is_empty()).take(32) {
        if !scopes.iter().any(|known| known == scope || covers(known, scope)) {
            scopes.push(scope.to_owned());
        }
    }
    scopes
}

/// Whether a scope such as `repository:a:pull,push` allows all that another one allows.
fn covers(known: &str, scope: &str) -> bool {
    match (known.rsplit_once(':'), scope.rsplit_once(':')) {
        (Some((resource, allowed)), Some((other, wanted))) => {
            resource == other && wanted.split(',').all(|action| allowed.split(',').any(|known| known == action))
        }
        _ => false,
    }
}

/// Refuses token services to which credentials must not go.
fn check_realm(realm: &str, registry: &Url) -> Result<(), String> {
    let url: Url = realm.parse().map_err(|_| format!("failed to parse bearer realm {realm:?}"))?;
    match url.scheme() {
        "http" if registry.scheme() == "https" => {
            return Err(format!("bearer realm {realm:?} uses http but registry was contacted over https"));
        }
        "http" | "https" => {}
        scheme => return Err(format!("bearer realm {realm:?} uses unsupported scheme {scheme:?}")),
    }
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let own = registry.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    if host != own && host.parse().is_ok_and(is_inner) {
        return Err(format!("bearer realm host {host:?} is a loopback, link-local, private, or unspecified address"));
    }
    Ok(())
}

fn is_inner(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            address.is_loopback()
                || address.is_private()
                || address.is_link_local()
                || address.is_unspecified()
                || address.octets()[0] == 0
        }
        IpAddr::V6(address) => {
            address.is_loopback()
                || address.is_unspecified()
                || address.is_unique_local()
                || address.is_unicast_link_local()
                || address.to_ipv4_mapped().is_some_and(|mapped| is_inner(IpAddr::V4(mapped)))
        }
    }
}

/// The strongest challenge of an answer that we can meet.
fn challenge(reply: &Reply) -> Option<Challenge> {
    let challenges = reply.headers.get_all(header::WWW_AUTHENTICATE).iter();
    let read: Vec<Challenge> = challenges.filter_map(|value| read_challenge(value.to_str().ok()?)).collect();
    let bearer = read.iter().find(|challenge| matches!(challenge, Challenge::Bearer { .. }));
    bearer.or_else(|| read.first()).cloned()
}

/// Reads `Basic …` and `Bearer key="value",key=value` (RFC 7235, section 2.1).
fn read_challenge(text: &str) -> Option<Challenge> {
    let text = text.trim_start();
    let (scheme, mut rest) = text.split_once([' ', '\t']).unwrap_or((text, ""));
    if scheme.eq_ignore_ascii_case("basic") {
        return Some(Challenge::Basic);
    }
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let (mut realm, mut service, mut scope) = (String::new(), String::new(), String::new());
    while let Some((key, after)) = rest.split_once('=') {
        let (value, after) = read_value(after.trim_start())?;
        match key.trim().to_ascii_lowercase().as_str() {
            "realm" => realm = value,
            "service" => service = value,
            "scope" => scope = value,
            _ => {}
        }
        let Some(after) = after.trim_start().strip_prefix(',') else { break };
        rest = after;
    }
    Some(Challenge::Bearer { realm, service, scope })
}

/// A quoted or bare value and what follows it.
fn read_value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ' ', '\t']).unwrap_or(text.len());
        return Some((text[..end].to_owned(), &text[end..]));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => value.push(characters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Challenge, check_realm, merge, read_challenge};

    fn bearer(realm: &str, service: &str, scope: &str) -> Challenge {
        Challenge::Bearer { realm: realm.into(), service: service.into(), scope: scope.into() }
    }

    #[test]
    fn challenges_are_read_as_the_rfc_writes_them() {
        for (text, expected) in [
            ("Basic realm=\"x\"", Some(Challenge::Basic)),
            (
                "bearer realm=\"https://a/t\",service=\"s\",scope=\"repository:a:pull,push\"",
                Some(bearer("https://a/t", "s", "repository:a:pull,push")),
            ),
            ("Bearer realm = \"a\\\"b\" , service=s", Some(bearer("a\"b", "s", ""))),
            ("Bearer realm=\"open", None),
            ("Bearer", Some(bearer("", "", ""))),
            ("Negotiate", None),
        ] {
            assert_eq!(read_challenge(text), expected, "{text}");
        }
    }

    #[test]
    fn scopes_are_merged_once_each() {
        assert_eq!(
            merge("repository:a:pull,push", "repository:a:pull registry:catalog:*"),
            ["repository:a:pull,push", "registry:catalog:*"]
        );
        assert!(merge("", "").is_empty());
    }

    #[test]
    fn credentials_go_to_no_token_service_of_lesser_trust() {
        let check = |realm: &str, registry: &str| check_realm(realm, &registry.parse().unwrap());
        check("https://auth.docker.io/token", "https://registry-1.docker.io/v2/").unwrap();
        check("http://127.0.0.1:1/token", "http://127.0.0.1:5000/v2/").unwrap();
        check("http://auth/token", "http://r/v2/").unwrap();
        for (realm, registry, why) in [
            ("http://auth/token", "https://r/v2/", "uses http but"),
            ("ftp://auth/token", "https://r/v2/", "unsupported scheme"),
            ("token", "https://r/v2/", "failed to parse"),
            ("https://169.254.169.254/token", "https://r/v2/", "link-local"),
            ("https://10.0.0.1/token", "https://r/v2/", "private"),
            ("https://[::1]/token", "https://r/v2/", "loopback"),
            ("https://[::ffff:10.0.0.1]/token", "https://r/v2/", "private"),
            ("https://0.0.0.0/token", "https://r/v2/", "unspecified"),
        ] {
            let error = check(realm, registry).unwrap_err();
            assert!(error.contains(why), "{realm}: {error}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_challenge_makes_the_reader_stumble(text in "(Bearer |bearer)?[a-z=\",\\\\ é]{0,60}") {
            let _ = read_challenge(&text);
        }
    }
}
