//! Keyrings: files with OpenPGP keys, public or secret, and which of the keys count.
//!
//! The pgp crate reads packets and checks signatures; what makes a key good enough is decided here as go-crypto decides
//! it for Helm (`openpgp/keys.go`, `checkMessageSignatureDetails` in `openpgp/read.go`): a key has names that it signed
//! itself, it may sign by the flags of the newest such signature, and it is neither expired nor revoked. Beyond Helm a
//! keyring may be armoured. Signatures of a key over itself that do not hold are passed over; Helm drops the key.

use std::io::{BufReader, Read as _};
use std::path::Path;

use pgp::armor::{BlockType, Dearmor};
use pgp::composed::{
    SignedPublicKey, SignedPublicKeyParser, SignedPublicSubKey, SignedSecretKey, SignedSecretKeyParser,
};
use pgp::packet::{Packet, PacketParser, PacketTrait as _, Signature, SignatureType, SubpacketData};
use pgp::types::{Duration, KeyDetails, Tag, Timestamp};

use super::provenance::ProvenanceError;

/// The largest keyring that is read, in bytes.
const LARGEST: u64 = 64 << 20;
/// How many keys of a keyring are looked at.
const MOST_KEYS: usize = 10_000;

/// A key with everything that belongs to it.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) public: SignedPublicKey,
    /// There only if the keyring holds secrets.
    pub(super) secret: Option<SignedSecretKey>,
}

/// A name that a key has signed itself.
pub(super) struct Identity<'k> {
    pub(super) name: String,
    /// The newest signature of the key over it.
    newest: &'k Signature,
    /// Signatures that take the name back.
    revocations: usize,
}

/// Reads a keyring. One without keys is no error: nobody in it has signed anything.
pub(super) fn read(path: &Path) -> Result<Vec<Key>, ProvenanceError> {
    let open = |error: &std::io::Error| {
        let reason = crate::chart::go_text(error);
        ProvenanceError::Keyring(format!("open {}: {reason}", path.display()))
    };
    let mut content = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| open(&error))?;
    file.take(LARGEST + 1).read_to_end(&mut content).map_err(|error| open(&error))?;
    if content.len() as u64 > LARGEST {
        return Err(ProvenanceError::Keyring(format!("{} is larger than {LARGEST} bytes", path.display())));
    }
    let is_binary = content.first().is_none_or(|first| first & 0x80 != 0);
    if is_binary { keys(&content) } else { keys(&unarmored(&content)?) }
}

fn unarmored(content: &[u8]) -> Result<Vec<u8>, ProvenanceError> {
    let bad = |text: String| ProvenanceError::Keyring(format!("openpgp: invalid data: {text}"));
    let mut armor = Dearmor::new(BufReader::new(content));
    armor.read_header().map_err(|_| bad("tag byte does not have MSB set".to_owned()))?;
    match armor.typ {
        Some(BlockType::PublicKey | BlockType::PrivateKey | BlockType::File) => {}
        Some(other) => return Err(bad(format!("the armor holds no keys but: {other}"))),
        None => return Err(bad("the armor holds nothing".to_owned())),
    }
    let mut bytes = Vec::new();
    armor.read_to_end(&mut bytes).map_err(|error| bad(error.to_string()))?;
    Ok(bytes)
}

/// The keys that can be read: those of algorithms to come sign nothing that we could check.
fn keys(content: &[u8]) -> Result<Vec<Key>, ProvenanceError> {
    let mut groups: Vec<Vec<Packet>> = Vec::new();
    let mut trouble = None;
    // Each packet takes at least one byte, whatever the parser makes of it.
    for packet in PacketParser::new(content).take(content.len()) {
        match packet {
            Ok(packet) if matches!(packet.tag(), Tag::PublicKey | Tag::SecretKey) => {
                if groups.len() == MOST_KEYS {
                    break;
                }
                groups.push(vec![packet]);
            }
            // What belongs to a key that could not be read lands on the one before it, where its signatures do not hold.
            Ok(packet) => groups.last_mut().into_iter().for_each(|group| group.push(packet.clone())),
            Err(error) => trouble = Some(error.to_string()),
        }
    }
    let mut keys = Vec::new();
    for group in groups {
        let is_secret = group.first().is_some_and(|packet| packet.tag() == Tag::SecretKey);
        let packets = group.into_iter().map(Ok).peekable();
        let key = if is_secret {
            SignedSecretKeyParser::from_packets(packets).next().map(|read| {
                read.map(|secret| Key { public: SignedPublicKey::from(secret.clone()), secret: Some(secret) })
            })
        } else {
            let read = SignedPublicKeyParser::from_packets(packets).next();
            read.map(|read| read.map(|public| Key { public, secret: None }))
        };
        match key {
            Some(Ok(key)) => keys.push(key),
            Some(Err(error)) => trouble = Some(error.to_string()),
            None => {}
        }
    }
    match trouble {
        Some(text) if keys.is_empty() => Err(ProvenanceError::Keyring(format!("openpgp: invalid data: {text}"))),
        _ => Ok(keys),
    }
}

/// Whether a signature says that it is by a key.
pub(super) fn is_issuer(signature: &Signature, key: &impl KeyDetails) -> bool {
    let fingerprints = signature.issuer_fingerprint();
    if fingerprints.is_empty() {
        let id = key.legacy_key_id();
        return signature.issuer_key_id().into_iter().any(|known| *known == id);
    }
    let fingerprint = key.fingerprint();
    fingerprints.into_iter().any(|known| *known == fingerprint)
}

fn age(signature: &Signature) -> u32 {
    signature.created().map(Timestamp::as_secs).unwrap_or_default()
}

impl Key {
    /// The names that the key has signed itself, in the order of the file.
    pub(super) fn identities(&self) -> Vec<Identity<'_>> {
        let own = &self.public.primary_key;
        let users = self.public.details.users.iter().filter_map(|user| {
            let by_itself = user.signatures.iter().filter(|signature| {
                is_issuer(signature, own) && signature.verify_certification(own, Tag::UserId, &user.id).is_ok()
            });
            let (back, over): (Vec<&Signature>, Vec<&Signature>) =
                by_itself.partition(|signature| signature.typ() == Some(SignatureType::CertRevocation));
            let newest = over.into_iter().max_by_key(|signature| age(signature))?;
            // Whatever a terminal would take for a command is left out.
            let name = String::from_utf8_lossy(user.id.id()).chars().filter(|letter| !letter.is_control()).collect();
            Some(Identity { name, newest, revocations: back.len() })
        });
        users.collect()
    }

    /// The signature of the key over itself that counts: for keys of now over the key, for those before version 6 over
    /// its main name. With it whether that name was taken back.
    fn own_signature(&self) -> Option<(&Signature, bool)> {
        let own = &self.public.primary_key;
        if own.version() == pgp::types::KeyVersion::V6 {
            let direct = self.public.details.direct_signatures.iter();
            let valid = direct.filter(|signature| signature.verify_key(own).is_ok());
            return valid.max_by_key(|signature| age(signature)).map(|signature| (signature, false));
        }
        let preferred = self.identities().into_iter().max_by_key(|identity| {
            (std::cmp::Reverse(identity.revocations), identity.newest.is_primary(), age(identity.newest))
        })?;
        Some((preferred.newest, preferred.revocations > 0))
    }

    /// Whether the primary key is for signatures.
    pub(super) fn signs(&self) -> bool {
        self.own_signature().is_some_and(|(signature, _)| signature.key_flags().sign())
    }

    /// Whether the key is good now: whole, not revoked, not expired.
    pub(super) fn check(&self, now: Timestamp) -> Result<(), ProvenanceError> {
        let own = &self.public.primary_key;
        let (signature, taken_back) = self.own_signature().ok_or(ProvenanceError::UnknownSigner)?;
        check_notations(signature)?;
        let mut revocations = self.public.details.revocation_signatures.iter();
        if taken_back || revocations.any(|revocation| revocation.verify_key(own).is_ok()) {
            return Err(ProvenanceError::Revoked);
        }
        alive(own.created_at(), signature.key_expiration_time(), now)?;
        lasting(signature, now)
    }

    /// The newest signature that binds a subkey for signing, by both keys.
    pub(super) fn binding<'k>(&self, subkey: &'k SignedPublicSubKey) -> Option<&'k Signature> {
        let (own, inner) = (&self.public.primary_key, &subkey.key);
        let of_kind = |signature: &&Signature| signature.typ() == Some(SignatureType::SubkeyBinding);
        let bindings = subkey.signatures.iter().filter(of_kind);
        let newest = bindings
            .filter(|binding| binding.verify_subkey_binding(own, inner).is_ok())
            .max_by_key(|binding| age(binding))?;
        let back = newest.embedded_signature()?;
        (newest.key_flags().sign() && back.verify_primary_key_binding(inner, own).is_ok()).then_some(newest)
    }

    /// Whether a subkey is good now, beside its primary key.
    pub(super) fn check_subkey(&self, subkey: &SignedPublicSubKey, now: Timestamp) -> Result<(), ProvenanceError> {
        let (own, inner) = (&self.public.primary_key, &subkey.key);
        let binding = self.binding(subkey).ok_or(ProvenanceError::UnknownSigner)?;
        check_notations(binding)?;
        let mut revocations =
            subkey.signatures.iter().filter(|signature| signature.typ() == Some(SignatureType::SubkeyRevocation));
        if revocations.any(|revocation| revocation.verify_subkey_binding(own, inner).is_ok()) {
            return Err(ProvenanceError::Revoked);
        }
        alive(inner.created_at(), binding.key_expiration_time(), now)?;
        lasting(binding, now)?;
        binding.embedded_signature().map_or(Ok(()), |back| check_notations(back).and_then(|()| lasting(back, now)))
    }
}

/// Whether a key is within its time.
fn alive(created: Timestamp, lifetime: Option<Duration>, now: Timestamp) -> Result<(), ProvenanceError> {
    if is_past(created, lifetime, now) { Err(ProvenanceError::KeyExpired) } else { Ok(()) }
}

/// Whether a signature is within its time.
pub(super) fn lasting(signature: &Signature, now: Timestamp) -> Result<(), ProvenanceError> {
    let created = signature.created().unwrap_or_default();
    let ended = is_past(created, signature.signature_expiration_time(), now);
    if ended { Err(ProvenanceError::SignatureExpired) } else { Ok(()) }
}

/// Whether a time span has not begun yet or is over; none, like zero, has no end.
fn is_past(created: Timestamp, lifetime: Option<Duration>, now: Timestamp) -> bool {
    let lifetime = lifetime.map(Duration::as_secs).filter(|lifetime| *lifetime > 0);
    created > now || lifetime.is_some_and(|lifetime| created.as_secs().saturating_add(lifetime) < now.as_secs())
}

/// Whether nothing is in a signature that must be understood and is not.
pub(super) fn check_notations(signature: &Signature) -> Result<(), ProvenanceError> {
    let subpackets = signature.config().into_iter().flat_map(pgp::packet::SignatureConfig::hashed_subpackets);
    for subpacket in subpackets.filter(|subpacket| subpacket.is_critical) {
        if let SubpacketData::Notation(notation) = &subpacket.data {
            let name: String =
                String::from_utf8_lossy(&notation.name).chars().filter(|letter| !letter.is_control()).collect();
            return Err(ProvenanceError::Invalid(format!("unknown critical notation: {name}")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{is_past, keys};
    use pgp::types::{Duration, Timestamp};

    #[test]
    fn time_spans_begin_and_end() {
        let at = Timestamp::from_secs;
        let past =
            |created, lifetime: Option<u32>, now| is_past(at(created), lifetime.map(Duration::from_secs), at(now));
        assert!(past(2, None, 1));
        assert!(!past(1, None, u32::MAX) && !past(1, Some(0), u32::MAX));
        assert!(!past(1, Some(9), 10) && past(1, Some(9), 11));
        assert!(!past(u32::MAX, Some(u32::MAX), u32::MAX));
    }

    #[test]
    fn bytes_without_keys_are_an_error_or_an_empty_keyring() {
        assert_eq!(keys(b"").unwrap().len(), 0);
        for content in [&b"\x99"[..], b"\x99\x00\x02ab", &[0xff; 40], &[0x99; 4000]] {
            assert!(!keys(content).is_ok_and(|keys| !keys.is_empty()), "{content:?}");
        }
    }
}
