//! What has been told lately and need not be told again: a pure decision.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::event::Event;

/// What makes two events the same to a reader: device, code, phase.
type Key = (String, String, &'static str);

/// What has been told within the quiet time.
#[derive(Debug, Clone)]
pub(super) struct Quiet {
    quiet: Duration,
    told: BTreeMap<Key, Told>,
}

#[derive(Debug, Clone)]
struct Told {
    until: Instant,
    again: u64,
    device: String,
    title: String,
}

/// Something that came again while it was quiet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Repeat {
    /// Name of the device.
    pub(super) device: String,
    /// Title of the event.
    pub(super) title: String,
    /// How often it came again.
    pub(super) times: u64,
    /// Within how long.
    pub(super) within: Duration,
}

// === impl Quiet ===

impl Quiet {
    pub(super) fn new(quiet: Duration) -> Self {
        Quiet { quiet, told: BTreeMap::new() }
    }

    /// Whether to tell this event; one that is not told is counted.
    pub(super) fn is_new(&mut self, event: &Event, now: Instant) -> bool {
        if self.quiet.is_zero() {
            return true;
        }
        let data = &event.data;
        let key = (event.subject.clone(), data.code.clone(), data.phase.as_str());
        match self.told.get_mut(&key) {
            Some(told) if told.until > now => {
                told.again += 1;
                false
            }
            _ => {
                let (device, title) = (data.device.name.clone(), data.title.clone());
                self.told.insert(key, Told { until: now + self.quiet, again: 0, device, title });
                true
            }
        }
    }

    /// What came again and whose quiet time is over; forgets whatever is over.
    pub(super) fn due(&mut self, now: Instant) -> Vec<Repeat> {
        let mut due = Vec::new();
        let within = self.quiet;
        self.told.retain(|_, told| {
            if told.until <= now && told.again > 0 {
                let (device, title) = (told.device.clone(), told.title.clone());
                due.push(Repeat { device, title, times: told.again, within });
            }
            told.until > now
        });
        due
    }

    /// When something that came again has to be told.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.told.values().filter(|told| told.again > 0).map(|told| told.until).min()
    }
}
