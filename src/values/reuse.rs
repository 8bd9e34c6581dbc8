//! What an upgrade takes over from the values of the release it upgrades.
//!
//! The rules are those of `reuseValues` in Helm's `pkg/action/upgrade.go`, in which both Helms agree. Its surprises are
//! kept: with `--reuse-values` the old values, defaults included, stand in for all defaults of the new chart, so keys that
//! the new chart has added are not there; and without a word said, one new value is enough to forget all old ones.

use super::coalesce::{ChartValues, CoalesceError, coalesce, coalesce_tables};
use super::{Compat, Warning};
use crate::code::Code;
use crate::yaml::Mapping;

/// What is done with the values of the release that is upgraded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reuse {
    /// Nothing was said: they are taken if no new values were given, and forgotten if any was.
    #[default]
    Unsaid,
    /// `--reset-values`: they are forgotten.
    Reset,
    /// `--reuse-values`: the new ones go over the old ones, and the old ones over the old chart's defaults, which stand
    /// in for the new chart's.
    Reuse,
    /// `--reset-then-reuse-values`: the new ones go over the old ones, and both over the new chart's defaults.
    ResetThenReuse,
}

impl Reuse {
    /// What the three flags mean together: the first of them that was given counts.
    pub const fn of_flags(reset: bool, reuse: bool, reset_then_reuse: bool) -> Self {
        match (reset, reuse, reset_then_reuse) {
            (true, ..) => Self::Reset,
            (_, true, _) => Self::Reuse,
            (.., true) => Self::ResetThenReuse,
            _ => Self::Unsaid,
        }
    }
}

/// The release that is upgraded, as its record has it.
#[derive(Debug, Clone, Copy)]
pub struct Previous<'a> {
    /// Its chart. Records keep no subcharts: the defaults that were taken over from them stand among those of the chart.
    pub chart: &'a ChartValues,
    /// The values that were given for it, nulls included.
    pub config: &'a Mapping,
}

/// The values of the new revision.
#[derive(Debug, Clone, PartialEq)]
pub struct Reused {
    /// What counts as given by the user, and is recorded: goes over the chart's defaults.
    pub config: Mapping,
    /// What stands in for the defaults of the new chart itself, those inside it keep theirs; the chart's own stay if there
    /// is nothing here. To be put in place before dependencies are processed.
    pub defaults: Option<Mapping>,
}

/// The old values cannot be put together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("failed to rebuild old values: {0}")]
pub struct ReuseError(#[from] CoalesceError);

impl ReuseError {
    /// The stable code.
    pub const fn code(&self) -> Code {
        self.0.code()
    }
}

/// The values of an upgrade: `given` are the user's new ones.
///
/// # Errors
/// If the old values do not fit the old chart, which no record of Helm's brings about.
pub fn reuse(
    mode: Reuse,
    previous: Previous<'_>,
    given: &Mapping,
    compat: Compat,
    warnings: &mut Vec<Warning>,
) -> Result<Reused, ReuseError> {
    let over_old = |warnings: &mut Vec<Warning>| {
        let mut config = given.clone();
        coalesce_tables(&mut config, previous.config.clone(), compat, warnings);
        config
    };
    Ok(match mode {
        Reuse::Reuse => {
            let defaults = coalesce(previous.chart, previous.config, compat, warnings)?;
            Reused { config: over_old(warnings), defaults: Some(defaults) }
        }
        Reuse::ResetThenReuse => Reused { config: over_old(warnings), defaults: None },
        Reuse::Unsaid if given.is_empty() => Reused { config: previous.config.clone(), defaults: None },
        Reuse::Reset | Reuse::Unsaid => Reused { config: given.clone(), defaults: None },
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::yaml::{Numbers, Value, read_mapping};

    fn yaml(text: &str) -> Mapping {
        read_mapping(text.as_bytes(), Numbers::Helm).unwrap()
    }

    fn reused(mode: Reuse, defaults: &str, config: &str, given: &str) -> Reused {
        let chart = ChartValues { name: "c".to_owned(), values: yaml(defaults), ..ChartValues::default() };
        let (config, given) = (yaml(config), yaml(given));
        reuse(mode, Previous { chart: &chart, config: &config }, &given, Compat::Helm4, &mut Vec::new()).unwrap()
    }

    #[test]
    fn the_first_of_the_flags_counts() {
        assert_eq!(Reuse::of_flags(false, false, false), Reuse::Unsaid);
        assert_eq!(Reuse::of_flags(true, true, true), Reuse::Reset);
        assert_eq!(Reuse::of_flags(false, true, true), Reuse::Reuse);
        assert_eq!(Reuse::of_flags(false, false, true), Reuse::ResetThenReuse);
    }

    #[test]
    fn without_a_word_old_values_stay_only_if_no_new_ones_are_given() {
        assert_eq!(reused(Reuse::Unsaid, "a: 1", "{b: 2, n: ~}", "").config, yaml("{b: 2, n: ~}"));
        assert_eq!(reused(Reuse::Unsaid, "a: 1", "b: 2", "c: 3").config, yaml("c: 3"));
        assert_eq!(reused(Reuse::Reset, "a: 1", "b: 2", "").config, yaml(""));
    }

    #[test]
    fn reused_values_bring_the_old_defaults_with_them() {
        let reused = reused(Reuse::Reuse, "{a: 1, m: {x: 1, y: 2}}", "{m: {y: ~, z: 3}}", "{m: {x: 5}}");
        assert_eq!(reused.config, yaml("{m: {x: 5, y: ~, z: 3}}"));
        assert_eq!(reused.defaults, Some(yaml("{a: 1, m: {x: 1, z: 3}}")));
    }

    #[test]
    fn a_null_takes_an_old_value_away_and_stays_where_there_was_none() {
        let reused = reused(Reuse::ResetThenReuse, "a: 1", "{b: 2, m: {x: 1}, o: ~}", "{b: ~, a: ~, m: {x: ~}, o: ~}");
        assert_eq!(reused.config, yaml("{a: ~, m: {}, o: ~}"));
        assert_eq!(reused.defaults, None);
    }

    proptest! {
        #[test]
        fn new_values_win_over_old_ones(
            old in prop::collection::btree_map("[a-d]", 0..9_i64, 0..4),
            new in prop::collection::btree_map("[a-d]", 0..9_i64, 0..4),
        ) {
            let map = |of: &std::collections::BTreeMap<String, i64>| -> Mapping {
                of.iter().map(|(key, value)| (key.clone(), Value::Int(*value))).collect()
            };
            let (config, given) = (map(&old), map(&new));
            let chart = ChartValues::default();
            for mode in [Reuse::Reuse, Reuse::ResetThenReuse] {
                let previous = Previous { chart: &chart, config: &config };
                let reused = reuse(mode, previous, &given, Compat::Helm4, &mut Vec::new()).unwrap();
                let mut wanted = config.clone();
                wanted.extend(given.clone());
                prop_assert_eq!(reused.config, wanted);
            }
        }
    }
}
