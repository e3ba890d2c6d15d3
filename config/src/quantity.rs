//! Quantities as people write them in the file: `"200ms"`, `"2s"`, `"5m"`, `"24h"`, `"30d"`; `"512MiB"`; and as tariffs
//! state them: `"200MB"`, `"128kbit/s"`.
//!
//! A number, optionally with a fraction, directly followed by a unit. A bare number is refused, because the next
//! reader could not tell its unit.

use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize, Serializer};

/// A duration in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span(pub(crate) Duration);

/// A number of bytes in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Size(pub(crate) u64);

/// Bytes over a link in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Traffic(pub(crate) u64);

/// Bits a second over a link in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rate(pub(crate) u64);

/// Units of time and their length in milliseconds, smallest first.
const TIME_UNITS: [(&str, u64); 5] =
    [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Units of size and their length in bytes, smallest first.
const SIZE_UNITS: [(&str, u64); 4] = [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

/// Units of traffic and their length in bytes: decimal, as on a bill.
const TRAFFIC_UNITS: [(&str, u64); 3] = [("kB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000)];

/// Units of a rate and their length in bits a second.
const RATE_UNITS: [(&str, u64); 2] = [("kbit/s", 1_000), ("Mbit/s", 1_000_000)];

/// Largest quantity in smallest units: a thousand years in milliseconds, 32 PiB in bytes. Keeps all arithmetic exact.
const MOST: f64 = (1_u64 << 55) as f64;

// === impl Span ===

impl Span {
    pub(crate) const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// Reads `"200ms"`; the error says what is wrong with the text.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let milliseconds = parse(text, &TIME_UNITS)?;
        Ok(Self(Duration::from_millis(milliseconds)))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_zero() {
            return f.write_str("0s");
        }
        let milliseconds = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        print(milliseconds, &TIME_UNITS, f)
    }
}

// === impl Size ===

impl Size {
    pub(crate) const fn mebibytes(count: u64) -> Self {
        Self(count << 20)
    }

    /// Reads `"512MiB"`; the error says what is wrong with the text.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        parse(text, &SIZE_UNITS).map(Self)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print(self.0, &SIZE_UNITS, f)
    }
}

// === impl Traffic, Rate ===

impl Traffic {
    /// Reads `"200MB"`; the error says what is wrong with the text.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        parse(text, &TRAFFIC_UNITS).map(Self)
    }
}

impl fmt::Display for Traffic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print(self.0, &TRAFFIC_UNITS, f)
    }
}

impl Rate {
    /// Reads `"128kbit/s"`; the error says what is wrong with the text.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        parse(text, &RATE_UNITS).map(Self)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print(self.0, &RATE_UNITS, f)
    }
}

/// Reads a number and its unit into smallest units.
fn parse(text: &str, units: &[(&str, u64)]) -> Result<u64, String> {
    let known = || units.iter().map(|(unit, _)| *unit).collect::<Vec<_>>().join(", ");
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: f64 =
        number.parse().map_err(|_| format!("does not begin with a number; units are {}", known()))?;
    if unit.is_empty() {
        return Err(format!("has no unit; units are {}", known()));
    }
    let (_, length) = units
        .iter()
        .find(|(name, _)| *name == unit.trim_start())
        .ok_or_else(|| format!("has the unknown unit `{}`; units are {}", unit.trim_start(), known()))?;
    let total = number * *length as f64;
    if total > MOST {
        return Err("is too large".to_owned());
    }
    Ok(total.round() as u64)
}

/// Writes in the largest unit that divides it.
fn print(count: u64, units: &[(&str, u64)], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let (unit, length) = units
        .iter()
        .rev()
        .find(|(_, length)| count > 0 && count.is_multiple_of(*length))
        .unwrap_or(&units[0]);
    write!(f, "{}{unit}", count / length)
}

macro_rules! text_in_the_file {
    ($type:ident, $format:literal, $pattern:literal, $example:literal) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": $pattern, "x-format": $format, "examples": [$example] })
            }
        }
    };
}

text_in_the_file!(Span, "duration", r"^[0-9]+(\.[0-9]+)? *(ms|s|m|h|d)$", "30s");
text_in_the_file!(Size, "size", r"^[0-9]+(\.[0-9]+)? *(B|KiB|MiB|GiB)$", "256MiB");

text_in_the_file!(Traffic, "traffic", r"^[0-9]+(\.[0-9]+)? *(kB|MB|GB)$", "200MB");
text_in_the_file!(Rate, "rate", r"^[0-9]+(\.[0-9]+)? *(kbit/s|Mbit/s)$", "128kbit/s");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written_in_their_largest_unit() {
        for (text, milliseconds, back) in [
            ("200ms", 200, "200ms"),
            ("2s", 2_000, "2s"),
            ("90s", 90_000, "90s"),
            ("1.5s", 1_500, "1500ms"),
            ("5m", 300_000, "5m"),
            ("24h", 86_400_000, "1d"),
            ("0s", 0, "0s"),
            ("2 s", 2_000, "2s"),
        ] {
            let span = Span::parse(text).unwrap();
            assert_eq!(span.0, Duration::from_millis(milliseconds), "{text}");
            assert_eq!(span.to_string(), back);
        }
    }

    #[test]
    fn sizes_are_binary() {
        assert_eq!(Size::parse("512MiB").unwrap().0, 512 * 1024 * 1024);
        assert_eq!(Size::parse("1GiB").unwrap().to_string(), "1GiB");
    }

    #[test]
    fn traffic_is_decimal_and_rates_are_bits() {
        assert_eq!(
            (Traffic::parse("200 MB").unwrap().0, Rate::parse("128 kbit/s").unwrap().0),
            (200_000_000, 128_000)
        );
        assert_eq!(Traffic::parse("1.5GB").unwrap().to_string(), "1500MB");
        assert_eq!(Rate::parse("2Mbit/s").unwrap().to_string(), "2Mbit/s");
        assert_eq!(Rate::parse("1MB").unwrap_err(), "has the unknown unit `MB`; units are kbit/s, Mbit/s");
    }

    #[test]
    fn a_refusal_names_the_units() {
        assert_eq!(Span::parse("30").unwrap_err(), "has no unit; units are ms, s, m, h, d");
        assert_eq!(
            Span::parse("2 parsecs").unwrap_err(),
            "has the unknown unit `parsecs`; units are ms, s, m, h, d"
        );
        assert_eq!(
            Span::parse("soon").unwrap_err(),
            "does not begin with a number; units are ms, s, m, h, d"
        );
        assert_eq!(Span::parse("99999999999999999999h").unwrap_err(), "is too large");
        assert_eq!(Size::parse("1MB").unwrap_err(), "has the unknown unit `MB`; units are B, KiB, MiB, GiB");
    }
}
