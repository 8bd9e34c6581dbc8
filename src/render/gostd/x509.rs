//! Certificates as Go's `crypto/x509` makes them for sprig: version 3, a common name, usages, alternative names; and as
//! much of reading them as signing needs.

use sha2::{Digest as _, Sha256};

use super::address;
use super::der::{self, Reader};
use super::private_key::{ECDSA, ED25519, PrivateKey, RSA};
use super::time::{Location, Time};
use crate::render::gotemplate::quote::quoted;

/// What a certificate is to say.
#[derive(Debug)]
pub struct Template {
    /// A number that no other certificate of the issuer has, the highest byte first.
    pub serial: [u8; 16],
    /// The subject.
    pub common_name: Vec<u8>,
    /// From when it holds.
    pub not_before: Time,
    /// Until when.
    pub not_after: Time,
    /// Whether it may sign others.
    pub is_ca: bool,
    /// Names of hosts.
    pub dns_names: Vec<Vec<u8>>,
    /// Addresses, 4 or 16 bytes each.
    pub addresses: Vec<Vec<u8>>,
}

/// Who signs.
#[derive(Debug)]
pub struct Issuer<'a> {
    /// The certificate, if it is not the one that is made.
    pub certificate: Option<&'a Certificate>,
    /// The key.
    pub key: &'a PrivateKey,
}

/// What signing needs to know of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The subject, encoded.
    subject: Vec<u8>,
    /// The public key, encoded, if its algorithm is known.
    public_key: Option<Vec<u8>>,
    subject_key_id: Vec<u8>,
}

/// 2.5.4.3
const COMMON_NAME: &[u8] = &[0x55, 4, 3];

/// A name of one part.
fn name(common_name: &[u8]) -> Result<Vec<u8>, String> {
    if common_name.is_empty() {
        return Ok(der::sequence(&[]));
    }
    let is_printable = |byte: &u8| byte.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(byte);
    let tag = if common_name.iter().all(is_printable) { 0x13 } else { 0x0c };
    if std::str::from_utf8(common_name).is_err() {
        return Err("asn1: string not valid UTF-8".to_owned());
    }
    let attribute = der::sequence(&[&der::value(der::OBJECT, COMMON_NAME), &der::value(tag, common_name)]);
    Ok(der::sequence(&[&der::value(der::SET, &attribute)]))
}

fn time(time: &Time) -> Result<Vec<u8>, String> {
    let time = time.at(Location::Utc);
    let year = time.civil().year;
    if (1950..2050).contains(&year) {
        return Ok(der::value(0x17, &time.format(b"060102150405Z")));
    }
    if (0..=9999).contains(&year) {
        return Ok(der::value(0x18, &time.format(b"20060102150405Z")));
    }
    Err("asn1: structure error: cannot represent time as GeneralizedTime".to_owned())
}

/// An extension 2.5.29.`number`.
fn extension(number: u8, is_critical: bool, content: &[u8]) -> Vec<u8> {
    let critical = if is_critical { der::value(der::BOOLEAN, &[0xff]) } else { Vec::new() };
    der::sequence(&[
        &der::value(der::OBJECT, &[0x55, 0x1d, number]),
        &critical,
        &der::value(der::OCTET_STRING, content),
    ])
}

const SUBJECT_KEY_ID: u8 = 14;
const KEY_USAGE: u8 = 15;
const ALTERNATIVE_NAMES: u8 = 17;
const BASIC_CONSTRAINTS: u8 = 19;
const AUTHORITY_KEY_ID: u8 = 35;
const EXTENDED_KEY_USAGE: u8 = 37;

fn alternative_names(template: &Template) -> Result<Vec<u8>, String> {
    let mut names = Vec::new();
    for name in &template.dns_names {
        if !name.is_ascii() {
            return Err(format!("x509: {} cannot be encoded as an IA5String", quoted(name)));
        }
        names.extend(der::value(0x82, name));
    }
    for address in &template.addresses {
        // An IPv4 address in IPv6's form is written in its own.
        let mapped = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
        names.extend(der::value(0x87, address.strip_prefix(&mapped).unwrap_or(address)));
    }
    Ok(der::value(der::SEQUENCE, &names))
}

/// A certificate for a key, encoded.
///
/// # Errors
/// Go's words.
pub fn create(template: &Template, key: &PrivateKey, issuer: &Issuer<'_>) -> Result<Vec<u8>, String> {
    let algorithm = issuer.key.signature_algorithm()?;
    let (public_key, bits) = key.public()?;
    let subject = name(&template.common_name)?;
    let issuer_name = issuer.certificate.map_or(&subject, |certificate| &certificate.subject);
    if let Some(certificate) = issuer.certificate
        && let Some(public_key) = &certificate.public_key
        && *public_key != issuer.key.public()?.0
    {
        return Err("x509: provided PrivateKey doesn't match parent's PublicKey".to_owned());
    }
    // Digital signature, encipherment of keys, and for an authority signing certificates.
    let usage: &[u8] = if template.is_ca { &[2, 0xa4] } else { &[5, 0xa0] };
    // 1.3.6.1.5.5.7.3.1 and .2: servers and clients.
    let purpose = |last: u8| der::value(der::OBJECT, &[0x2b, 6, 1, 5, 5, 7, 3, last]);
    let constraint = if template.is_ca { der::value(der::BOOLEAN, &[0xff]) } else { Vec::new() };
    let mut extensions = vec![
        extension(KEY_USAGE, true, &der::value(der::BIT_STRING, usage)),
        extension(EXTENDED_KEY_USAGE, false, &der::sequence(&[&purpose(1), &purpose(2)])),
        extension(BASIC_CONSTRAINTS, true, &der::sequence(&[&constraint])),
    ];
    if template.is_ca {
        let hash = Sha256::digest(&bits);
        let id = der::value(der::OCTET_STRING, hash.get(..20).unwrap_or_default());
        extensions.push(extension(SUBJECT_KEY_ID, false, &id));
    }
    if let Some(certificate) = issuer.certificate.filter(|certificate| certificate.subject != subject)
        && !certificate.subject_key_id.is_empty()
    {
        let id = der::sequence(&[&der::value(0x80, &certificate.subject_key_id)]);
        extensions.push(extension(AUTHORITY_KEY_ID, false, &id));
    }
    if !template.dns_names.is_empty() || !template.addresses.is_empty() {
        extensions.push(extension(ALTERNATIVE_NAMES, template.common_name.is_empty(), &alternative_names(template)?));
    }
    let validity = der::sequence(&[&time(&template.not_before)?, &time(&template.not_after)?]);
    let signed = der::sequence(&[
        &der::value(0xa0, &der::integer(&[2])),
        &der::integer(&template.serial),
        &algorithm,
        issuer_name,
        &validity,
        &subject,
        &public_key,
        &der::value(0xa3, &der::value(der::SEQUENCE, &extensions.concat())),
    ]);
    let signature = issuer.key.sign(&signed)?;
    Ok(der::sequence(&[&signed, &algorithm, &der::bits(&signature)]))
}

impl Certificate {
    /// Reads a certificate.
    ///
    /// # Errors
    /// Go's words for the part at fault; of extensions only their form and the key's identifier are looked at.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let mut input = Reader(bytes);
        let whole = input.content(der::SEQUENCE).ok_or("x509: malformed certificate")?;
        let trailing = !input.is_empty();
        let mut outer = Reader(whole);
        let mut reader = Reader(outer.content(der::SEQUENCE).ok_or("x509: malformed tbs certificate")?);
        let version = version(&mut reader)?;
        let serial = reader.integer().ok_or("x509: malformed serial number")?;
        if serial.first().is_some_and(|first| first & 0x80 != 0) {
            return Err("x509: negative serial number".to_owned());
        }
        let algorithm = reader.content(der::SEQUENCE).ok_or("x509: malformed signature algorithm identifier")?;
        let repeated = outer.content(der::SEQUENCE).ok_or("x509: malformed algorithm identifier")?;
        if algorithm != repeated {
            return Err("x509: inner and outer signature algorithm identifiers don't match".to_owned());
        }
        parameters(algorithm)?;
        check_name(reader.content(der::SEQUENCE).ok_or("x509: malformed issuer")?)?;
        check_validity(reader.content(der::SEQUENCE).ok_or("x509: malformed validity")?)?;
        let subject = reader.whole(der::SEQUENCE).ok_or("x509: malformed issuer")?;
        check_name(Reader(subject).content(der::SEQUENCE).unwrap_or_default())?;
        let key_info = reader.whole(der::SEQUENCE).ok_or("x509: malformed spki")?;
        let public_key = public_key(key_info)?.then(|| key_info.to_vec());
        let subject_key_id = if version > 1 { extensions(&mut reader, version)? } else { Vec::new() };
        outer.bit_string().ok_or("x509: malformed signature")?;
        if trailing {
            return Err("x509: trailing data".to_owned());
        }
        Ok(Self { subject: subject.to_vec(), public_key, subject_key_id })
    }
}

/// The version, from 1.
fn version(reader: &mut Reader<'_>) -> Result<u8, String> {
    if reader.peek() != Some(0xa0) {
        return Ok(1);
    }
    let mut inner = Reader(reader.content(0xa0).ok_or("x509: malformed version")?);
    match inner.unsigned() {
        Some([]) if inner.is_empty() => Ok(1),
        Some([version]) if inner.is_empty() && *version <= 2 => Ok(version + 1),
        Some(_) if inner.is_empty() => Err("x509: invalid version".to_owned()),
        _ => Err("x509: malformed version".to_owned()),
    }
}

/// Object and parameters of an algorithm.
fn parameters(algorithm: &[u8]) -> Result<(&[u8], &[u8]), String> {
    let mut reader = Reader(algorithm);
    let object = reader.object().ok_or("x509: malformed OID")?;
    if reader.is_empty() {
        return Ok((object, &[]));
    }
    let (_, _, whole) = reader.any().ok_or("x509: malformed parameters")?;
    Ok((object, whole))
}

fn check_name(name: &[u8]) -> Result<(), String> {
    let mut name = Reader(name);
    while !name.is_empty() {
        let mut set = Reader(name.content(der::SET).ok_or("x509: invalid RDNSequence")?);
        while !set.is_empty() {
            let attribute = set.content(der::SEQUENCE).ok_or("x509: invalid RDNSequence: invalid attribute")?;
            let mut attribute = Reader(attribute);
            attribute.object().ok_or("x509: invalid RDNSequence: invalid attribute type")?;
            attribute.any().ok_or("x509: invalid RDNSequence: invalid attribute value")?;
        }
    }
    Ok(())
}

fn check_validity(validity: &[u8]) -> Result<(), String> {
    let mut validity = Reader(validity);
    for _ in 0..2 {
        let (layout, name): (&[u8], _) = match validity.peek() {
            Some(0x17) => (b"060102150405Z0700", "x509: malformed UTCTime"),
            Some(0x18) => (b"20060102150405Z0700", "x509: malformed GeneralizedTime"),
            _ => return Err("x509: unsupported time format".to_owned()),
        };
        let text = validity.any().map(|(_, content, _)| content).ok_or(name)?;
        // Seconds may be missing in the short form.
        let short = layout.len() == 17 && Time::parse(b"0601021504Z0700", text, &Location::Utc).is_ok();
        if !short && Time::parse(layout, text, &Location::Utc).is_err() {
            return Err(name.to_owned());
        }
    }
    Ok(())
}

/// Whether the algorithm is known; then the key must be right.
fn public_key(key_info: &[u8]) -> Result<bool, String> {
    let mut reader = Reader(Reader(key_info).content(der::SEQUENCE).ok_or("x509: malformed spki")?);
    let algorithm = reader.content(der::SEQUENCE).ok_or("x509: malformed public key algorithm identifier")?;
    let (object, parameters) = parameters(algorithm)?;
    let bits = reader.bit_string().ok_or("x509: malformed subjectPublicKey")?;
    match object {
        RSA => {
            if parameters != [der::NULL, 0] {
                return Err("x509: RSA key missing NULL parameters".to_owned());
            }
            let mut key = Reader(Reader(bits).content(der::SEQUENCE).ok_or("x509: invalid RSA public key")?);
            let modulus = key.integer().ok_or("x509: invalid RSA modulus")?;
            let exponent = key.integer().ok_or("x509: invalid RSA public exponent")?;
            let is_positive = |number: &[u8]| number != [0] && number.first().is_some_and(|first| first & 0x80 == 0);
            if !is_positive(modulus) {
                return Err("x509: RSA modulus is not a positive number".to_owned());
            }
            if !is_positive(exponent) {
                return Err("x509: RSA public exponent is not a positive number".to_owned());
            }
        }
        ECDSA => {
            Reader(parameters).object().ok_or("x509: invalid ECDSA parameters")?;
        }
        ED25519 => {
            if !parameters.is_empty() {
                return Err("x509: Ed25519 key encoded with illegal parameters".to_owned());
            }
            if bits.len() != 32 {
                return Err("x509: wrong Ed25519 public key size".to_owned());
            }
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// The key's identifier among the extensions; empty if there is none.
fn extensions(reader: &mut Reader<'_>, version: u8) -> Result<Vec<u8>, String> {
    for tag in [0x81, 0x82] {
        if reader.peek() == Some(tag) {
            reader.content(tag).ok_or("x509: malformed issuerUniqueID")?;
        }
    }
    if version != 3 || reader.peek() != Some(0xa3) {
        return Ok(Vec::new());
    }
    let list = reader.content(0xa3).and_then(|inner| Reader(inner).content(der::SEQUENCE));
    let mut list = Reader(list.ok_or("x509: malformed extensions")?);
    let (mut id, mut seen) = (Vec::new(), Vec::new());
    while !list.is_empty() {
        let mut extension = Reader(list.content(der::SEQUENCE).ok_or("x509: malformed extension")?);
        let object = extension.object().ok_or("x509: malformed extension OID field")?;
        if extension.peek() == Some(der::BOOLEAN) {
            let critical = extension.content(der::BOOLEAN);
            critical.filter(|value| matches!(value, [0 | 0xff])).ok_or("x509: malformed extension critical field")?;
        }
        let content = extension.content(der::OCTET_STRING).ok_or("x509: malformed extension value field")?;
        if seen.contains(&object) {
            return Err("x509: certificate contains duplicate extensions".to_owned());
        }
        seen.push(object);
        if object == [0x55, 0x1d, SUBJECT_KEY_ID] {
            let content = Reader(content).content(der::OCTET_STRING).ok_or("x509: invalid subject key identifier")?;
            id = content.to_vec();
        }
    }
    Ok(id)
}

/// An address in the form that certificates have.
pub fn address(text: &[u8]) -> Option<Vec<u8>> {
    address::parse(text).ok().filter(|address| address.zone.is_empty()).map(|address| address.bytes)
}
