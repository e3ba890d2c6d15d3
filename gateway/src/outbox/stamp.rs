//! When an event was accepted, on a box whose clock may be wrong.
//!
//! A box without a battery clock starts in 1970 or at the time of its last stop, and knows better once it has heard from
//! a time server. Each row therefore carries two clocks: the wall clock and the one that counts from boot, which never
//! steps. A wall clock that lies before [`FLOOR_UNIX_MS`], or before a time that was good, is not trusted. When a
//! trusted time is known in the same boot, the distance on the other clock gives the right one.

use std::sync::LazyLock;

use jiff::Timestamp;
use nix::time::{ClockId, clock_gettime};

/// No gateway of this version can have run before: 2026-01-01T00:00:00Z.
pub(super) const FLOOR_UNIX_MS: i64 = 1_767_225_600_000;

/// One moment on both clocks of one boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    /// Which boot of the machine, by a number made of its boot id.
    pub(super) boot: i64,
    /// Since that boot, milliseconds, sleep included.
    pub(super) mono_ms: i64,
    /// Milliseconds since the Unix epoch as the machine believed.
    pub(super) wall_unix_ms: i64,
    /// The wall clock was credible.
    pub(super) trusted: bool,
}

// === impl Stamp ===

impl Stamp {
    /// Now; `floor_unix_ms` is the latest wall clock time known to be past.
    pub(super) fn now(floor_unix_ms: i64) -> Self {
        let wall_unix_ms = Timestamp::now().as_millisecond();
        // Every Linux has this clock; without it nothing is ever corrected, and nothing else is lost.
        let mono = clock_gettime(ClockId::CLOCK_BOOTTIME);
        let mono_ms = mono.map_or(0, |since| since.tv_sec() * 1000 + since.tv_nsec() / 1_000_000);
        let trusted = wall_unix_ms >= floor_unix_ms.max(FLOOR_UNIX_MS);
        Stamp { boot: *BOOT, mono_ms, wall_unix_ms, trusted }
    }

    /// The wall clock.
    pub(super) fn wall(self) -> Timestamp {
        Timestamp::from_millisecond(self.wall_unix_ms).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// By how much the wall clock of this stamp is wrong, as is known at `now`, milliseconds; none where it is right or
    /// cannot be told.
    pub(super) fn correction_ms(self, now: Stamp) -> Option<i64> {
        let known = !self.trusted && now.trusted && self.boot == now.boot;
        known.then_some((now.wall_unix_ms - now.mono_ms) - (self.wall_unix_ms - self.mono_ms))
    }
}

/// The first half of `/proc/sys/kernel/random/boot_id` as a number; 0 where the system does not tell.
static BOOT: LazyLock<i64> = LazyLock::new(|| {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let digits: String = id.chars().filter(char::is_ascii_hexdigit).take(15).collect();
    i64::from_str_radix(&digits, 16).unwrap_or(0)
});

/// `body` with `time` and `recordedtime` moved by this many milliseconds, or marked `timeuncertain` where nobody knows.
pub(super) fn retell(body: &[u8], correction_ms: Option<i64>) -> Vec<u8> {
    let Ok(serde_json::Value::Object(mut event)) = serde_json::from_slice(body) else { return body.to_vec() };
    match correction_ms {
        None => {
            event.insert("timeuncertain".to_owned(), true.into());
        }
        Some(shift_ms) => {
            for name in ["time", "recordedtime"] {
                if let Some(moved) = event.get(name).and_then(|time| moved(time.as_str()?, shift_ms)) {
                    event.insert(name.to_owned(), moved.into());
                }
            }
        }
    }
    serde_json::to_vec(&event).unwrap_or_else(|_| body.to_vec())
}

/// RFC 3339 in, RFC 3339 with the same offset out.
fn moved(time: &str, shift_ms: i64) -> Option<String> {
    let pieces = jiff::fmt::strtime::parse("%Y-%m-%dT%H:%M:%S%.f%:z", time).ok()?;
    let shifted = pieces.to_timestamp().ok()? + jiff::SignedDuration::from_millis(shift_ms);
    let zone = jiff::tz::TimeZone::fixed(pieces.offset()?);
    Some(crate::clock::rfc3339(shifted, &zone))
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT_BOOT: Stamp = Stamp { boot: 1, mono_ms: 5_000, wall_unix_ms: 9_000, trusted: false };
    const SET: Stamp =
        Stamp { boot: 1, mono_ms: 65_000, wall_unix_ms: FLOOR_UNIX_MS + 60_000, trusted: true };

    #[test]
    fn a_time_before_the_clock_was_set_is_corrected_afterwards() {
        let right = AT_BOOT.wall_unix_ms + AT_BOOT.correction_ms(SET).unwrap();
        assert_eq!(right, FLOOR_UNIX_MS, "a minute before the clock was set");
    }

    #[test]
    fn what_was_right_or_lies_in_another_boot_stays() {
        assert_eq!(SET.correction_ms(SET), None);
        assert_eq!(AT_BOOT.correction_ms(Stamp { boot: 2, ..SET }), None);
        assert_eq!(AT_BOOT.correction_ms(AT_BOOT), None);
    }

    #[test]
    fn the_text_of_an_event_moves_with_its_offset() {
        let body = br#"{"id":"a","time":"1970-01-01T08:00:09.000+08:00","recordedtime":"1970-01-01T08:00:10.500+08:00"}"#;
        let told: serde_json::Value = serde_json::from_slice(&retell(body, Some(86_400_000))).unwrap();
        assert_eq!(told["time"], "1970-01-02T08:00:09.000+08:00");
        assert_eq!(told["recordedtime"], "1970-01-02T08:00:10.500+08:00");
        let told: serde_json::Value = serde_json::from_slice(&retell(body, None)).unwrap();
        assert_eq!(
            (&told["timeuncertain"], &told["time"]),
            (&true.into(), &"1970-01-01T08:00:09.000+08:00".into())
        );
    }
}
