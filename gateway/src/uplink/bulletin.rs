//! What is told of the health each minute: whole now and then, in between only what has changed. A pure decision.
//!
//! On a link that is paid by the byte, the health of a box that does well would be nearly all that it sends. So a minute's
//! message is a JSON Merge Patch ([RFC 7396](https://www.rfc-editor.org/rfc/rfc7396)): the time, and everything that has
//! changed since the last whole one, also where it is again as it was. So it may be merged into the whole one and into
//! whatever came since, and a patch that is lost does no harm.
//!
//! The whole one is retained, a patch is not: who comes later finds everything, at most [`WHOLE_EVERY`] old. It is told
//! anew when more has changed than numbers: a camera that fails, a disk that is full.

use std::time::{Duration, Instant};

use serde_json::{Map, Value};

/// Time between two whole messages, at most.
pub(super) const WHOLE_EVERY: Duration = Duration::from_secs(15 * 60);
/// The one field that is always told.
const TIME: &str = "time";

/// What one connection has told of the health.
#[derive(Debug, Default)]
pub(super) struct Bulletin {
    /// When, and what it was.
    whole: Option<(Instant, Value)>,
    /// What has been told since, as it was told last.
    changes: Map<String, Value>,
}

/// What to publish.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Told {
    /// Everything, to be retained.
    Whole(Value),
    /// What has changed since, for those who listen.
    Changes(Value),
}

// === impl Bulletin ===

impl Bulletin {
    /// The next message, given the health as it is now.
    pub(super) fn next(&mut self, now: Instant, health: Value) -> Told {
        if let Some((since, whole)) = &self.whole
            && now.duration_since(*since) < WHOLE_EVERY
            && let Some(mut changes) = numbers_changed(whole, &health, &self.changes)
        {
            self.changes = changes.clone();
            if let Some(time) = health.get(TIME) {
                changes.insert(TIME.to_owned(), time.clone());
            }
            return Told::Changes(Value::Object(changes));
        }
        self.whole = Some((now, health.clone()));
        self.changes = Map::new();
        Told::Whole(health)
    }
}

/// The patch from `old` to `new`, with all that is in `told`; none where anything but a number has changed.
fn numbers_changed(old: &Value, new: &Value, told: &Map<String, Value>) -> Option<Map<String, Value>> {
    let (old, new) = (old.as_object()?, new.as_object()?);
    if old.len() != new.len() {
        return None;
    }
    let mut changes = Map::new();
    for (key, value) in new.iter().filter(|(key, _)| *key != TIME) {
        match (old.get(key)?, value) {
            (old, new) if old == new && !told.contains_key(key) => {}
            (old @ Value::Object(_), Value::Object(_)) => {
                let nothing = Map::new();
                let told = told.get(key).and_then(Value::as_object).unwrap_or(&nothing);
                changes.insert(key.clone(), Value::Object(numbers_changed(old, value, told)?));
            }
            (Value::Number(_), Value::Number(_)) => drop(changes.insert(key.clone(), value.clone())),
            _ => return None,
        }
    }
    Some(changes)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn health(time: &str, down: &[&str], load: f64, event_bytes: u64) -> Value {
        json!({
            "time": time, "cameras": 2, "cameras_down": down, "sensor_broker_up": true, "load_1m": load,
            "outbox": {"depth_events": 0, "degraded": null},
            "traffic": {"day_bytes": {"alarm": 0, "event": event_bytes}, "day_limit_bytes": null},
        })
    }

    /// RFC 7396, as any subscriber does it.
    fn merge(target: &mut Value, patch: &Value) {
        let (Some(target), Some(patch)) = (target.as_object_mut(), patch.as_object()) else {
            return *target = patch.clone();
        };
        for (key, value) in patch {
            merge(target.entry(key.clone()).or_insert(Value::Null), value);
        }
    }

    #[test]
    fn the_first_is_whole_and_the_next_says_what_has_changed() {
        let (mut bulletin, now) = (Bulletin::default(), Instant::now());
        let first = health("t0", &[], 0.4, 100);
        assert_eq!(bulletin.next(now, first.clone()), Told::Whole(first));
        assert_eq!(
            bulletin.next(now + Duration::from_secs(60), health("t1", &[], 0.5, 100)),
            Told::Changes(json!({"time": "t1", "load_1m": 0.5}))
        );
        assert_eq!(
            bulletin.next(now + Duration::from_secs(120), health("t2", &[], 0.4, 300)),
            Told::Changes(json!({"time": "t2", "load_1m": 0.4, "traffic": {"day_bytes": {"event": 300}}})),
            "what is again as it was is told too: the patch before said otherwise"
        );
    }

    #[test]
    fn each_patch_alone_leads_to_the_health_as_it_is() {
        let (mut bulletin, now) = (Bulletin::default(), Instant::now());
        let mut known = Value::Null;
        for minute in 0..40_u32 {
            let down: &[&str] = if (7..9).contains(&minute) { &["gate-east"] } else { &[] };
            let real = health(&format!("t{minute}"), down, f64::from(minute % 5), u64::from(minute) * 100);
            match bulletin.next(now + Duration::from_secs(60) * minute, real.clone()) {
                Told::Whole(whole) => known = whole,
                // Every other one is lost.
                Told::Changes(_) if minute % 2 == 0 => continue,
                Told::Changes(patch) => merge(&mut known, &patch),
            }
            assert_eq!(known, real, "minute {minute}");
        }
    }

    #[test]
    fn it_is_whole_again_when_more_than_numbers_changes_and_after_a_quarter_of_an_hour() {
        let (mut bulletin, now) = (Bulletin::default(), Instant::now());
        bulletin.next(now, health("t0", &[], 0.4, 100));
        let minute = Duration::from_secs(60);
        let is_whole = |told: Told| matches!(told, Told::Whole(_));
        assert!(is_whole(bulletin.next(now + minute, health("t1", &["gate-east"], 0.4, 100))));
        assert!(!is_whole(bulletin.next(now + minute * 2, health("t2", &["gate-east"], 0.5, 100))));
        let mut degraded = health("t3", &["gate-east"], 0.4, 100);
        degraded["outbox"]["degraded"] = json!("disk-full");
        assert!(is_whole(bulletin.next(now + minute * 3, degraded.clone())));
        assert!(!is_whole(bulletin.next(now + minute * 17, degraded.clone())));
        assert!(is_whole(bulletin.next(now + minute * 18, degraded)));
    }
}
