//! Which incident a finding belongs to: it goes on with one that is open, begins one that was closed again, joins what
//! happens at the same place, swells a storm, or begins one of its own.

use std::collections::BTreeSet;

use super::book::{Incidents, tell};
use super::ending::BURST_GAP;
use super::happening::Happening;
use super::life::{Change, Incident, Member};
use super::mark::Mark;
use crate::clock::Moment;
use crate::event::{Confirm, Ended, Phase, Stage};
use crate::rules::{Detail, Edge, Finding, Source};

impl Incidents {
    /// A finding that no open incident knows.
    pub(super) fn come(&mut self, now: Moment, finding: &Finding) -> Vec<Change> {
        let mark = Mark::of(now);
        if let Some(index) = self.closed.iter().rposition(|incident| incident.has(finding)) {
            let incident = &mut self.closed[index];
            let still = incident.members.iter().any(|member| member.is(finding) && member.active);
            if still && finding.edge == Edge::Continues && incident.ended == Some(Ended::Centre) {
                return Vec::new();
            }
            if self.may_reopen(mark, index, finding) {
                return vec![self.reopen(now, index, finding)];
            }
            self.closed[index].set_active(finding, false);
        }
        let related = self.related(mark, finding);
        if let Some((&first, others)) = related.split_first() {
            return self.join(now, first, others, finding);
        }
        let mode = self.places.mode(&finding.source);
        let kind = format!("{:?}/{}", mode, Happening::of(&finding.rule).key());
        if self.floods.is_full(mark, &kind, self.policy.flood, self.policy.flood_within) {
            return vec![self.swell(now, finding)].into_iter().flatten().collect();
        }
        self.floods.opened(mark, &kind);
        vec![self.begin(now, finding, false)]
    }

    fn may_reopen(&self, now: Mark, index: usize, finding: &Finding) -> bool {
        let incident = &self.closed[index];
        incident.merged_into.is_none()
            && incident.mode == self.places.mode(&finding.source)
            && !self.policy.reopen_within.is_zero()
            && now.since(incident.closed) <= self.policy.reopen_within
    }

    /// Ids of the open incidents that `finding` is one more sign of, oldest first.
    fn related(&self, now: Mark, finding: &Finding) -> Vec<usize> {
        let fresh = |incident: &Incident| {
            incident.is_active() || now.since(incident.news) <= self.policy.merge_within
        };
        let same = |incident: &Incident| fresh(incident) && self.places.same_happening(incident, finding);
        (0..self.open.len()).filter(|&index| same(&self.open[index])).collect()
    }

    fn begin(&mut self, now: Moment, finding: &Finding, storm: bool) -> Change {
        let id = (self.new_id)(now.wall);
        let mode = self.places.mode(&finding.source);
        let mut incident = Incident::begin(id, now.wall, Mark::of(now), mode, finding);
        incident.storm = storm;
        let look_at = self.look_around(now, &mut incident, finding);
        let mut change =
            tell(&mut incident, now, Phase::Opened, &finding.source, finding.note(), finding.origin_unix_ms);
        change.look_at = look_at;
        self.list(incident);
        change
    }

    /// Another rule or source found what an open incident is about; where it is about several, they are one.
    fn join(&mut self, now: Moment, index: usize, others: &[usize], finding: &Finding) -> Vec<Change> {
        let mut ended = Vec::new();
        for &other in others.iter().rev() {
            ended.push(self.merge(now, index, other));
        }
        let mut incident = self.open[index].clone();
        let independent = incident.members.iter().all(|member| member.source != finding.source);
        let same_kind = |member: &Member| {
            matches!(
                (&member.source, &finding.source),
                (Source::Camera(_), Source::Camera(_)) | (Source::Sensor(_), Source::Sensor(_))
            )
        };
        let first_of_kind = !incident.members.iter().skip(1).any(same_kind);
        incident.members.push(Member::of(finding));
        incident.take_in(&finding.detail);
        incident.judge_level();
        incident.found_again(Mark::of(now));
        incident.count += 1;
        let look_at = self.look_around(now, &mut incident, finding);
        let unconfirmed = incident.confirm == Confirm::Unconfirmed;
        let confirmed = independent && (unconfirmed || first_of_kind) && !incident.storm;
        if confirmed {
            incident.confirm = match finding.source {
                Source::Camera(_) => Confirm::VideoConfirmed,
                Source::Sensor(_) => Confirm::SensorConfirmed,
                // What is wrong with the gateway confirms nothing.
                Source::Gateway(_) => incident.confirm,
            };
        }
        self.open[index] = incident;
        let change = if confirmed || !ended.is_empty() {
            let phase = if confirmed { Phase::Confirmed } else { Phase::Updated };
            let origin = finding.origin_unix_ms;
            Some(tell(&mut self.open[index], now, phase, &finding.source, finding.note(), origin))
        } else {
            self.tell_soon(now, index, finding)
        };
        // The cameras are asked even where the telling waits.
        let change = match (change, look_at.is_empty()) {
            (None, false) => Some(tell(
                &mut self.open[index],
                now,
                Phase::Updated,
                &finding.source,
                finding.note(),
                finding.origin_unix_ms,
            )),
            (change, _) => change,
        };
        let mut changes: Vec<Change> = change.into_iter().collect();
        if let Some(change) = changes.first_mut() {
            change.look_at = look_at;
        }
        changes.extend(ended.into_iter().rev());
        changes
    }

    /// Ends the incident at `other`: it was about the same as the earlier one at `index`, which goes on.
    fn merge(&mut self, now: Moment, index: usize, other: usize) -> Change {
        let mut ends = self.open.remove(other);
        let source = ends.source();
        let goes_on = &mut self.open[index];
        for member in std::mem::take(&mut ends.members) {
            goes_on.members.push(member);
        }
        goes_on.count += ends.count;
        for kept in &ends.evidence {
            goes_on.add_evidence(kept.clone());
        }
        goes_on.looks.append(&mut ends.looks);
        goes_on.stage = goes_on.stage.max(ends.stage);
        if goes_on.handling.is_none() {
            goes_on.handling.clone_from(&ends.handling);
        }
        ends.merged_into = Some(goes_on.id.clone());
        self.end(now, ends, Ended::Merged, &source, now.wall.as_millisecond())
    }

    /// One more of too many: it goes into the storm of its kind. None where the telling can wait.
    fn swell(&mut self, now: Moment, finding: &Finding) -> Option<Change> {
        let happening = Happening::of(&finding.rule);
        let mode = self.places.mode(&finding.source);
        let is_storm = |incident: &Incident| {
            incident.storm && incident.mode == mode && Happening::of(&incident.rule) == happening
        };
        let Some(index) = self.open.iter().position(is_storm) else {
            return Some(self.begin(now, finding, true));
        };
        let incident = &mut self.open[index];
        incident.members.push(Member::of(finding));
        incident.take_in(&finding.detail);
        incident.judge_level();
        incident.found_again(Mark::of(now));
        incident.count += 1;
        self.tell_soon(now, index, finding)
    }

    /// A member of an open incident found it again.
    pub(super) fn go_on(&mut self, now: Moment, index: usize, finding: &Finding) -> Option<Change> {
        let mark = Mark::of(now);
        let incident = &mut self.open[index];
        let again = incident.set_active(finding, true);
        incident.take_in(&finding.detail);
        let was_over = incident.cleared.is_some();
        incident.found_again(mark);
        incident.count += u64::from(again);
        let mut look_at = Vec::new();
        if again {
            let mut incident = self.open[index].clone();
            look_at = self.look_around(now, &mut incident, finding);
            self.open[index] = incident;
        }
        let incident = &mut self.open[index];
        let asked = !look_at.is_empty();
        let due = mark.since(incident.told) >= self.policy.update_every;
        if !(due || was_over || asked) {
            return None;
        }
        let mut change =
            tell(incident, now, Phase::Updated, &finding.source, finding.note(), finding.origin_unix_ms);
        change.look_at = look_at;
        Some(change)
    }

    fn reopen(&mut self, now: Moment, index: usize, finding: &Finding) -> Change {
        let mark = Mark::of(now);
        let mut incident = self.closed.remove(index);
        incident.set_active(finding, true);
        incident.take_in(&finding.detail);
        incident.found_again(mark);
        incident.count += 1;
        incident.reopened += 1;
        incident.stage = Stage::Open;
        incident.ended = None;
        incident.escalation = 0;
        incident.waiting = mark;
        let look_at = self.look_around(now, &mut incident, finding);
        let mut change = tell(
            &mut incident,
            now,
            Phase::Reopened,
            &finding.source,
            finding.note(),
            finding.origin_unix_ms,
        );
        change.look_at = look_at;
        self.list(incident);
        change
    }

    /// Tells news that can wait: at once where nothing was told lately, otherwise with the tick after [`BURST_GAP`].
    fn tell_soon(&mut self, now: Moment, index: usize, finding: &Finding) -> Option<Change> {
        let incident = &mut self.open[index];
        if Mark::of(now).since(incident.told) < BURST_GAP {
            incident.pending = Some(finding.source.clone());
            return None;
        }
        Some(tell(incident, now, Phase::Updated, &finding.source, finding.note(), finding.origin_unix_ms))
    }

    /// The other side of `finding`: cameras to look at for a sensor, sensors to ask for a camera.
    fn look_around(&self, now: Moment, incident: &mut Incident, finding: &Finding) -> Vec<String> {
        if incident.storm && incident.devices() > 1 {
            return Vec::new();
        }
        let happening = Happening::of(&finding.rule);
        if !happening.can_merge() {
            return Vec::new();
        }
        match &finding.source {
            Source::Gateway(_) => Vec::new(),
            Source::Sensor(_) => self.sight.ask(Mark::of(now), &self.places, incident, finding),
            Source::Camera(camera) => {
                let alarming: BTreeSet<&str> = self
                    .open
                    .iter()
                    .flat_map(|open| &open.members)
                    .filter(|member| member.active)
                    .filter_map(|member| match &member.source {
                        Source::Sensor(instance) => Some(instance.as_str()),
                        Source::Camera(_) | Source::Gateway(_) => None,
                    })
                    .collect();
                let found = incident.looks.iter_mut().filter(|looking| looking.look.camera == *camera);
                if let Detail::Seen { objects, .. } = &finding.detail {
                    found.for_each(|looking| looking.find(&happening, objects));
                }
                incident.checks = self.sight.check(Mark::of(now), &self.places, camera, &alarming);
                Vec::new()
            }
        }
    }
}
