//! The degraded mode: since when and why the storage fails, and what the centre is told afterwards.
//!
//! While it lasts, nothing can be committed to say so: [`super::Stats::fault`], the metric, `/healthz` and the health
//! message show it. When it is over, two events tell its beginning and its end.

use jiff::Timestamp;

use super::announce::{Announcement, LEVEL};
use super::{NewEvent, OutboxError, Site};
use crate::clock::rfc3339;
use crate::event::Phase;
use crate::incident::tell::new_id;

/// Whether the storage fails.
#[derive(Debug, Default)]
pub(super) struct Degraded {
    now: Option<Episode>,
}

/// One time of failing storage.
#[derive(Debug)]
struct Episode {
    first: OutboxError,
    since: Timestamp,
}

// === impl Degraded ===

impl Degraded {
    /// The storage has failed. The first reason stays: what follows is a consequence as a rule.
    pub(super) fn enter(&mut self, error: Option<&OutboxError>, at: Timestamp) {
        if let (None, Some(error)) = (&self.now, error) {
            self.now = Some(Episode { first: error.clone(), since: at });
        }
    }

    /// The storage works again.
    pub(super) fn leave(&mut self) {
        self.now = None;
    }

    pub(super) fn is_on(&self) -> bool {
        self.now.is_some()
    }

    /// Why.
    pub(super) fn fault(&self) -> Option<&OutboxError> {
        self.now.as_ref().map(|episode| &episode.first)
    }

    /// The events that tell of it, now that they can be stored.
    pub(super) fn story(&self, site: &Site, now: Timestamp) -> Vec<NewEvent> {
        let Some(episode) = &self.now else { return Vec::new() };
        let correlation = new_id(now);
        let told = |phase, happened: Timestamp, note: String| Announcement {
            id: new_id(now),
            correlation: correlation.clone(),
            kind: "storage",
            subject: "outbox".to_owned(),
            code: "OUTBOX_DEGRADED",
            title: "存储故障",
            level: LEVEL,
            phase,
            happened: Some(happened),
            measure: None,
            note,
        };
        let since = rfc3339(episode.since, &site.time_zone);
        let first = episode.first.to_string();
        [
            told(Phase::Opened, episode.since, format!("the event store failed: {first}")),
            told(Phase::Closed, now, format!("the event store works again; it had failed since {since}")),
        ]
        .map(|announcement| announcement.into_event(site, now))
        .into()
    }
}
