//! Whether a message is the device's own, new and of now.
//!
//! A broker delivers again what was not acknowledged, a network server hears one frame through several gateways, and
//! anybody who may publish can say anything. GB/T 22239 asks a gateway node for exactly this: to sort out forged nodes and
//! replayed data.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::Value;

use super::reading::Why;

/// Older messages are not news any more.
pub(super) const AGE_MAX: Duration = Duration::from_secs(24 * 3600);
/// Clocks of devices that are further ahead are wrong, or somebody's invention.
pub(super) const AHEAD_MAX: Duration = Duration::from_secs(10 * 60);
/// Before this the box itself does not know the time, and holds it against nobody: 1 January 2025.
const CLOCK_SET: Timestamp = Timestamp::constant(1_735_689_600, 0);
/// Message ids and numbers remembered for each sensor.
const REMEMBERED: usize = 8;

/// The latest messages of one sensor.
#[derive(Debug, Default)]
pub(super) struct Recent {
    hashes: [u64; REMEMBERED],
    next: usize,
}

// === impl Recent ===

impl Recent {
    /// Takes note of a message's id or number.
    ///
    /// # Errors
    /// It has been there lately.
    pub(super) fn note(&mut self, id: &Value) -> Result<(), Why> {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        id.to_string().hash(&mut hasher);
        // 0 stands for nothing.
        let hash = hasher.finish() | 1;
        if self.hashes.contains(&hash) {
            return Err(Why::Duplicate);
        }
        self.hashes[self.next] = hash;
        self.next = (self.next + 1) % REMEMBERED;
        Ok(())
    }
}

/// Whether a message of this time can be believed.
pub(super) fn is_of_now(device_time: Timestamp, received: Timestamp) -> Result<(), Why> {
    if received < CLOCK_SET {
        return Ok(());
    }
    let age_s = received.duration_since(device_time).as_secs();
    if age_s > AGE_MAX.as_secs().cast_signed() {
        return Err(Why::Stale { age_s });
    }
    if age_s < -AHEAD_MAX.as_secs().cast_signed() {
        return Err(Why::Future { ahead_s: -age_s });
    }
    Ok(())
}

/// Whether the device that the message names is the one of the topic: the same text, capitals or not, or its bytes in
/// Base64, as ChirpStack 3 writes them.
pub(super) fn is_own(named: &str, topic: &str) -> bool {
    let in_hex = || {
        let bytes = STANDARD.decode(named).ok()?;
        Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
    };
    named.eq_ignore_ascii_case(topic) || in_hex().is_some_and(|hex| hex.eq_ignore_ascii_case(topic))
}

/// RFC 3339 and its compact form, or seconds or milliseconds since the Unix epoch, as a number or as text; none for a
/// time that does not say its offset from UTC.
pub(super) fn time(value: &Value) -> Option<Timestamp> {
    /// As seconds this is the year 5138; as milliseconds, 1973.
    const MILLISECONDS_FROM: i64 = 100_000_000_000;
    let since_epoch = |number: i64| match number.abs() < MILLISECONDS_FROM {
        true => Timestamp::from_second(number).ok(),
        false => Timestamp::from_millisecond(number).ok(),
    };
    match value {
        Value::String(text) => text.trim().parse().ok().or_else(|| since_epoch(text.trim().parse().ok()?)),
        Value::Number(number) => {
            since_epoch(number.as_i64().or(number.as_f64().map(|number| number as i64))?)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_come_in_several_ways() {
        let noon: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
        let unix = noon.as_second();
        for value in [
            json!("2026-11-24T20:00:00+08:00"),
            json!("20261124T120000Z"),
            json!(unix),
            json!(unix * 1000),
            json!(unix.to_string()),
            json!(unix as f64),
        ] {
            assert_eq!(time(&value), Some(noon), "{value}");
        }
        assert_eq!(time(&json!("2026-11-24T12:00:00")), None, "no offset, no time");
        assert_eq!(time(&json!(null)), None);
    }

    #[test]
    fn old_and_early_messages_are_refused_unless_the_box_has_no_time_itself() {
        let now: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
        assert_eq!(is_of_now(now - AGE_MAX, now), Ok(()));
        assert_eq!(is_of_now(now + AHEAD_MAX, now), Ok(()));
        let second = Duration::from_secs(1);
        assert_eq!(is_of_now(now - AGE_MAX - second, now), Err(Why::Stale { age_s: 86_401 }));
        assert_eq!(is_of_now(now + AHEAD_MAX + second, now), Err(Why::Future { ahead_s: 601 }));
        assert_eq!(is_of_now(now, Timestamp::UNIX_EPOCH), Ok(()), "an alarm is worth more than a clock");
    }

    #[test]
    fn a_device_is_the_one_of_its_topic() {
        assert!(is_own("24E124136D000001", "24e124136d000001"));
        assert!(is_own("JOEkE20AAAE=", "24e124136d000001"));
        assert!(!is_own("24e124136d000002", "24e124136d000001"));
        assert!(!is_own("", "24e124136d000001"));
    }

    #[test]
    fn what_has_been_there_lately_is_a_duplicate() {
        let mut recent = Recent::default();
        for number in 0..20 {
            assert_eq!(recent.note(&json!(number)), Ok(()));
            assert_eq!(recent.note(&json!(number)), Err(Why::Duplicate));
        }
        assert_eq!(recent.note(&json!(13)), Err(Why::Duplicate));
        assert_eq!(recent.note(&json!(1)), Ok(()), "a counter that began anew");
    }
}
