//! What survives a restart: each incident a value of its own, and one for what belongs to none.
//!
//! A value is written when its incident has changed since it was written last, so that one alarm costs the same to put on
//! disk beside one open incident and beside a thousand. Points in time are of the clock of the start that wrote them: the
//! first writing after a restart writes every incident anew.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

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

/// What belongs to no incident.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Head {
    /// The monotonic clock when this was saved, by which every point in time is read.
    mono: Mark,
    /// The wall clock then, milliseconds since the Unix epoch.
    wall_unix_ms: i64,
    floods: Floods,
}

/// The incidents as they stand on disk, by id; none for one that an earlier start wrote.
pub(super) type OnDisk = BTreeMap<String, Option<Incident>>;

/// An incident that differs from what is on disk; none where it is not remembered any more.
pub type Changed = (String, Option<Incident>);

// === impl Incidents ===

impl Incidents {
    /// What belongs to no incident.
    pub fn head(&self) -> Head {
        Head {
            mono: Mark::of(self.latest),
            wall_unix_ms: self.latest.wall.as_millisecond(),
            floods: self.floods.clone(),
        }
    }

    /// What differs from what is on disk.
    pub fn changed(&self) -> Vec<Changed> {
        let mut remembered = HashSet::with_capacity(self.open.len() + self.closed.len());
        let mut changed = Vec::new();
        for incident in self.open.iter().chain(&self.closed) {
            remembered.insert(incident.id.as_str());
            let there = self.on_disk.get(&incident.id).and_then(Option::as_ref);
            if there != Some(incident) {
                changed.push((incident.id.clone(), Some(incident.clone())));
            }
        }
        let forgotten = self.on_disk.keys().filter(|id| !remembered.contains(id.as_str()));
        changed.extend(forgotten.map(|id| (id.clone(), None)));
        changed
    }

    /// `changed` is on disk.
    pub fn saved(&mut self, changed: Vec<Changed>) {
        for (id, incident) in changed {
            match incident {
                Some(incident) => drop(self.on_disk.insert(id, Some(incident))),
                None => drop(self.on_disk.remove(&id)),
            }
        }
    }

    /// What is on disk is not known any more.
    pub fn forget_saved(&mut self) {
        self.on_disk.values_mut().for_each(|incident| *incident = None);
    }

    /// Takes up incidents by their ids, with the `head` that was saved last. What was waited for goes on being waited for:
    /// the time between is taken from the wall clock, and is zero where that has been set back.
    ///
    /// Returns ids of those that cannot be read, with the reason: they are forgotten.
    pub fn restore<'a>(
        &mut self,
        now: Moment,
        head: Head,
        incidents: impl Iterator<Item = (&'a str, &'a [u8])>,
    ) -> Vec<(String, serde_json::Error)> {
        let away_ms = now.wall.as_millisecond().saturating_sub(head.wall_unix_ms).max(0);
        let away = Duration::from_millis(away_ms.unsigned_abs());
        let restored = Mark::of(now).before(away);
        let mut unreadable = Vec::new();
        for (id, bytes) in incidents {
            self.on_disk.insert(id.to_owned(), None);
            match serde_json::from_slice::<Incident>(bytes) {
                Ok(incident) => {
                    let incident = incident.moved(head.mono, restored);
                    self.list_of(&incident).push(incident);
                }
                Err(error) => unreadable.push((id.to_owned(), error)),
            }
        }
        self.open.sort_by_key(|incident| incident.listed);
        self.closed.sort_by_key(|incident| incident.listed);
        let last = self.open.iter().chain(&self.closed).map(|incident| incident.listed).max();
        self.listed = last.unwrap_or(0);
        self.floods = head.floods.moved(head.mono, restored);
        self.latest = now;
        unreadable
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
    /// As JSON, at most [`MAX_STATE_BYTES`]: beyond it evidence and objects go, never the incident.
    pub fn to_saved(&self) -> Vec<u8> {
        let whole = write(self);
        if whole.len() <= MAX_STATE_BYTES { whole } else { write(&self.without_details()) }
    }

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

fn write(incident: &Incident) -> Vec<u8> {
    serde_json::to_vec(incident).expect("an incident has string keys only, which JSON can hold")
}
