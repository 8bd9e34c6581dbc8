//! Provenance files: who signed a chart, that it is the chart that was signed, and how one is signed.
//!
//! A provenance file is a text with an OpenPGP signature: `Chart.yaml`, a line `...`, and the digests of files as YAML.
//! Rules and texts are those of Helm's `pkg/provenance` and of go-crypto's `CheckDetachedSignature` below it. What
//! frames the text is `cleartext`'s business, which keys count is `keyring`'s; the pgp crate does the arithmetic.
//! Unlike Helm, signatures over MD5, SHA-1 and RIPEMD-160 count for nothing.

use std::path::{Path, PathBuf};

use pgp::armor::Dearmor;
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{
    Packet, PacketParser, PacketTrait as _, Signature, SignatureConfig, SignatureType, Subpacket, SubpacketData,
};
use pgp::types::{KeyDetails, KeyVersion, Password, S2kParams, SecretParams, StringToKey, Timestamp, VerifyingKey};

use crate::code::Code;
use crate::yaml::{self, Numbers, Value};

use super::cleartext::{self, Cleartext};
use super::keyring::{self, Key, check_notations, is_issuer, lasting};
use super::reference::Digest;

/// How many signatures of a message are looked at.
const MOST_SIGNATURES: usize = 16;
/// The most memory that unlocking a key may ask for: two to the power of this in KiB, 2 GiB.
const MOST_KEY_MEMORY: u8 = 21;

/// Why a chart's signature is not in order, or why there is none. The texts are Helm's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProvenanceError {
    /// A folder has no signature.
    #[error("unpacked charts cannot be verified")]
    Unpacked,
    /// The name is not that of an archive.
    #[error("chart must be a tgz file")]
    NotAnArchive,
    /// There is no provenance file beside the archive.
    #[error("could not load provenance file {path}: {problem}", path = path.display())]
    Missing {
        /// Where it should be.
        path: PathBuf,
        /// The system's words.
        problem: String,
    },
    /// The keyring cannot be read.
    #[error("{0}")]
    Keyring(String),
    /// The provenance file holds no signed text.
    #[error("signature block not found")]
    NoMessage,
    /// No key of the keyring has made the signature, or none that may.
    #[error("openpgp: signature made by unknown entity")]
    UnknownSigner,
    /// The key that made it was taken back.
    #[error("openpgp: signature made by revoked key")]
    Revoked,
    /// The key that made it is past its time.
    #[error("openpgp: key expired")]
    KeyExpired,
    /// The signature is past its time.
    #[error("openpgp: signature expired")]
    SignatureExpired,
    /// The signature is wrong.
    #[error("openpgp: invalid signature: {0}")]
    Invalid(String),
    /// What should be a signature is none.
    #[error("openpgp: invalid data: {0}")]
    Data(String),
    /// The signed text has no digests.
    #[error("message block must have at least two parts")]
    NoDigests,
    /// The digests cannot be read.
    #[error("{0}")]
    Digests(String),
    /// The signature is for files of other names.
    #[error("provenance does not contain a SHA for a file named {name:?}")]
    OtherName {
        /// The archive's name.
        name: String,
    },
    /// The signature is for another archive.
    #[error("sha256 sum does not match for {name}: {promised:?} != {actual:?}")]
    OtherContent {
        /// The archive's name.
        name: String,
        /// The digest that was signed.
        promised: String,
        /// The digest of the archive.
        actual: String,
    },
    /// No key of the keyring has the name.
    #[error("private key not found")]
    NoSuchKey,
    /// Several keys have it.
    #[error("more than one key contain the id {0:?}")]
    Ambiguous(String),
    /// The key is a public one.
    #[error("provided key is not a private key. Try providing a keyring with secret keys")]
    NotPrivate,
    /// The passphrase is wrong, or the key is damaged.
    #[error("openpgp: invalid data: private key checksum failure")]
    Passphrase,
    /// The key cannot sign.
    #[error("openpgp: invalid argument: {0}")]
    Signing(String),
}

impl ProvenanceError {
    /// The message code.
    pub const fn code(&self) -> Code {
        match self {
            Self::NoSuchKey | Self::Ambiguous(_) | Self::NotPrivate | Self::Passphrase | Self::Signing(_) => {
                Code::SigningKey
            }
            _ => Code::ChartSignature,
        }
    }
}

/// A signature that is in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The names of the key's owner.
    pub signed_by: Vec<String>,
    /// The fingerprint of the primary key, in upper-case hexadecimal.
    pub fingerprint: String,
    /// `sha256:` and the digest of the archive.
    pub digest: String,
}

/// Checks the signature in a provenance file, and that it is for this archive under this name.
///
/// # Errors
/// If anything is not in order.
pub fn verify(archive: &[u8], provenance: &[u8], file_name: &str, keyring: &Path) -> Result<Verified, ProvenanceError> {
    let keys = keyring::read(keyring).map_err(|error| match error {
        ProvenanceError::Keyring(text) => ProvenanceError::Keyring(format!("failed to load keyring: {text}")),
        other => other,
    })?;
    let message = Cleartext::find(provenance).ok_or(ProvenanceError::NoMessage)?;
    let signer = signer(&message, &keys, Timestamp::now())?;
    let digest = Digest::of(archive).to_string();
    let promised = promised(&message.text, file_name)?;
    if promised != digest {
        return Err(ProvenanceError::OtherContent { name: file_name.to_owned(), promised, actual: digest });
    }
    Ok(Verified {
        signed_by: signer.identities().into_iter().map(|identity| identity.name).collect(),
        fingerprint: format!("{:X}", signer.public.fingerprint()),
        digest,
    })
}

/// The digest that the signed text gives for a file.
fn promised(signed: &[u8], file_name: &str) -> Result<String, ProvenanceError> {
    let start = memchr::memmem::find(signed, SEPARATOR).ok_or(ProvenanceError::NoDigests)?;
    let sums = signed.get(start + SEPARATOR.len()..).unwrap_or_default();
    let end = memchr::memmem::find(sums, SEPARATOR).unwrap_or(sums.len());
    let sums = yaml::read_mapping(sums.get(..end).unwrap_or_default(), Numbers::Exact)
        .map_err(|error| ProvenanceError::Digests(error.to_string()))?;
    let promised = sums.get("files").and_then(|files| files.get(file_name)).and_then(Value::as_str);
    promised.map(str::to_owned).ok_or_else(|| ProvenanceError::OtherName { name: file_name.to_owned() })
}

/// What stands between `Chart.yaml` and the digests.
const SEPARATOR: &[u8] = b"\n...\n";

/// The signatures below a text.
fn signatures(message: &Cleartext) -> Result<Vec<Signature>, ProvenanceError> {
    let mut armor = Dearmor::new(std::io::BufReader::new(message.signature.as_slice()));
    armor.read_header().map_err(|_| ProvenanceError::NoMessage)?;
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut armor, &mut bytes).map_err(|error| ProvenanceError::Data(error.to_string()))?;
    let mut signatures = Vec::new();
    for packet in PacketParser::new(bytes.as_slice()).take(MOST_SIGNATURES) {
        match packet {
            Ok(Packet::Signature(signature)) => signatures.push(signature),
            Ok(_) => return Err(ProvenanceError::Data("non signature packet found".to_owned())),
            Err(error) => return Err(ProvenanceError::Data(error.to_string())),
        }
    }
    Ok(signatures)
}

/// The key of the keyring that has signed the text, if it may. As in Helm the first signature counts that is by a key of
/// the keyring.
fn signer<'k>(message: &Cleartext, keys: &'k [Key], now: Timestamp) -> Result<&'k Key, ProvenanceError> {
    let text = cleartext::canonical(&message.text);
    let mut trouble = None;
    for signature in signatures(message)? {
        if signature.issuer_fingerprint().is_empty() && signature.issuer_key_id().is_empty() {
            return Err(ProvenanceError::Data("signature doesn't have an issuer".to_owned()));
        }
        for key in keys {
            let own = &key.public.primary_key;
            let good = if is_issuer(&signature, own) && key.signs() {
                check(&signature, own, &text).and_then(|()| check_notations(&signature)).and_then(|()| key.check(now))
            } else if let Some(subkey) = key
                .public
                .public_subkeys
                .iter()
                .find(|subkey| is_issuer(&signature, &subkey.key) && key.binding(subkey).is_some())
            {
                check(&signature, &subkey.key, &text)
                    .and_then(|()| check_notations(&signature))
                    .and_then(|()| key.check(now))
                    .and_then(|()| key.check_subkey(subkey, now))
            } else {
                continue;
            };
            match good.and_then(|()| lasting(&signature, now)) {
                Ok(()) => return Ok(key),
                Err(error) => trouble = Some(error),
            }
        }
        if let Some(trouble) = trouble {
            return Err(trouble);
        }
    }
    Err(ProvenanceError::UnknownSigner)
}

/// Whether the arithmetic holds.
fn check(signature: &Signature, key: &impl VerifyingKey, text: &[u8]) -> Result<(), ProvenanceError> {
    let refuse = |text: &str| Err(ProvenanceError::Invalid(text.to_owned()));
    if matches!(signature.hash_alg(), None | Some(HashAlgorithm::Md5 | HashAlgorithm::Sha1 | HashAlgorithm::Ripemd160))
    {
        return refuse("insecure hash function");
    }
    if !matches!(signature.typ(), Some(SignatureType::Text | SignatureType::Binary)) {
        return refuse("not of a text");
    }
    match signature.verify(key, text) {
        Ok(()) => Ok(()),
        // Two bytes of the hash stand open in the signature.
        Err(error) if error.to_string().contains("signed hash value") => refuse("hash tag doesn't match"),
        Err(_) => Err(ProvenanceError::Invalid(format!("{} verification failure", family(key)))),
    }
}

/// Go's word for the family of a key's algorithm.
fn family(key: &impl KeyDetails) -> &'static str {
    use pgp::crypto::public_key::PublicKeyAlgorithm as Algorithm;
    match key.algorithm() {
        Algorithm::RSA | Algorithm::RSASign | Algorithm::RSAEncrypt => "RSA",
        Algorithm::DSA => "DSA",
        Algorithm::ECDSA => "ECDSA",
        Algorithm::EdDSALegacy => "EdDSA",
        Algorithm::Ed25519 => "Ed25519",
        Algorithm::Ed448 => "Ed448",
        _ => "signature",
    }
}

/// A secret key to sign with.
#[derive(Debug)]
pub struct SigningKey {
    key: Key,
}

impl SigningKey {
    /// The key of a keyring whose owner has this name: the whole name, or the only one that contains it.
    ///
    /// # Errors
    /// If the keyring cannot be read, or there is no such secret key.
    pub fn find(keyring: &Path, name: &str) -> Result<Self, ProvenanceError> {
        let mut candidate = None;
        let mut hits = 0;
        for key in keyring::read(keyring)? {
            let names = key.identities();
            if names.iter().any(|identity| identity.name == name) {
                drop(names);
                return Self::of(key);
            }
            let own = names.iter().filter(|identity| identity.name.contains(name)).count();
            drop(names);
            if own > 0 {
                hits += own;
                candidate = Some(key);
            }
        }
        match candidate {
            Some(_) if hits > 1 => Err(ProvenanceError::Ambiguous(name.to_owned())),
            Some(key) => Self::of(key),
            None => Err(ProvenanceError::NoSuchKey),
        }
    }

    fn of(key: Key) -> Result<Self, ProvenanceError> {
        if key.secret.is_some() { Ok(Self { key }) } else { Err(ProvenanceError::NotPrivate) }
    }

    /// The name of its owner, to be shown.
    pub fn owner(&self) -> String {
        self.key.identities().into_iter().next().map_or_else(|| "Unknown".to_owned(), |identity| identity.name)
    }

    /// Whether a passphrase is needed before it signs.
    pub fn is_locked(&self) -> bool {
        self.key.secret.as_ref().is_some_and(|secret| secret.primary_key.secret_params().is_encrypted())
    }

    /// Unlocks it.
    ///
    /// # Errors
    /// If the passphrase is wrong.
    pub fn unlock(&mut self, passphrase: &str) -> Result<(), ProvenanceError> {
        let Some(secret) = &mut self.key.secret else { return Err(ProvenanceError::NotPrivate) };
        if let SecretParams::Encrypted(params) = secret.primary_key.secret_params()
            && let S2kParams::Aead { s2k: StringToKey::Argon2 { m_enc, .. }, .. } = params.string_to_key_params()
            && *m_enc > MOST_KEY_MEMORY
        {
            return Err(ProvenanceError::Signing("unlocking the key takes more than 2 GiB of memory".to_owned()));
        }
        secret.primary_key.remove_password(&Password::from(passphrase)).map_err(|_| ProvenanceError::Passphrase)
    }

    /// The provenance file of an archive: `chart_yaml` and the digest, signed.
    ///
    /// # Errors
    /// If the key is locked or cannot sign.
    pub fn sign(&self, archive: &[u8], file_name: &str, chart_yaml: &str) -> Result<String, ProvenanceError> {
        let secret = self.key.secret.as_ref().ok_or(ProvenanceError::NotPrivate)?;
        let key = &secret.primary_key;
        let failed = |error: pgp::errors::Error| ProvenanceError::Signing(error.to_string());
        let sums = [(file_name, Digest::of(archive).to_string())];
        let sums: yaml::Mapping = sums.into_iter().map(|(name, sum)| (name.to_owned(), Value::String(sum))).collect();
        let files: yaml::Mapping = std::iter::once(("files".to_owned(), Value::Mapping(sums))).collect();
        let files =
            yaml::to_yaml(&Value::Mapping(files)).map_err(|error| ProvenanceError::Digests(error.to_string()))?;
        let text = format!("{chart_yaml}\n...\n{files}");

        let hash = HashAlgorithm::Sha512;
        let mut config = match key.version() {
            KeyVersion::V6 => {
                let mut salt = vec![0; hash.salt_len().unwrap_or_default()];
                getrandom::fill(&mut salt).map_err(|error| ProvenanceError::Signing(error.to_string()))?;
                SignatureConfig::v6_with_salt(SignatureType::Text, key.algorithm(), hash, salt)
            }
            _ => SignatureConfig::v4(SignatureType::Text, key.algorithm(), hash),
        };
        config.hashed_subpackets = vec![
            Subpacket::critical(SubpacketData::SignatureCreationTime(Timestamp::now())).map_err(failed)?,
            Subpacket::regular(SubpacketData::IssuerFingerprint(key.fingerprint())).map_err(failed)?,
        ];
        if key.version() != KeyVersion::V6 {
            let issuer = SubpacketData::IssuerKeyId(key.legacy_key_id());
            config.hashed_subpackets.insert(1, Subpacket::regular(issuer).map_err(failed)?);
        }
        let canonical = cleartext::canonical(text.as_bytes());
        let signature = config.sign(key, &Password::empty(), canonical.as_slice()).map_err(failed)?;
        let mut packet = Vec::new();
        signature.to_writer_with_header(&mut packet).map_err(failed)?;
        Ok(cleartext::frame(&text, "SHA512", &packet))
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::{ProvenanceError, SigningKey, verify};

    /// `tests/it/registry/signed/`: a chart signed by Helm 4 with keys that GnuPG made for these tests.
    fn path(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/registry/signed").join(name)
    }

    fn read(name: &str) -> Vec<u8> {
        std::fs::read(path(name)).unwrap()
    }

    fn refused(archive: &[u8], provenance: &[u8], name: &str, keyring: &str) -> String {
        verify(archive, provenance, name, &path(keyring)).unwrap_err().to_string()
    }

    const NAME: &str = "small-1.0.0.tgz";

    #[test]
    fn a_chart_is_as_its_signer_signed_it() {
        for (who, name, fingerprint) in [
            ("rsa", "Chart Signer <signer@example.com>", "5DF1FCC3F2C5DDD954F58F4C8C5C08745296EACF"),
            ("ed25519", "Other Signer <other@example.com>", "91FDF11C8AF8DF5B9B98C1A26BF24E180D2807E8"),
        ] {
            for keyring in ["all.gpg", "all.asc"] {
                let verified = verify(&read(NAME), &read(&format!("{who}.prov")), NAME, &path(keyring)).unwrap();
                assert_eq!((verified.signed_by, verified.fingerprint.as_str()), (vec![name.to_owned()], fingerprint));
            }
        }
    }

    #[test]
    fn signatures_of_all_kinds_of_keys_count_and_those_of_bad_keys_do_not() {
        let archive = read(NAME);
        for (who, name) in [
            ("curve", "Curve Signer <curve@example.com>"),
            ("digital", "Digital Signer <digital@example.com>"),
            ("subkey", "Subkey Signer <subkey@example.com>"),
        ] {
            let verified = verify(&archive, &read(&format!("{who}.prov")), NAME, &path("more.gpg")).unwrap();
            assert_eq!(verified.signed_by, [name]);
        }
        let refused = |who: &str| verify(&archive, &read(who), NAME, &path("more.gpg")).unwrap_err();
        assert_eq!(refused("revoked.prov"), ProvenanceError::Revoked);
        assert_eq!(refused("sha1.prov"), ProvenanceError::Invalid("insecure hash function".to_owned()));
        // A keyring with secrets is one with public keys too.
        let verified = verify(&archive, &read("curve.prov"), NAME, &path("secret.gpg")).unwrap();
        assert_eq!(verified.signed_by, ["Curve Signer <curve@example.com>"]);
    }

    #[test]
    fn what_is_not_in_order_is_refused_in_helms_words() {
        let (archive, provenance) = (read(NAME), read("rsa.prov"));
        let ours = "all.gpg";
        assert_eq!(refused(&archive, &provenance, NAME, "other.gpg"), "openpgp: signature made by unknown entity");
        assert_eq!(refused(&archive, &read("expired.prov"), NAME, ours), "openpgp: key expired");
        assert!(
            refused(b"another", &provenance, NAME, ours).starts_with("sha256 sum does not match for small-1.0.0.tgz: ")
        );
        let renamed = refused(&archive, &provenance, "x.tgz", ours);
        assert_eq!(renamed, "provenance does not contain a SHA for a file named \"x.tgz\"");
        let text = String::from_utf8(provenance).unwrap();
        let changed = text.replace("A chart", "B chart");
        let changed = refused(&archive, changed.as_bytes(), NAME, ours);
        assert_eq!(changed, "openpgp: invalid signature: hash tag doesn't match");
        for broken in ["", "hello", &text[..text.len() / 2]] {
            assert_eq!(refused(&archive, broken.as_bytes(), NAME, ours), "signature block not found", "{broken}");
        }
        let damaged = refused(&archive, text.replace("wsC5", "****").as_bytes(), NAME, ours);
        assert!(damaged.starts_with("openpgp: invalid data: "), "{damaged}");
        assert!(refused(&archive, text.as_bytes(), NAME, "nowhere").starts_with("failed to load keyring: open "));
        assert!(refused(&archive, text.as_bytes(), NAME, "rsa.prov").starts_with("failed to load keyring: "));
    }

    #[test]
    fn a_key_is_found_by_its_name_or_by_a_part_that_no_other_has() {
        let find = |keyring: &str, name: &str| SigningKey::find(&path(keyring), name).map(|key| key.owner());
        for keyring in ["secret.gpg", "secret.asc"] {
            let owner = "Open Signer <open@example.com>";
            assert_eq!(find(keyring, "Open").as_deref(), Ok(owner));
            assert_eq!(find(keyring, owner).as_deref(), Ok(owner));
            assert_eq!(find(keyring, "Signer"), Err(ProvenanceError::Ambiguous("Signer".to_owned())));
            assert_eq!(find(keyring, "Nobody"), Err(ProvenanceError::NoSuchKey));
        }
        assert_eq!(find("more.gpg", "Open"), Err(ProvenanceError::NotPrivate));
    }

    #[test]
    fn what_is_signed_here_is_in_order() {
        let archive = read(NAME);
        for (name, passphrase) in [("Package", Some("secret")), ("Open", None), ("Curve", None), ("Digital", None)] {
            let mut key = SigningKey::find(&path("secret.gpg"), name).unwrap();
            assert_eq!(key.is_locked(), passphrase.is_some());
            if let Some(passphrase) = passphrase {
                assert_eq!(key.unlock("wrong"), Err(ProvenanceError::Passphrase));
                assert!(key.sign(&archive, NAME, "name: small\n").is_err(), "still locked");
                key.unlock(passphrase).unwrap();
                assert!(!key.is_locked());
            }
            let signed = key.sign(&archive, NAME, "name: small\n- dash  \n").unwrap();
            let verified = verify(&archive, signed.as_bytes(), NAME, &path("more.gpg")).unwrap();
            assert_eq!(verified.signed_by, [key.owner()]);
            assert!(verify(b"another", signed.as_bytes(), NAME, &path("more.gpg")).is_err());
        }
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
        #[test]
        fn no_message_and_no_keyring_makes_the_reader_stumble(
            at in 0_usize..1200, byte in proptest::prelude::any::<u8>(), keys in proptest::prelude::any::<bool>()
        ) {
            let (mut provenance, mut keyring) = (read("rsa.prov"), read("all.gpg"));
            let target = if keys { &mut keyring } else { &mut provenance };
            let length = target.len();
            target[at % length] = byte;
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), &keyring).unwrap();
            let _ = verify(&read(NAME), &provenance, NAME, file.path());
        }
    }
}
