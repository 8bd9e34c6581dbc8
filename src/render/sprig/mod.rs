//! The functions of sprig 3.3.0 that Helm offers, by family: a file each, named as sprig's documentation groups them.
//!
//! Every family has a table `FUNCTIONS`; [`find`] looks a name up in all of them. Results, error texts and the texts of
//! Go's panics are sprig's and Go's, held against recorded answers.

mod argument;
pub mod case;
pub mod certificates;
pub mod ciphers;
pub mod conversion;
pub mod dates;
mod decimal;
pub mod defaults;
pub mod dicts;
pub mod encoding;
pub mod equality;
pub mod lists;
mod merge;
pub mod numbers;
pub mod passwords;
pub mod paths;
pub mod random;
pub mod reflection;
pub mod regex;
pub mod semver;
pub mod strings;
pub mod time_type;
pub mod toml;
pub mod urls;

#[cfg(test)]
mod bounds_tests;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::OnceLock;

use super::gotemplate::function::Function;

/// The families.
const FAMILIES: &[&[Function]] = &[
    case::FUNCTIONS,
    certificates::FUNCTIONS,
    ciphers::FUNCTIONS,
    conversion::FUNCTIONS,
    dates::FUNCTIONS,
    defaults::FUNCTIONS,
    dicts::FUNCTIONS,
    encoding::FUNCTIONS,
    lists::FUNCTIONS,
    numbers::FUNCTIONS,
    passwords::FUNCTIONS,
    paths::FUNCTIONS,
    random::FUNCTIONS,
    reflection::FUNCTIONS,
    regex::FUNCTIONS,
    semver::FUNCTIONS,
    strings::FUNCTIONS,
    toml::FUNCTIONS,
    urls::FUNCTIONS,
];

/// The function of that name.
pub fn find(name: &str) -> Option<&'static Function> {
    static INDEX: OnceLock<HashMap<&'static str, &'static Function, foldhash::fast::RandomState>> = OnceLock::new();
    let index = INDEX.get_or_init(|| {
        FAMILIES.iter().flat_map(|family| family.iter()).map(|function| (function.name, function)).collect()
    });
    index.get(name).copied()
}

/// The names of all functions.
pub fn names() -> impl Iterator<Item = &'static str> {
    FAMILIES.iter().flat_map(|family| family.iter()).map(|function| function.name)
}
