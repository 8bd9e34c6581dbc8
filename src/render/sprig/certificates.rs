//! Keys and certificates: `genPrivateKey`, `genCA`, `genSelfSignedCert`, `genSignedCert`, their forms with a given key,
//! and `buildCustomCert`. Randomness is seeded from the host.

use std::any::Any;
use std::rc::Rc;

use chacha20::ChaCha20Rng;
use rand_core::SeedableRng as _;

use crate::render::gostd::private_key::PrivateKey;
use crate::render::gostd::time::{Location, Time, duration};
use crate::render::gostd::x509::{self, Certificate, Issuer, Template};
use crate::render::gostd::{base64, pem};
use crate::render::gotemplate::error::Failure;
use crate::render::gotemplate::format;
use crate::render::gotemplate::function::{Function, Type};
use crate::render::gotemplate::machine::Machine;
use crate::render::gotemplate::text::Text;
use crate::render::gotemplate::value::{Kind, Object, Value};
use crate::yaml;

use super::argument;

const PAIR: Type = Type::Named("sprig.certificate");

/// The functions.
pub const FUNCTIONS: &[Function] = &[
    Function::new("genPrivateKey", &[Type::String], Type::String, private_key),
    Function::new("genCA", &[Type::String, Type::Int], PAIR, |machine, it| {
        let template = template(machine, argument::bytes(it, 0), None, argument::int(it, 1))?;
        let key = new_key(machine)?;
        self_signed(&Template { is_ca: true, ..template }, &key)
    }),
    Function::new("genCAWithKey", &[Type::String, Type::Int, Type::String], PAIR, |machine, it| {
        let key = given_key(argument::bytes(it, 2))?;
        let template = template(machine, argument::bytes(it, 0), None, argument::int(it, 1))?;
        self_signed(&Template { is_ca: true, ..template }, &key)
    }),
    Function::new("genSelfSignedCert", &[Type::String, Type::List, Type::List, Type::Int], PAIR, |machine, it| {
        let template = named_template(machine, it)?;
        self_signed(&template, &new_key(machine)?)
    }),
    Function::new(
        "genSelfSignedCertWithKey",
        &[Type::String, Type::List, Type::List, Type::Int, Type::String],
        PAIR,
        |machine, it| {
            let key = given_key(argument::bytes(it, 4))?;
            self_signed(&named_template(machine, it)?, &key)
        },
    ),
    Function::new("genSignedCert", &[Type::String, Type::List, Type::List, Type::Int, PAIR], PAIR, |machine, it| {
        let authority = Authority::of(it.get(4))?;
        let template = named_template(machine, it)?;
        let key = new_key(machine)?;
        authority.sign(&template, &key)
    }),
    Function::new(
        "genSignedCertWithKey",
        &[Type::String, Type::List, Type::List, Type::Int, PAIR, Type::String],
        PAIR,
        |machine, it| {
            let key = given_key(argument::bytes(it, 5))?;
            let authority = Authority::of(it.get(4))?;
            authority.sign(&named_template(machine, it)?, &key)
        },
    ),
    Function::new("buildCustomCert", &[Type::String, Type::String], PAIR, custom),
];

/// A certificate with its key, both in PEM.
#[derive(Debug)]
struct Pair {
    certificate: Text,
    key: Text,
}

impl Pair {
    fn value(certificate: impl Into<Text>, key: impl Into<Text>) -> Value {
        Value::Object(Rc::new(Self { certificate: certificate.into(), key: key.into() }))
    }
}

impl Object for Pair {
    fn type_name(&self) -> &'static str {
        "sprig.certificate"
    }

    fn kind(&self) -> Kind {
        Kind::Struct
    }

    fn print(&self) -> String {
        format!("{{{} {}}}", self.certificate.to_str(), self.key.to_str())
    }

    fn fields(&self) -> Option<Vec<(&'static str, Value)>> {
        Some(vec![("Cert", Value::Text(self.certificate.clone())), ("Key", Value::Text(self.key.clone()))])
    }

    fn field(&self, name: &str) -> Option<Value> {
        self.fields()?.into_iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    fn plain(&self) -> Result<yaml::Value, String> {
        let text = |text: &Text| yaml::Value::String(text.to_str().into_owned());
        let entries = [("Cert", text(&self.certificate)), ("Key", text(&self.key))];
        Ok(yaml::Value::Mapping(entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()))
    }

    fn equals(&self, other: &dyn Object) -> Option<bool> {
        let other = other.as_any().downcast_ref::<Self>();
        Some(other.is_some_and(|other| self.certificate == other.certificate && self.key == other.key))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A source of randomness that cannot fail, once it has its seed.
fn random(machine: &Machine<'_>) -> Result<ChaCha20Rng, Failure> {
    let mut seed = [0; 32];
    machine.host().random(&mut seed)?;
    Ok(ChaCha20Rng::from_seed(seed))
}

fn private_key(machine: &mut Machine<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let mut random = random(machine)?;
    let failed = |error: String| format!("failed to generate private key: {error}");
    let key = match argument::bytes(arguments, 0) {
        b"" | b"rsa" => PrivateKey::new_rsa(&mut random, 4096),
        b"dsa" => Ok(PrivateKey::new_dsa(&mut random)),
        b"ecdsa" => PrivateKey::new_p256(&mut random),
        b"ed25519" => Ok(PrivateKey::new_ed25519(&mut random)),
        other => return Ok(Value::text([b"Unknown type ", other].concat())),
    };
    Ok(Value::text(key.map_or_else(failed, |key| key.to_pem())))
}

fn new_key(machine: &Machine<'_>) -> Result<PrivateKey, Failure> {
    let key = PrivateKey::new_rsa(&mut random(machine)?, 2048);
    key.map_err(|error| format!("error generating rsa key: {error}").into())
}

fn given_key(text: &[u8]) -> Result<PrivateKey, Failure> {
    PrivateKey::from_pem(text).map_err(|error| format!("parsing private key: {error}").into())
}

/// What arguments say that begin with a name, addresses, names of hosts, and days.
fn named_template(machine: &Machine<'_>, arguments: &[Value]) -> Result<Template, Failure> {
    let names = arguments.get(1).zip(arguments.get(2));
    template(machine, argument::bytes(arguments, 0), names, argument::int(arguments, 3))
}

fn items(list: &Value) -> &[Value] {
    list.as_list().map_or(&[], |list| &list.items)
}

/// How a value that should be text is shown.
fn shown(value: &Value) -> Result<String, Failure> {
    let mut out = Vec::new();
    format::append_value(&mut out, value)?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}

fn template(
    machine: &Machine<'_>,
    common_name: &[u8],
    names: Option<(&Value, &Value)>,
    days: i64,
) -> Result<Template, Failure> {
    let (mut addresses, mut dns_names) = (Vec::new(), Vec::new());
    if let Some((ips, hosts)) = names {
        for item in items(ips) {
            let Value::Text(text) = item else {
                return Err(format!("error parsing ip: {} is not a string", shown(item)?).into());
            };
            let address = x509::address(text);
            addresses.push(address.ok_or_else(|| format!("error parsing ip: {}", text.to_str()))?);
        }
        for item in items(hosts) {
            let Value::Text(text) = item else {
                let shown = shown(item)?;
                return Err(format!("error processing alternate dns name: {shown} is not a string").into());
            };
            dns_names.push(text.to_vec());
        }
    }
    let mut serial = [0; 16];
    machine.host().random(&mut serial)?;
    let second = i128::from(duration::SECOND);
    let now = i64::try_from(machine.host().now().div_euclid(second)).unwrap_or(0);
    let not_before = Time::from_unix(now, 0, Location::Utc);
    let not_after = not_before.plus(days.wrapping_mul(24 * 3600 * duration::SECOND));
    let common_name = common_name.to_vec();
    Ok(Template { serial, common_name, not_before, not_after, is_ca: false, dns_names, addresses })
}

fn pair(template: &Template, key: &PrivateKey, issuer: &Issuer<'_>) -> Result<Value, Failure> {
    if matches!((key, issuer.key), (PrivateKey::Dsa(_), PrivateKey::Dsa(_))) {
        // Go looks at the signer first.
        issuer.key.can_sign().map_err(creating)?;
    }
    let certificate = x509::create(template, key, issuer).map_err(creating)?;
    Ok(Pair::value(pem::encode("CERTIFICATE", &certificate), key.to_pem()))
}

fn creating(error: impl std::fmt::Display) -> Failure {
    format!("error creating certificate: {error}").into()
}

fn self_signed(template: &Template, key: &PrivateKey) -> Result<Value, Failure> {
    pair(template, key, &Issuer { certificate: None, key })
}

/// A certificate that signs others, with its key.
struct Authority {
    certificate: Certificate,
    key: PrivateKey,
}

impl Authority {
    fn of(value: Option<&Value>) -> Result<Self, Failure> {
        let (certificate, key) = match value {
            Some(Value::Object(object)) => match object.as_any().downcast_ref::<Pair>() {
                Some(pair) => (pair.certificate.clone(), pair.key.clone()),
                None => (Text::from(""), Text::from("")),
            },
            _ => (Text::from(""), Text::from("")),
        };
        let block = pem::decode(&certificate).ok_or("unable to decode certificate")?;
        let certificate = Certificate::parse(&block.bytes)
            .map_err(|error| format!("error parsing certificate: decodedSignerCert.Bytes: {error}"))?;
        let key = PrivateKey::from_pem(&key).map_err(|error| format!("error parsing private key: {error}"))?;
        Ok(Self { certificate, key })
    }

    fn sign(&self, template: &Template, key: &PrivateKey) -> Result<Value, Failure> {
        pair(template, key, &Issuer { certificate: Some(&self.certificate), key: &self.key })
    }
}

/// Certificate and key as they are given, if they are what they should be.
fn custom(_: &mut Machine<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let decoded = |place: usize, what: &str| {
        base64::decode(argument::bytes(arguments, place)).map_err(|_| format!("unable to decode base64 {what}"))
    };
    let certificate = decoded(0, "certificate")?;
    let key = decoded(1, "private key")?;
    let block = pem::decode(&certificate).ok_or("unable to decode certificate")?;
    Certificate::parse(&block.bytes)
        .map_err(|error| format!("error parsing certificate: decodedCert.Bytes: {error}"))?;
    PrivateKey::from_pem(&key).map_err(|error| format!("error parsing private key: {error}"))?;
    Ok(Pair::value(certificate, key))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Seeded, call, value_with};
    use super::*;

    fn text(text: &str) -> Value {
        Value::text(text)
    }

    fn generate(name: &str, arguments: &[Value]) -> Value {
        value_with(&Seeded::new(5), name, arguments).unwrap()
    }

    fn parts(value: &Value) -> (String, String) {
        let Value::Object(object) = value else { panic!("{value:?}") };
        let field = |name: &str| match object.field(name) {
            Some(Value::Text(text)) => text.as_str().unwrap().to_owned(),
            other => panic!("{other:?}"),
        };
        (field("Cert"), field("Key"))
    }

    fn key(kind: &str) -> String {
        call("genPrivateKey", &[text(kind)]).unwrap()
    }

    #[test]
    fn keys_are_read_again_as_they_were_written() {
        for kind in ["ecdsa", "ed25519"] {
            let pem = key(kind);
            assert_eq!(PrivateKey::from_pem(pem.as_bytes()).unwrap().to_pem(), pem);
        }
        let rsa = PrivateKey::new_rsa(&mut ChaCha20Rng::from_seed([1; 32]), 1024).unwrap().to_pem();
        assert_eq!(PrivateKey::from_pem(rsa.as_bytes()).unwrap().to_pem(), rsa);
        assert_eq!(key("nope"), "Unknown type nope");
    }

    #[test]
    fn a_certificate_says_what_was_asked() {
        let authority = generate("genCAWithKey", &[text("My CA"), Value::int(10), text(&key("ecdsa"))]);
        let ips = Value::list(vec![text("10.0.0.1"), text("fe80::1")]);
        let names = Value::list(vec![text("a.example.com")]);
        let arguments = [text("server"), ips, names, Value::int(1), authority.clone(), text(&key("ed25519"))];
        let (certificate, _) = parts(&generate("genSignedCertWithKey", &arguments));
        let bytes = pem::decode(certificate.as_bytes()).unwrap().bytes;
        let contains = |part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
        for part in [&b"My CA"[..], b"server", b"a.example.com", &[10, 0, 0, 1], b"240229130405Z", b"240301130405Z"] {
            assert!(contains(part), "{part:?}");
        }
        let (authority, _) = parts(&authority);
        assert!(Certificate::parse(&pem::decode(authority.as_bytes()).unwrap().bytes).is_ok());
    }

    /// Held against another implementation: what a TLS client would say.
    #[test]
    fn a_chain_is_trusted_by_others() {
        use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
        let der = |value: &Value| CertificateDer::from(pem::decode(parts(value).0.as_bytes()).unwrap().bytes);
        let rsa = PrivateKey::new_rsa(&mut ChaCha20Rng::from_seed([2; 32]), 2048).unwrap().to_pem();
        for signer in [key("ecdsa"), key("ed25519"), rsa] {
            let authority = generate("genCAWithKey", &[text("CA"), Value::int(2), text(&signer)]);
            let ips = Value::list(vec![text("10.0.0.1"), text("::ffff:10.0.0.2")]);
            let names = Value::list(vec![text("a.example.com")]);
            let days = Value::int(1);
            let arguments = [text("a"), ips, names, days, authority.clone(), text(&key("ecdsa"))];
            let signed = der(&generate("genSignedCertWithKey", &arguments));
            let authority = der(&authority);
            let anchor = webpki::anchor_from_trusted_cert(&authority).unwrap();
            let certificate = webpki::EndEntityCert::try_from(&signed).unwrap();
            let verify = |seconds: u64| {
                let time = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
                let usage = webpki::KeyUsage::server_auth();
                let anchors = std::slice::from_ref(&anchor);
                certificate
                    .verify_for_usage(webpki::ALL_VERIFICATION_ALGS, anchors, &[], time, usage, None, None)
                    .is_ok()
            };
            assert!(verify(1_709_250_000), "{signer}");
            assert!(!verify(1_709_211_000) && !verify(1_709_300_000));
            for (name, fits) in
                [("a.example.com", true), ("10.0.0.1", true), ("10.0.0.2", true), ("b.example.com", false)]
            {
                let name = ServerName::try_from(name).unwrap();
                assert_eq!(certificate.verify_is_valid_for_subject_name(&name).is_ok(), fits, "{name:?}");
            }
        }
    }

    #[test]
    fn what_cannot_be_certified_is_refused_with_sprigs_words() {
        let error = |name: &str, arguments: &[Value]| value_with(&Seeded::new(5), name, arguments).unwrap_err();
        let none = Value::nil_list(crate::render::gotemplate::value::ListType::Any);
        let with = |ips: Value, names: Value, key: &str| {
            error("genSelfSignedCertWithKey", &[text("x"), ips, names, Value::int(1), text(key)])
        };
        let good = key("ecdsa");
        assert_eq!(with(Value::list(vec![text("zz")]), none.clone(), &good), "error parsing ip: zz");
        assert_eq!(with(Value::list(vec![Value::int(1)]), none.clone(), &good), "error parsing ip: 1 is not a string");
        assert_eq!(
            with(none.clone(), Value::list(vec![text("é")]), &good),
            "error creating certificate: x509: \"é\" cannot be encoded as an IA5String"
        );
        assert_eq!(with(none.clone(), none.clone(), "x"), "parsing private key: no PEM data in input");
        let mislabelled = good.replace("EC PRIVATE", "RSA PRIVATE");
        assert_eq!(
            with(none.clone(), none.clone(), &mislabelled),
            "parsing private key: parsing RSA private key from PEM: \
             x509: failed to parse private key (use ParseECPrivateKey instead for this key format)"
        );
        let other =
            Pair::value(parts(&generate("genCAWithKey", &[text("a"), Value::int(1), text(&good)])).0, key("ed25519"));
        assert_eq!(
            error("genSignedCertWithKey", &[text("x"), none.clone(), none, Value::int(1), other, text(&good)]),
            "error creating certificate: x509: provided PrivateKey doesn't match parent's PublicKey"
        );
        assert_eq!(error("buildCustomCert", &[text("!"), text("")]), "unable to decode base64 certificate");
    }
}
