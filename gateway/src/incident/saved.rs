//! What survives a restart: written to disk in the same transaction as the events that led to it.

use moshao_config::IncidentPolicy;
use serde::{Deserialize, Serialize};

use super::book::Incidents;
use super::flood::Floods;
use super::fusion::Places;
use super::life::Incident;
use super::mark::Mark;
use crate::clock::Moment;
use crate::outbox::MAX_STATE_BYTES;
use crate::rules::Source;

/// Incidents with the clocks that they were saved by.
#[derive(Serialize, Deserialize)]
struct Saved {
    /// The monotonic clock when this was saved.
    mono: Mark,
    /// The wall clock then, milliseconds since the Unix epoch.
    wall_unix_ms: i64,
    open: Vec<Incident>,
    closed: Vec<Incident>,
    floods: Floods,
}

// === impl Incidents ===

impl Incidents {
    /// Open incidents and those closed lately, at most [`MAX_STATE_BYTES`]: beyond it closed ones go, the oldest first,
    /// and then the evidence and objects of open ones, never an incident itself.
    pub fn save(&self) -> Vec<u8> {
        let mut saved = Saved {
            mono: Mark::of(self.latest),
            wall_unix_ms: self.latest.wall.as_millisecond(),
            open: self.open.clone(),
            closed: self.closed.clone(),
            floods: self.floods.clone(),
        };
        let mut bytes = write(&saved);
        while bytes.len() > MAX_STATE_BYTES && !saved.closed.is_empty() {
            saved.closed.drain(..saved.closed.len().div_ceil(2));
            bytes = write(&saved);
        }
        if bytes.len() > MAX_STATE_BYTES {
            saved.open = saved.open.iter().map(Incident::without_details).collect();
            bytes = write(&saved);
        }
        bytes
    }

    /// Takes up the incidents of [`Incidents::save`]. What was waited for goes on being waited for: the time between is
    /// taken from the wall clock, and is zero where that has been set back.
    ///
    /// # Errors
    /// The bytes are not what `save` wrote; nothing is taken up.
    pub fn restore(&mut self, now: Moment, saved: &[u8]) -> Result<(), serde_json::Error> {
        // Before there were clocks in it, the state was the list of open incidents.
        if saved.first() == Some(&b'[') {
            let open: Vec<Incident> = serde_json::from_slice(saved)?;
            let here = Mark::of(now);
            self.open = open.into_iter().map(|incident| incident.moved(Mark::default(), here)).collect();
            self.latest = now;
            return Ok(());
        }
        let saved: Saved = serde_json::from_slice(saved)?;
        let away_ms = now.wall.as_millisecond().saturating_sub(saved.wall_unix_ms).max(0);
        let away = std::time::Duration::from_millis(away_ms.unsigned_abs());
        let restored = Mark::of(now).before(away);
        let moved = |incidents: Vec<Incident>| -> Vec<Incident> {
            incidents.into_iter().map(|incident| incident.moved(saved.mono, restored)).collect()
        };
        self.open = moved(saved.open);
        self.closed = moved(saved.closed);
        self.floods = saved.floods.moved(saved.mono, restored);
        self.latest = now;
        Ok(())
    }

    /// The same incidents at other places, under another policy.
    pub fn go_on_with(&mut self, places: Places, policy: IncidentPolicy) {
        (self.places, self.policy) = (places, policy);
    }

    /// Ends the watch of every rule by a device that does not watch it any more, or is not there: nothing will ever clear
    /// them. The incidents that have no other end with the next tick.
    pub fn forget_unwatched(&mut self, now: Moment, watched: impl Fn(&str, &Source) -> bool) {
        for incident in self.open.iter_mut().filter(|incident| incident.is_active()) {
            for member in &mut incident.members {
                member.active &= watched(&member.rule, &member.source) && self.places.knows(&member.source);
            }
            if !incident.is_active() {
                incident.cleared = Some(Mark::of(now));
                incident.unwatched = true;
            }
        }
        for member in self.closed.iter_mut().flat_map(|incident| &mut incident.members) {
            member.active &= watched(&member.rule, &member.source) && self.places.knows(&member.source);
        }
    }
}

// === impl Incident ===

impl Incident {
    fn without_details(&self) -> Self {
        Incident {
            objects: Vec::new(),
            evidence: Vec::new(),
            looks: Vec::new(),
            checks: Vec::new(),
            ..self.clone()
        }
    }
}

fn write(saved: &Saved) -> Vec<u8> {
    serde_json::to_vec(saved).expect("incidents have string keys only, which JSON can hold")
}
