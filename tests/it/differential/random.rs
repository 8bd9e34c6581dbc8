//! The generator of random numbers: `SplitMix64`, so that a seed gives the same cases on every machine and with every
//! version of every library.

/// A stream of random choices.
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

impl Random {
    /// The stream of one case: cases of one run do not depend on each other.
    pub(super) fn of_case(seed: u64, index: u64) -> Self {
        let mut random = Self(seed ^ index.wrapping_mul(0xD6E8_FEB8_6659_FD93));
        random.next();
        random
    }

    pub(super) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`, which is not 0. (The bias of the remainder does not matter here.)
    #[expect(clippy::cast_possible_truncation, reason = "limits are small")]
    pub(super) const fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    /// True `percent` times of a hundred.
    pub(super) const fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(super) fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }

    /// One of several words.
    pub(super) fn word(&mut self, choices: &[&'static str]) -> &'static str {
        choices[self.below(choices.len())]
    }

    /// Mostly few: each further one is half as likely.
    pub(super) const fn few(&mut self, most: usize) -> usize {
        let mut count = 0;
        while count < most && self.chance(55) {
            count += 1;
        }
        count
    }
}

#[test]
fn a_seed_gives_the_same_cases_for_ever() {
    let mut random = Random::of_case(1, 2);
    let drawn: Vec<usize> = (0..6).map(|_| random.below(1000)).collect();
    assert_eq!(drawn, [911, 792, 121, 694, 620, 95]);
}
