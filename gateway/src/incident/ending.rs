//! How an incident ends, and what time does to one that is open.

use std::time::Duration;

use super::book::{Incidents, tell};
use super::escalation;
use super::happening::Happening;
use super::life::{Change, Incident};
use super::mark::Mark;
use crate::clock::Moment;
use crate::event::{Ended, Phase, Stage};
use crate::rules::{Finding, Source};

/// News that can wait is told at most this often for one incident.
pub(super) const BURST_GAP: Duration = Duration::from_secs(5);
/// An incident of which nothing has been heard for this long is over: its device is gone.
const NO_NEWS_MAX: Duration = Duration::from_secs(7 * 24 * 3600);
/// An incident that has begun again this often ends only after it has been quiet for `reopen_within`.
const REOPENED_OFTEN: u32 = 3;
/// Closed incidents remembered, at most.
const REMEMBERED_MAX: usize = 100;

impl Incidents {
    /// A member of an open incident finds it no more.
    pub(super) fn clear(&mut self, now: Moment, index: usize, finding: &Finding) -> Option<Change> {
        let incident = &mut self.open[index];
        let changed = incident.set_active(finding, false);
        if incident.is_active() || !changed {
            return None;
        }
        incident.cleared = Some(Mark::of(now));
        if let Some(ended) = self.ends(Mark::of(now), index) {
            return Some(self.close(now, index, ended, &finding.source, finding.origin_unix_ms));
        }
        let incident = &mut self.open[index];
        if !incident.is_latched() {
            return None;
        }
        let note = Some("警情已消除，等待中心确认".to_owned());
        Some(tell(incident, now, Phase::Updated, &finding.source, note, finding.origin_unix_ms))
    }

    /// Why the incident at `index` is over now; none where it is not.
    pub(super) fn ends(&self, now: Mark, index: usize) -> Option<Ended> {
        let incident = &self.open[index];
        if now.since(incident.news) >= NO_NEWS_MAX {
            return Some(Ended::Silent);
        }
        let quiet = now.since(incident.cleared?);
        if incident.unwatched {
            return Some(Ended::Unwatched);
        }
        let latched = incident.is_latched() && Happening::of(&incident.rule).is_fire_alarm();
        let patience = match (latched, incident.reopened >= REOPENED_OFTEN) {
            (true, _) => self.policy.fire_latch,
            (false, true) => self.policy.reopen_within,
            (false, false) => Duration::ZERO,
        };
        let ended = if latched && !patience.is_zero() { Ended::Unattended } else { Ended::Cleared };
        (quiet >= patience).then_some(ended)
    }

    pub(super) fn close(
        &mut self,
        now: Moment,
        index: usize,
        why: Ended,
        source: &Source,
        origin_unix_ms: i64,
    ) -> Change {
        let incident = self.open.remove(index);
        self.end(now, incident, why, source, origin_unix_ms)
    }

    pub(super) fn end(
        &mut self,
        now: Moment,
        mut incident: Incident,
        why: Ended,
        source: &Source,
        origin_unix_ms: i64,
    ) -> Change {
        incident.stage = Stage::Closed;
        incident.ended = Some(why);
        incident.closed = Mark::of(now);
        incident.looks.iter_mut().for_each(|looking| looking.settle());
        let change = tell(&mut incident, now, Phase::Closed, source, None, origin_unix_ms);
        self.list(incident);
        if self.closed.len() > REMEMBERED_MAX {
            // One whose device still alarms is kept: forgetting it would open it again.
            let forgettable = self.closed.iter().position(|incident| !incident.is_active()).unwrap_or(0);
            self.closed.remove(forgettable);
        }
        change
    }

    /// What time does to the open incident at `index`.
    pub(super) fn grow_older(&mut self, now: Moment, index: usize) -> Vec<Change> {
        let mark = Mark::of(now);
        let origin_unix_ms = now.wall.as_millisecond();
        if let Some(why) = self.ends(mark, index) {
            let source = self.open[index].source();
            return vec![self.close(now, index, why, &source, origin_unix_ms)];
        }
        let mut changes = Vec::new();
        let look_for = self.policy.look_for;
        let incident = &mut self.open[index];
        let answered = !incident.looks.is_empty()
            && incident.looks.iter().all(|looking| !looking.is_open(mark, look_for));
        if answered && incident.looks.iter().any(|looking| !looking.told) {
            incident.looks.iter_mut().for_each(|looking| looking.settle());
            let source = incident.source();
            changes.push(tell(incident, now, Phase::Updated, &source, None, origin_unix_ms));
        }
        if escalation::is_due(incident, mark, &self.policy) {
            incident.escalation += 1;
            let source = incident.source();
            changes.push(tell(incident, now, Phase::Escalated, &source, None, origin_unix_ms));
        }
        if mark.since(incident.told) >= BURST_GAP
            && let Some(source) = incident.pending.take()
        {
            changes.push(tell(incident, now, Phase::Updated, &source, None, origin_unix_ms));
        }
        changes
    }
}
