//! Passwords: hashes of them (`bcrypt`, `htpasswd`), and passwords derived from a secret by the Master Password
//! algorithm (`derivePassword`).

use hmac::{KeyInit as _, Mac as _};

use crate::render::gotemplate::error::Failure;
use crate::render::gotemplate::function::{Function, Type};
use crate::render::gotemplate::machine::Machine;
use crate::render::gotemplate::value::Value;

use super::argument;

/// The functions.
pub const FUNCTIONS: &[Function] = &[
    Function::new("bcrypt", &[Type::String], Type::String, |machine, it| {
        Ok(Value::text(hash(machine, argument::bytes(it, 0))?))
    }),
    Function::new("htpasswd", &[Type::String, Type::String], Type::String, |machine, it| {
        let user = argument::bytes(it, 0);
        if user.contains(&b':') {
            return Ok(Value::text([b"invalid username: ", user].concat()));
        }
        let hash = hash(machine, argument::bytes(it, 1))?;
        Ok(Value::text([user, b":", hash.as_bytes()].concat()))
    }),
    Function::new(
        "derivePassword",
        &[Type::Uint32, Type::String, Type::String, Type::String, Type::String],
        Type::String,
        derive,
    ),
];

/// Bcrypt at Go's default cost; an error takes the place of the hash.
fn hash(machine: &Machine<'_>, password: &[u8]) -> Result<String, Failure> {
    const COST: u32 = 10;
    if password.len() > 72 {
        return Ok("failed to encrypt string with bcrypt: bcrypt: password length exceeds 72 bytes".to_owned());
    }
    let mut salt = [0; 16];
    machine.host().random(&mut salt)?;
    let hash = bcrypt::hash_with_salt(password, COST, salt);
    Ok(match hash {
        Ok(hash) => hash.format_for_version(bcrypt::Version::TwoA),
        Err(error) => format!("failed to encrypt string with bcrypt: {error}"),
    })
}

/// What passwords of a type look like: a class of characters for each letter.
fn templates(kind: &[u8]) -> Option<&'static [&'static str]> {
    Some(match kind {
        b"maximum" => &["anoxxxxxxxxxxxxxxxxx", "axxxxxxxxxxxxxxxxxno"],
        b"long" => &[
            "CvcvnoCvcvCvcv",
            "CvcvCvcvnoCvcv",
            "CvcvCvcvCvcvno",
            "CvccnoCvcvCvcv",
            "CvccCvcvnoCvcv",
            "CvccCvcvCvcvno",
            "CvcvnoCvccCvcv",
            "CvcvCvccnoCvcv",
            "CvcvCvccCvcvno",
            "CvcvnoCvcvCvcc",
            "CvcvCvcvnoCvcc",
            "CvcvCvcvCvccno",
            "CvccnoCvccCvcv",
            "CvccCvccnoCvcv",
            "CvccCvccCvcvno",
            "CvcvnoCvccCvcc",
            "CvcvCvccnoCvcc",
            "CvcvCvccCvccno",
            "CvccnoCvcvCvcc",
            "CvccCvcvnoCvcc",
            "CvccCvcvCvccno",
        ],
        b"medium" => &["CvcnoCvc", "CvcCvcno"],
        b"short" => &["Cvcn"],
        b"basic" => &["aaanaaan", "aannaaan", "aaannaaa"],
        b"pin" => &["nnnn"],
        _ => return None,
    })
}

/// The characters of a class.
fn characters(class: char) -> &'static [u8] {
    match class {
        'V' => b"AEIOU",
        'C' => b"BCDFGHJKLMNPQRSTVWXYZ",
        'v' => b"aeiou",
        'c' => b"bcdfghjklmnpqrstvwxyz",
        'A' => b"AEIOUBCDFGHJKLMNPQRSTVWXYZ",
        'a' => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz",
        'n' => b"0123456789",
        'o' => b"@&%?,=[]_:-+*$#!'^~;()/.",
        _ => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz0123456789!@#$%^&*()",
    }
}

/// The name of the algorithm, and a text behind its length.
fn scoped(text: &[u8]) -> Vec<u8> {
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes();
    [b"com.lyndir.masterpassword", length.as_slice(), text].concat()
}

/// One of several things, chosen by a byte.
fn chosen<T: Copy>(from: &[T], by: Option<&u8>) -> Option<T> {
    from.get(usize::from(*by?).checked_rem(from.len())?).copied()
}

fn derive(machine: &mut Machine<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let counter = match arguments.first() {
        Some(Value::Uint(_, counter)) => u32::try_from(*counter).unwrap_or(0),
        _ => 0,
    };
    let kind = argument::bytes(arguments, 1);
    let Some(templates) = templates(kind) else {
        return Ok(Value::text([b"cannot find password template ", kind].concat()));
    };
    // What scrypt works on.
    machine.spend(1 << 20)?;
    let (password, user) = (argument::bytes(arguments, 2), argument::bytes(arguments, 3));
    let mut key = [0; 64];
    let failed = "failed to derive password";
    let parameters = scrypt::Params::new(15, 8, 2).map_err(|error| format!("{failed}: {error}"))?;
    scrypt::scrypt(password, &scoped(user), &parameters, &mut key).map_err(|error| format!("{failed}: {error}"))?;
    let mut seed = hmac::Hmac::<sha2::Sha256>::new_from_slice(&key).map_err(|error| format!("{failed}: {error}"))?;
    seed.update(&scoped(argument::bytes(arguments, 4)));
    seed.update(&counter.to_be_bytes());
    let seed = seed.finalize().into_bytes();
    let template = chosen(templates, seed.first()).unwrap_or_default();
    let classes = template.chars().zip(seed.iter().skip(1));
    Ok(Value::text(classes.filter_map(|(class, by)| chosen(characters(class), Some(by))).collect::<Vec<u8>>()))
}

#[cfg(test)]
mod tests {
    use super::super::tests::call;
    use super::*;
    use crate::render::gotemplate::value::UintType;

    #[test]
    fn a_derived_password_depends_on_everything() {
        let derive = |counter, kind, site| {
            let texts = [kind, "password", "user", site].map(Value::text);
            let counter = Value::Uint(UintType::Uint32, counter);
            call("derivePassword", &[&[counter], texts.as_slice()].concat()).unwrap()
        };
        assert_eq!(derive(1, "long", "example.com"), "ZedaFaxcZaso9*");
        assert_eq!(derive(2, "medium", "example.com"), "Fov2-Jal");
        assert_eq!(derive(1, "phrase", "example.com"), "cannot find password template phrase");
    }

    #[test]
    fn a_hash_verifies_its_password() {
        let hash = call("bcrypt", &[Value::text("secret")]).unwrap();
        assert!(hash.starts_with("$2a$10$") && hash.len() == 60, "{hash}");
        assert!(bcrypt::verify("secret", &hash).unwrap());
        let entry = call("htpasswd", &[Value::text("me"), Value::text("secret")]).unwrap();
        assert!(bcrypt::verify("secret", entry.strip_prefix("me:").unwrap()).unwrap());
    }
}
