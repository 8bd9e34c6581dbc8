//! The functions of sprig 3.3.0 that Helm offers, by family: a file each, named as sprig's documentation groups them.
//!
//! Every family has a table `FUNCTIONS`; [`find`] looks a name up in all of them. Results, error texts and the texts of
//! Go's panics are sprig's and Go's, held against recorded answers.

mod argument;
pub mod encoding;
pub mod paths;
pub mod random;
pub mod semver;
pub mod urls;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::OnceLock;

use super::gotemplate::function::Function;

/// The families.
const FAMILIES: &[&[Function]] =
    &[encoding::FUNCTIONS, paths::FUNCTIONS, random::FUNCTIONS, semver::FUNCTIONS, urls::FUNCTIONS];

/// The function of that name.
pub fn find(name: &str) -> Option<&'static Function> {
    static INDEX: OnceLock<HashMap<&'static str, &'static Function>> = OnceLock::new();
    let index = INDEX.get_or_init(|| {
        FAMILIES.iter().flat_map(|family| family.iter()).map(|function| (function.name, function)).collect()
    });
    index.get(name).copied()
}
