//! `encryptAES` and `decryptAES`: AES-256 in CBC mode under a password that is padded with zeros or cut, the
//! initialization vector in front, all in base64.

use cbc::cipher::block_padding::{NoPadding, Pkcs7};
use cbc::cipher::{BlockModeDecrypt as _, BlockModeEncrypt as _, KeyIvInit as _};

use crate::render::gostd::base64;
use crate::render::gotemplate::error::Failure;
use crate::render::gotemplate::function::{Function, Type};
use crate::render::gotemplate::machine::Machine;
use crate::render::gotemplate::value::Value;

use super::argument;

/// The functions.
pub const FUNCTIONS: &[Function] = &[
    Function::new("encryptAES", &[Type::String, Type::String], Type::String, encrypt),
    Function::new("decryptAES", &[Type::String, Type::String], Type::String, decrypt),
];

const BLOCK: usize = 16;

fn key(password: &[u8]) -> [u8; 32] {
    let mut key = [0; 32];
    for (to, from) in key.iter_mut().zip(password) {
        *to = *from;
    }
    key
}

fn encrypt(machine: &mut Machine<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let text = argument::bytes(arguments, 1);
    if text.is_empty() {
        return Ok(Value::text(""));
    }
    machine.spend(text.len().saturating_mul(2))?;
    let mut vector = [0; BLOCK];
    machine.host().random(&mut vector)?;
    let cipher = cbc::Encryptor::<aes::Aes256>::new(&key(argument::bytes(arguments, 0)).into(), &vector.into());
    let encrypted = cipher.encrypt_padded_vec::<Pkcs7>(text);
    Ok(Value::text(base64::encode(&[vector.as_slice(), &encrypted].concat())))
}

fn decrypt(machine: &mut Machine<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let encoded = argument::bytes(arguments, 1);
    if encoded.is_empty() {
        return Ok(Value::text(""));
    }
    machine.spend(encoded.len())?;
    let bytes = base64::decode(encoded)?;
    // Sprig takes what it is given for what it made: anything else is a panic, with Go's words for the place.
    let capacity = encoded.len() / 4 * 3;
    if capacity < BLOCK {
        return Err(format!("runtime error: slice bounds out of range [:16] with capacity {capacity}").into());
    }
    let Some((vector, encrypted)) = bytes.split_first_chunk::<BLOCK>() else {
        return Err(format!("runtime error: slice bounds out of range [16:{}]", bytes.len()).into());
    };
    if encrypted.len() % BLOCK != 0 {
        return Err("crypto/cipher: input not full blocks".into());
    }
    let cipher = cbc::Decryptor::<aes::Aes256>::new(&key(argument::bytes(arguments, 0)).into(), vector.into());
    let decrypted = cipher.decrypt_padded_vec::<NoPadding>(encrypted).map_err(|error| error.to_string())?;
    let padding = *decrypted.last().ok_or("runtime error: index out of range [-1]")?;
    // The padding is believed, but not beyond the start.
    let Some(length) = decrypted.len().checked_sub(usize::from(padding)) else {
        let beyond = usize::from(padding) - decrypted.len();
        return Err(format!("runtime error: slice bounds out of range [:-{beyond}]").into());
    };
    Ok(Value::text(decrypted.get(..length).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::super::tests::call;
    use super::*;

    #[test]
    fn what_was_encrypted_decrypts() {
        for text in ["a", "sixteen bytes ok", "中文 and more than one block of text"] {
            let encrypted = call("encryptAES", &[Value::text("password"), Value::text(text)]).unwrap();
            assert_eq!(call("decryptAES", &[Value::text("password"), Value::text(encrypted)]).unwrap(), text);
        }
    }

    #[test]
    fn what_is_not_encrypted_is_refused() {
        let decrypt = |text: &str| call("decryptAES", &[Value::text("k"), Value::text(text)]).unwrap_err();
        assert_eq!(decrypt("!"), "illegal base64 data at input byte 0");
        assert_eq!(decrypt("YWJj"), "runtime error: slice bounds out of range [:16] with capacity 3");
        assert_eq!(decrypt("YWFhYWFhYWFhYWFhYWFhYQ=="), "runtime error: index out of range [-1]");
        assert_eq!(decrypt("YWFhYWFhYWFhYWFhYWFhYWFh"), "crypto/cipher: input not full blocks");
    }
}
