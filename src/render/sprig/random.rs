//! What is different at every render: random texts, numbers and identifiers. All of it comes from [`Host::random`], also
//! where sprig uses a weaker source, so that a render can be repeated with the same host.
//!
//! [`Host::random`]: crate::render::gotemplate::host::Host::random

use crate::render::gostd::base64;
use crate::render::gotemplate::error::Failure;
use crate::render::gotemplate::function::{Function, Type};
use crate::render::gotemplate::machine::Machine;
use crate::render::gotemplate::value::Value;

use super::argument;

/// The functions.
pub const FUNCTIONS: &[Function] = &[
    Function::new("randAlpha", &[Type::Int], Type::String, |machine, it| {
        pick(machine, it, |byte| byte.is_ascii_alphabetic())
    }),
    Function::new("randAlphaNum", &[Type::Int], Type::String, |machine, it| {
        pick(machine, it, |byte| byte.is_ascii_alphanumeric())
    }),
    Function::new("randNumeric", &[Type::Int], Type::String, |machine, it| {
        pick(machine, it, |byte| byte.is_ascii_digit())
    }),
    Function::new("randAscii", &[Type::Int], Type::String, |machine, it| pick(machine, it, |_| true)),
    Function::new("randBytes", &[Type::Int], Type::String, bytes),
    Function::new("randInt", &[Type::Int, Type::Int], Type::Int, int),
    Function::new("shuffle", &[Type::String], Type::String, shuffle),
    Function::new("uuidv4", &[], Type::String, uuid),
];

/// A number below `bound`, each as likely as any other.
fn below(machine: &Machine<'_>, bound: u64) -> Result<u64, Failure> {
    // Numbers from the incomplete last run through the range are thrown away.
    let limit = u64::MAX - u64::MAX % bound.max(1);
    loop {
        let mut buffer = [0; 8];
        machine.host().random(&mut buffer)?;
        let number = u64::from_le_bytes(buffer);
        if number < limit {
            return Ok(number % bound.max(1));
        }
    }
}

fn index(machine: &Machine<'_>, length: usize) -> Result<usize, Failure> {
    let bound = u64::try_from(length).unwrap_or(u64::MAX);
    Ok(usize::try_from(below(machine, bound)?).unwrap_or(0))
}

/// Printable ASCII characters of a kind; none if the count is negative, which sprig takes for an error and forgets.
fn pick(machine: &mut Machine<'_>, arguments: &[Value], is_wanted: fn(u8) -> bool) -> Result<Value, Failure> {
    let count = usize::try_from(argument::int(arguments, 0)).unwrap_or(0);
    machine.spend(count)?;
    let alphabet: Vec<u8> = (b' '..=b'~').filter(|byte| is_wanted(*byte)).collect();
    let mut out = Vec::with_capacity(count);
    for _ in 0..count {
        out.extend(alphabet.get(index(machine, alphabet.len())?));
    }
    Ok(Value::text(out))
}

fn bytes(machine: &mut Machine<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let count = argument::int(arguments, 0);
    // The largest slice that Go makes on a 64-bit machine.
    let count = usize::try_from(count).ok().filter(|count| *count < 1 << 48);
    let count = count.ok_or("runtime error: makeslice: len out of range")?;
    machine.spend(count.saturating_mul(2))?;
    let mut buffer = vec![0; count];
    machine.host().random(&mut buffer)?;
    Ok(Value::text(base64::encode(&buffer)))
}

fn int(machine: &mut Machine<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    let (min, max) = (argument::int(arguments, 0), argument::int(arguments, 1));
    let bound = u64::try_from(max.wrapping_sub(min)).ok().filter(|bound| *bound > 0);
    let offset = below(machine, bound.ok_or("invalid argument to Intn")?)?;
    Ok(Value::int(min.wrapping_add_unsigned(offset)))
}

fn shuffle(machine: &mut Machine<'_>, arguments: &[Value]) -> Result<Value, Failure> {
    // Go's conversion to runes and back: a byte that is not UTF-8 becomes U+FFFD.
    let text = crate::yaml::json::lossy(argument::bytes(arguments, 0));
    machine.spend(text.len())?;
    let mut characters: Vec<char> = text.chars().collect();
    for last in (1..characters.len()).rev() {
        let other = index(machine, last + 1)?;
        characters.swap(last, other);
    }
    Ok(Value::text(characters.into_iter().collect::<String>()))
}

fn uuid(machine: &mut Machine<'_>, _: &[Value]) -> Result<Value, Failure> {
    let mut bytes = [0; 16];
    machine.host().random(&mut bytes)?;
    // Version 4, variant of RFC 9562.
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = format!("{:032x}", u128::from_be_bytes(bytes));
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|range| hex.get(range).unwrap_or_default());
    Ok(Value::text(parts.join("-")))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::tests::{Seeded, call, call_with};
    use super::*;

    #[test]
    fn random_texts_have_their_length_and_alphabet() {
        for (name, alphabet) in [("randAlpha", 52), ("randAlphaNum", 62), ("randNumeric", 10), ("randAscii", 95)] {
            let text = call(name, &[Value::int(5000)]).unwrap();
            assert_eq!(text.len(), 5000);
            assert_eq!(text.bytes().collect::<BTreeSet<u8>>().len(), alphabet, "{name}");
            assert_eq!(call(name, &[Value::int(-1)]).unwrap(), "");
        }
    }

    #[test]
    fn a_render_can_be_repeated() {
        let once = call_with(&Seeded::new(7), "randAlphaNum", &[Value::int(20)]).unwrap();
        assert_eq!(call_with(&Seeded::new(7), "randAlphaNum", &[Value::int(20)]).unwrap(), once);
        assert_ne!(call_with(&Seeded::new(8), "randAlphaNum", &[Value::int(20)]).unwrap(), once);
    }

    #[test]
    fn a_random_number_stays_in_its_range() {
        let host = Seeded::new(1);
        let numbers: BTreeSet<String> =
            (0..200).map(|_| call_with(&host, "randInt", &[Value::int(-2), Value::int(3)]).unwrap()).collect();
        assert_eq!(numbers, ["-1", "-2", "0", "1", "2"].map(str::to_owned).into());
        assert_eq!(call("randInt", &[Value::int(3), Value::int(3)]).unwrap_err(), "invalid argument to Intn");
    }

    #[test]
    fn an_identifier_says_that_it_is_random() {
        let uuid = call("uuidv4", &[]).unwrap();
        let parts: Vec<&str> = uuid.split('-').collect();
        assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
        assert!(parts[2].starts_with('4') && parts[3].starts_with(['8', '9', 'a', 'b']), "{uuid}");
    }

    #[test]
    fn bytes_and_shuffling_keep_their_length() {
        assert_eq!(call("randBytes", &[Value::int(30)]).unwrap().len(), 40);
        assert_eq!(call("randBytes", &[Value::int(-1)]).unwrap_err(), "runtime error: makeslice: len out of range");
        let shuffled = call("shuffle", &[Value::text("中文abcdefgh")]).unwrap();
        assert_ne!(shuffled, "中文abcdefgh");
        assert_eq!(shuffled.chars().collect::<BTreeSet<char>>(), "中文abcdefgh".chars().collect());
    }

    #[test]
    fn more_than_a_render_may_make_is_refused() {
        assert!(call("randAlpha", &[Value::int(i64::MAX)]).is_err());
        assert!(call("randBytes", &[Value::int(1 << 40)]).is_err());
    }
}
