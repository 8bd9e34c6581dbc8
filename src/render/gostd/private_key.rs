//! Private keys: made, read and written in the forms of Go's `crypto/x509`, and used to sign.
//!
//! Arithmetic and signatures are `RustCrypto`'s. Elliptic curves are P-256, P-384 and P-521; Go knows P-224 besides.

use dsa::{Components, KeySize};
use p256::ecdsa::signature::Signer as _;
use rand_core::CryptoRng;
use rsa::traits::{PrivateKeyParts as _, PublicKeyParts as _};
use rsa::{BoxedUint, Pkcs1v15Sign, RsaPrivateKey};
use sha2::{Digest as _, Sha256};

use super::der::{self, Reader};
use super::pem;

/// 1.2.840.113549.1.1.1
pub(super) const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
/// 1.2.840.113549.1.1.11
const RSA_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 0x0b];
/// 1.2.840.10045.2.1
pub(super) const ECDSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
/// 1.3.101.112
pub(super) const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
/// 1.2.840.10045.3.1.7
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
/// 1.3.132.0.34
const P384: &[u8] = &[0x2b, 0x81, 4, 0, 0x22];
/// 1.3.132.0.35
const P521: &[u8] = &[0x2b, 0x81, 4, 0, 0x23];

/// A key on one of the curves.
pub enum Curve {
    /// On P-256.
    P256(p256::SecretKey),
    /// On P-384.
    P384(p384::SecretKey),
    /// On P-521.
    P521(p521::SecretKey),
}

/// A private key.
pub enum PrivateKey {
    /// RSA, with its encoding.
    Rsa(Box<RsaPrivateKey>),
    /// ECDSA.
    Curve(Curve),
    /// Ed25519.
    Ed25519(Box<ed25519_dalek::SigningKey>),
    /// DSA, which certificates have no use for: only its encoding is kept.
    Dsa(Vec<u8>),
}

impl std::fmt::Debug for PrivateKey {
    /// Never the key itself.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Rsa(_) => "PrivateKey(RSA)",
            Self::Curve(_) => "PrivateKey(ECDSA)",
            Self::Ed25519(_) => "PrivateKey(Ed25519)",
            Self::Dsa(_) => "PrivateKey(DSA)",
        })
    }
}

/// Same text where Go's parser of structures tells which tag it found instead.
const MALFORMED: &str = "asn1: structure error: tags don't match";
const NOT_PKCS1: &str = "x509: failed to parse private key (use ParsePKCS1PrivateKey instead for this key format)";
const NOT_SEC1: &str = "x509: failed to parse private key (use ParseECPrivateKey instead for this key format)";
const NOT_PKCS8: &str = "x509: failed to parse private key (use ParsePKCS8PrivateKey instead for this key format)";

impl Curve {
    const fn object(&self) -> &'static [u8] {
        match self {
            Self::P256(_) => P256,
            Self::P384(_) => P384,
            Self::P521(_) => P521,
        }
    }

    /// The point, uncompressed.
    fn point(&self) -> Vec<u8> {
        match self {
            Self::P256(key) => key.public_key().to_sec1_bytes().to_vec(),
            Self::P384(key) => key.public_key().to_sec1_bytes().to_vec(),
            Self::P521(key) => key.public_key().to_sec1_bytes().to_vec(),
        }
    }

    fn scalar(&self) -> Vec<u8> {
        match self {
            Self::P256(key) => key.to_bytes().to_vec(),
            Self::P384(key) => key.to_bytes().to_vec(),
            Self::P521(key) => key.to_bytes().to_vec(),
        }
    }

    fn from_scalar(curve: &[u8], scalar: &[u8]) -> Result<Self, String> {
        let size = match curve {
            P256 => 32,
            P384 => 48,
            P521 => 66,
            _ => return Err("x509: unknown elliptic curve".to_owned()),
        };
        // Zeros in front may be too many or missing.
        let extra = scalar.len().saturating_sub(size);
        let (zeros, digits) = scalar.split_at(extra);
        if zeros.iter().any(|byte| *byte != 0) {
            return Err("x509: invalid private key length".to_owned());
        }
        let scalar = [vec![0; size - digits.len()].as_slice(), digits].concat();
        let invalid = |_| "crypto/ecdsa: invalid private key".to_owned();
        Ok(match curve {
            P256 => Self::P256(p256::SecretKey::from_slice(&scalar).map_err(invalid)?),
            P384 => Self::P384(p384::SecretKey::from_slice(&scalar).map_err(invalid)?),
            _ => Self::P521(p521::SecretKey::from_slice(&scalar).map_err(invalid)?),
        })
    }
}

/// An algorithm identifier: the object, and parameters that are encoded already.
fn algorithm(object: &[u8], parameters: &[u8]) -> Vec<u8> {
    der::sequence(&[&der::value(der::OBJECT, object), parameters])
}

impl PrivateKey {
    /// A new RSA key of so many bits.
    ///
    /// # Errors
    /// If the crate cannot make one of that size.
    pub fn new_rsa<R: CryptoRng + ?Sized>(random: &mut R, bits: usize) -> Result<Self, String> {
        let key = RsaPrivateKey::new(random, bits).map_err(|error| error.to_string())?;
        Ok(Self::Rsa(Box::new(key)))
    }

    /// A new key on P-256, from random bytes.
    ///
    /// # Errors
    /// If no try gives a number below the order of the curve, which does not happen.
    pub fn new_p256<R: CryptoRng + ?Sized>(random: &mut R) -> Result<Self, String> {
        for _ in 0..64 {
            let mut scalar = [0; 32];
            random.fill_bytes(&mut scalar);
            if let Ok(key) = p256::SecretKey::from_slice(&scalar) {
                return Ok(Self::Curve(Curve::P256(key)));
            }
        }
        Err("no key was found".to_owned())
    }

    /// A new Ed25519 key.
    pub fn new_ed25519<R: CryptoRng + ?Sized>(random: &mut R) -> Self {
        let mut seed = [0; 32];
        random.fill_bytes(&mut seed);
        Self::Ed25519(Box::new(ed25519_dalek::SigningKey::from_bytes(&seed)))
    }

    /// A new DSA key of 2048 and 256 bits.
    pub fn new_dsa<R: CryptoRng + ?Sized>(random: &mut R) -> Self {
        let Ok(components) = Components::try_generate_from_rng_with_key_size(random, KeySize::DSA_2048_256);
        let Ok(key) = dsa::SigningKey::try_generate_from_rng_with_components(random, components);
        let public = key.verifying_key();
        let components = public.components();
        let number = |number: &BoxedUint| der::integer(&number.to_be_bytes());
        Self::Dsa(der::sequence(&[
            &der::integer(&[]),
            &number(components.p().as_ref()),
            &number(components.q().as_ref()),
            &number(components.g().as_ref()),
            &number(public.y().as_ref()),
            &number(key.x().as_ref()),
        ]))
    }

    /// Reads a key in PEM.
    ///
    /// # Errors
    /// Sprig's words, with Go's inside.
    pub fn from_pem(text: &[u8]) -> Result<Self, String> {
        let block = pem::decode(text).ok_or("no PEM data in input")?;
        if block.label == "PRIVATE KEY" {
            return Self::from_pkcs8(&block.bytes).map_err(|error| format!("decoding PEM as PKCS#8: {error}"));
        }
        match block.label.strip_suffix(" PRIVATE KEY") {
            Some("RSA") => {
                Self::from_pkcs1(&block.bytes).map_err(|error| format!("parsing RSA private key from PEM: {error}"))
            }
            Some("EC") => {
                Self::from_sec1(None, &block.bytes).map_err(|error| format!("parsing EC private key from PEM: {error}"))
            }
            Some("DSA") => {
                Self::from_dsa(&block.bytes).map_err(|error| format!("parsing DSA private key from PEM: {error}"))
            }
            Some(kind) => Err(format!("invalid private key type {kind}")),
            None => Err(format!("no private key data in PEM block of type {}", block.label)),
        }
    }

    fn from_pkcs8(bytes: &[u8]) -> Result<Self, String> {
        let Some((object, parameters, key)) = pkcs8(bytes) else {
            return Err(if sec1(bytes).is_some() {
                NOT_SEC1
            } else if pkcs1(bytes).is_some() {
                NOT_PKCS1
            } else {
                MALFORMED
            }
            .to_owned());
        };
        match object {
            RSA => Self::from_pkcs1(key)
                .map_err(|error| format!("x509: failed to parse RSA private key embedded in PKCS#8: {error}")),
            ECDSA => Self::from_sec1(Reader(parameters).object(), key)
                .map_err(|error| format!("x509: failed to parse EC private key embedded in PKCS#8: {error}")),
            ED25519 => {
                if !parameters.is_empty() {
                    return Err("x509: invalid Ed25519 private key parameters".to_owned());
                }
                let seed = Reader(key).content(der::OCTET_STRING);
                let seed = seed.ok_or_else(|| format!("x509: invalid Ed25519 private key: {MALFORMED}"))?;
                let seed: &[u8; 32] =
                    seed.try_into().map_err(|_| format!("x509: invalid Ed25519 private key length: {}", seed.len()))?;
                Ok(Self::Ed25519(Box::new(ed25519_dalek::SigningKey::from_bytes(seed))))
            }
            other => {
                Err(format!("x509: PKCS#8 wrapping contained private key with unknown algorithm: {}", dotted(other)))
            }
        }
    }

    fn from_pkcs1(bytes: &[u8]) -> Result<Self, String> {
        let Some(numbers) = pkcs1(bytes) else {
            return Err(if sec1(bytes).is_some() {
                NOT_SEC1
            } else if pkcs8(bytes).is_some() {
                NOT_PKCS8
            } else {
                MALFORMED
            }
            .to_owned());
        };
        if numbers.iter().any(|number| number.is_empty()) {
            return Err("x509: private key contains zero or negative value".to_owned());
        }
        let number = |place: usize| BoxedUint::from_be_slice_vartime(numbers.get(place).copied().unwrap_or_default());
        let key = RsaPrivateKey::from_components(number(0), number(1), number(2), vec![number(3), number(4)]);
        key.map(|key| Self::Rsa(Box::new(key))).map_err(|error| format!("crypto/rsa: invalid private key: {error}"))
    }

    fn from_sec1(curve: Option<&[u8]>, bytes: &[u8]) -> Result<Self, String> {
        let Some((version, scalar, named)) = sec1(bytes) else {
            return Err(if pkcs8(bytes).is_some() {
                NOT_PKCS8.to_owned()
            } else if pkcs1(bytes).is_some() {
                NOT_PKCS1.to_owned()
            } else {
                format!("x509: failed to parse EC private key: {MALFORMED}")
            });
        };
        if version != [1] {
            let version = version.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
            return Err(format!("x509: unknown EC private key version {version}"));
        }
        let curve = curve.or(named).unwrap_or_default();
        Ok(Self::Curve(Curve::from_scalar(curve, scalar)?))
    }

    fn from_dsa(bytes: &[u8]) -> Result<Self, String> {
        let mut whole = Reader(bytes);
        let mut reader = Reader(whole.content(der::SEQUENCE).ok_or(MALFORMED)?);
        let mut numbers = Vec::new();
        for _ in 0..6 {
            numbers.push(der::value(der::INTEGER, reader.integer().ok_or(MALFORMED)?));
        }
        // Written anew, without what may follow.
        let numbers: Vec<&[u8]> = numbers.iter().map(Vec::as_slice).collect();
        Ok(Self::Dsa(der::sequence(&numbers)))
    }

    /// The key in PEM, each kind in the form that sprig chooses.
    pub fn to_pem(&self) -> String {
        let number = |number: &BoxedUint| der::integer(&number.to_be_bytes());
        match self {
            Self::Rsa(key) => {
                let optional = |part: Option<&BoxedUint>| part.map(number).unwrap_or_default();
                let primes: Vec<Vec<u8>> = key.primes().iter().take(2).map(|prime| number(prime.as_ref())).collect();
                let encoded = der::sequence(&[
                    &der::integer(&[]),
                    &number(key.n().as_ref()),
                    &number(key.e()),
                    &number(key.d()),
                    &primes.concat(),
                    &optional(key.dp()),
                    &optional(key.dq()),
                    &optional(key.crt_coefficient().as_ref()),
                ]);
                pem::encode("RSA PRIVATE KEY", &encoded)
            }
            Self::Curve(curve) => {
                let encoded = der::sequence(&[
                    &der::integer(&[1]),
                    &der::value(der::OCTET_STRING, &curve.scalar()),
                    &der::value(0xa0, &der::value(der::OBJECT, curve.object())),
                    &der::value(0xa1, &der::bits(&curve.point())),
                ]);
                pem::encode("EC PRIVATE KEY", &encoded)
            }
            Self::Ed25519(key) => {
                let seed = der::value(der::OCTET_STRING, &key.to_bytes());
                let encoded = der::sequence(&[
                    &der::integer(&[]),
                    &algorithm(ED25519, &[]),
                    &der::value(der::OCTET_STRING, &seed),
                ]);
                pem::encode("PRIVATE KEY", &encoded)
            }
            Self::Dsa(encoded) => pem::encode("DSA PRIVATE KEY", encoded),
        }
    }

    /// The public key: algorithm and bits, encoded, and the bits' content.
    ///
    /// # Errors
    /// If certificates cannot have such a key.
    pub(super) fn public(&self) -> Result<(Vec<u8>, Vec<u8>), String> {
        let (algorithm, bits) = match self {
            Self::Rsa(key) => {
                let number = |number: &BoxedUint| der::integer(&number.to_be_bytes());
                let bits = der::sequence(&[&number(key.n().as_ref()), &number(key.e())]);
                (algorithm(RSA, &der::value(der::NULL, &[])), bits)
            }
            Self::Curve(curve) => (algorithm(ECDSA, &der::value(der::OBJECT, curve.object())), curve.point()),
            Self::Ed25519(key) => (algorithm(ED25519, &[]), key.verifying_key().to_bytes().to_vec()),
            Self::Dsa(_) => return Err("x509: unsupported public key type: *dsa.PublicKey".to_owned()),
        };
        Ok((der::sequence(&[&algorithm, &der::bits(&bits)]), bits))
    }

    /// The algorithm with which it signs, encoded.
    ///
    /// # Errors
    /// If it cannot sign certificates.
    pub(super) fn signature_algorithm(&self) -> Result<Vec<u8>, String> {
        // 1.2.840.10045.4.3 and the hash.
        let ecdsa = |hash: u8| algorithm(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, hash], &[]);
        Ok(match self {
            Self::Rsa(_) => algorithm(RSA_SHA256, &der::value(der::NULL, &[])),
            Self::Curve(Curve::P256(_)) => ecdsa(2),
            Self::Curve(Curve::P384(_)) => ecdsa(3),
            Self::Curve(Curve::P521(_)) => ecdsa(4),
            Self::Ed25519(_) => algorithm(ED25519, &[]),
            Self::Dsa(_) => {
                return Err("x509: certificate private key does not implement crypto.Signer".to_owned());
            }
        })
    }

    /// Whether it can sign certificates.
    ///
    /// # Errors
    /// Go's words if it cannot.
    pub fn can_sign(&self) -> Result<(), String> {
        self.signature_algorithm().map(drop)
    }

    /// Signs a message with that algorithm.
    ///
    /// # Errors
    /// Go's words for keys that are too small, the crate's for other trouble.
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, String> {
        let words = |error: p256::ecdsa::Error| error.to_string();
        Ok(match self {
            Self::Rsa(key) => {
                let bits = key.n().bits();
                if bits < 1024 {
                    return Err(format!(
                        "crypto/rsa: {bits}-bit keys are insecure (see https://go.dev/pkg/crypto/rsa#hdr-Minimum_key_size)"
                    ));
                }
                let hash = Sha256::digest(message);
                key.sign(Pkcs1v15Sign::new::<Sha256>(), &hash).map_err(|error| error.to_string())?
            }
            Self::Curve(Curve::P256(key)) => {
                let signature: p256::ecdsa::Signature =
                    p256::ecdsa::SigningKey::from(key).try_sign(message).map_err(words)?;
                signature.to_der().as_bytes().to_vec()
            }
            Self::Curve(Curve::P384(key)) => {
                let signature: p384::ecdsa::Signature =
                    p384::ecdsa::SigningKey::from(key).try_sign(message).map_err(words)?;
                signature.to_der().as_bytes().to_vec()
            }
            Self::Curve(Curve::P521(key)) => {
                let signature: p521::ecdsa::Signature =
                    p521::ecdsa::SigningKey::from(key).try_sign(message).map_err(words)?;
                signature.to_der().as_bytes().to_vec()
            }
            Self::Ed25519(key) => key.try_sign(message).map_err(words)?.to_bytes().to_vec(),
            Self::Dsa(_) => self.signature_algorithm()?,
        })
    }
}

/// Algorithm, its parameters as they are encoded, and the key inside.
fn pkcs8(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let mut reader = Reader(Reader(bytes).content(der::SEQUENCE)?);
    reader.integer()?;
    let mut algorithm = Reader(reader.content(der::SEQUENCE)?);
    let object = algorithm.object()?;
    Some((object, algorithm.0, reader.content(der::OCTET_STRING)?))
}

/// Modulus, exponents, primes, and what follows from them.
fn pkcs1(bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let mut whole = Reader(bytes);
    let mut reader = Reader(whole.content(der::SEQUENCE)?);
    let version = reader.unsigned()?;
    let numbers: Vec<&[u8]> = (0..8).map_while(|_| reader.unsigned()).collect();
    (version.is_empty() && numbers.len() == 8 && whole.is_empty()).then_some(numbers)
}

/// Version, scalar, and the curve if it is named.
type Sec1<'a> = (&'a [u8], &'a [u8], Option<&'a [u8]>);

fn sec1(bytes: &[u8]) -> Option<Sec1<'_>> {
    let mut reader = Reader(Reader(bytes).content(der::SEQUENCE)?);
    let version = reader.unsigned()?;
    let scalar = reader.content(der::OCTET_STRING)?;
    let named = reader.content(0xa0).and_then(|named| Reader(named).object());
    Some((version, scalar, named))
}

/// An object identifier in numbers.
fn dotted(object: &[u8]) -> String {
    let mut parts: Vec<u64> = Vec::new();
    let mut number = 0_u64;
    for byte in object {
        number = number << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            if parts.is_empty() {
                let first = (number / 40).min(2);
                parts.push(first);
                number -= first * 40;
            }
            parts.push(number);
            number = 0;
        }
    }
    parts.iter().map(u64::to_string).collect::<Vec<_>>().join(".")
}
