//! Decimals of any size, with which `addf` and its kin compute so that 0.1 + 0.2 is 0.3.
//!
//! Rules: shopspring/decimal 1.4.0. A float becomes the shortest decimal that reads back as it; quotients are rounded
//! to 16 places, away from zero.

use num_bigint::BigInt;
use num_bigint::Sign;

use crate::render::gotemplate::error::Failure;
use crate::yaml::number::{Shortest, format_v};

/// Places of a quotient.
const DIVISION_PLACES: i64 = 16;

/// `digits * 10^exponent`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decimal {
    digits: BigInt,
    exponent: i64,
}

impl Decimal {
    /// The shortest decimal for a float.
    pub(super) fn from_float(float: f64) -> Result<Self, Failure> {
        if !float.is_finite() {
            return Err(Failure::Message(format!("Cannot create a Decimal from {}", format_v(float))));
        }
        let shortest = Shortest::of(float);
        let digits: BigInt = shortest.digits.parse().unwrap_or_default();
        let places = i64::try_from(shortest.digits.len()).unwrap_or(0) - 1;
        let digits = if float < 0.0 { -digits } else { digits };
        Ok(Self { digits, exponent: i64::from(shortest.exponent) - places })
    }

    /// The nearest float.
    pub(super) fn to_float(&self) -> f64 {
        format!("{}e{}", self.digits, self.exponent).parse().unwrap_or(f64::NAN)
    }

    /// Both with the smaller exponent.
    fn aligned(&self, other: &Self) -> (BigInt, BigInt, i64) {
        let exponent = self.exponent.min(other.exponent);
        (self.scaled_to(exponent), other.scaled_to(exponent), exponent)
    }

    fn scaled_to(&self, exponent: i64) -> BigInt {
        &self.digits * power_of_ten(self.exponent - exponent)
    }

    pub(super) fn add(&self, other: &Self) -> Self {
        let (left, right, exponent) = self.aligned(other);
        Self { digits: left + right, exponent }
    }

    pub(super) fn subtract(&self, other: &Self) -> Self {
        let (left, right, exponent) = self.aligned(other);
        Self { digits: left - right, exponent }
    }

    pub(super) fn multiply(&self, other: &Self) -> Self {
        Self { digits: &self.digits * &other.digits, exponent: self.exponent + other.exponent }
    }

    pub(super) fn divide(&self, other: &Self) -> Result<Self, Failure> {
        if other.digits.sign() == Sign::NoSign {
            return Err(Failure::from("decimal division by 0"));
        }
        let shift = self.exponent - other.exponent + DIVISION_PLACES;
        let dividend = &self.digits * power_of_ten(shift);
        let divisor = &other.digits * power_of_ten(-shift);
        let mut quotient = &dividend / &divisor;
        let rest = dividend - &quotient * &divisor;
        if (rest * 2_u8).magnitude() >= divisor.magnitude() {
            let negative = (self.digits.sign() == Sign::Minus) != (other.digits.sign() == Sign::Minus);
            quotient += if negative { -1 } else { 1 };
        }
        Ok(Self { digits: quotient, exponent: -DIVISION_PLACES })
    }
}

/// 10 to the power; 1 for what is below 0.
fn power_of_ten(power: i64) -> BigInt {
    BigInt::from(10).pow(u32::try_from(power).unwrap_or(0))
}
