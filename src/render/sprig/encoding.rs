//! Base64, base32 and digests.
#![expect(clippy::unnecessary_wraps, reason = "bodies have the type that the table wants")]

use crate::render::gostd::{base32, base64};
use crate::render::gotemplate::error::Failure;
use crate::render::gotemplate::function::{Function, Type};
use crate::render::gotemplate::machine::Machine;
use crate::render::gotemplate::value::Value;

use super::argument;

/// The functions.
pub const FUNCTIONS: &[Function] = &[
    Function::new("b64enc", &[Type::String], Type::String, |machine, arguments| {
        machine.spend(argument::bytes(arguments, 0).len())?;
        Ok(Value::text(base64::encode(argument::bytes(arguments, 0))))
    }),
    Function::new("b64dec", &[Type::String], Type::String, |_, arguments| {
        Ok(decoded(base64::decode(argument::bytes(arguments, 0))))
    }),
    Function::new("b32enc", &[Type::String], Type::String, |machine, arguments| {
        machine.spend(argument::bytes(arguments, 0).len())?;
        Ok(Value::text(base32::encode(argument::bytes(arguments, 0))))
    }),
    Function::new("b32dec", &[Type::String], Type::String, |_, arguments| {
        Ok(decoded(base32::decode(argument::bytes(arguments, 0))))
    }),
    Function::new("sha1sum", &[Type::String], Type::String, digest::<sha1::Sha1>),
    Function::new("sha256sum", &[Type::String], Type::String, digest::<sha2::Sha256>),
    Function::new("sha512sum", &[Type::String], Type::String, digest::<sha2::Sha512>),
    Function::new("adler32sum", &[Type::String], Type::String, |_, arguments| {
        Ok(Value::text(adler2::adler32_slice(argument::bytes(arguments, 0)).to_string()))
    }),
];

/// An error takes the place of the text.
fn decoded(result: Result<Vec<u8>, String>) -> Value {
    result.map_or_else(Value::text, Value::text)
}

fn digest<D: sha2::Digest>(_: &mut Machine<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    Ok(Value::text(base16ct::lower::encode_string(&D::digest(argument::bytes(arguments, 0)))))
}
