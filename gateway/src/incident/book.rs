//! All incidents: which one a finding belongs to, and what time does to them.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use moshao_config::IncidentPolicy;

use super::flood::Floods;
use super::fusion::Places;
use super::happening::Happening;
use super::life::{Change, Incident, Member};
use super::mark::Mark;
use super::orders::Orders;
use super::sight::Sight;
use super::{escalation, handling};
use crate::clock::Moment;
use crate::disposition::{Answer, Disposition};
use crate::event::{Confirm, Ended, Evidence, HandlingState, Phase, Stage};
use crate::rules::{Detail, Edge, Finding, Source};

/// News that can wait is told at most this often for one incident.
const BURST_GAP: Duration = Duration::from_secs(5);
/// An incident of which nothing has been heard for this long is over: its device is gone.
const NO_NEWS_MAX: Duration = Duration::from_secs(7 * 24 * 3600);
/// An incident that has begun again this often ends only after it has been quiet for `reopen_within`.
const REOPENED_OFTEN: u32 = 3;
/// Closed incidents are remembered this long, for the centre's verdict.
const REMEMBER: Duration = Duration::from_secs(24 * 3600);
/// Closed incidents remembered, at most.
const REMEMBERED_MAX: usize = 100;

/// Makes the id of a new incident.
pub type NewId = Box<dyn FnMut(Timestamp) -> String + Send>;

/// All open incidents, and the closed ones that may begin again.
pub struct Incidents {
    pub(super) places: Places,
    pub(super) policy: IncidentPolicy,
    new_id: NewId,
    pub(super) open: Vec<Incident>,
    /// Oldest end first.
    pub(super) closed: Vec<Incident>,
    pub(super) floods: Floods,
    pub(super) sight: Sight,
    /// The latest moment seen, for what is saved.
    pub(super) latest: Moment,
}

// === impl Incidents ===

impl Incidents {
    /// No incident is open.
    pub fn new(places: Places, policy: IncidentPolicy, new_id: NewId) -> Self {
        Incidents {
            sight: Sight::default(),
            places,
            policy,
            new_id,
            open: Vec::new(),
            closed: Vec::new(),
            floods: Floods::default(),
            latest: Moment { mono: Duration::ZERO, wall: Timestamp::UNIX_EPOCH },
        }
    }

    /// Open incidents, oldest first.
    pub fn open(&self) -> &[Incident] {
        &self.open
    }

    /// Closed incidents that are remembered, oldest end first.
    pub fn closed(&self) -> &[Incident] {
        &self.closed
    }

    /// Puts a device, or with none the whole site, into test mode, or ends that. Open incidents stay what they are.
    pub fn set_test(&mut self, device: Option<&str>, on: bool) {
        self.places.set_test(device, on);
    }

    /// One finding of a rule.
    pub fn find(&mut self, now: Moment, finding: &Finding) -> Vec<Change> {
        self.latest = now;
        let open = self.open.iter().position(|incident| incident.has(finding));
        match (finding.edge, open) {
            (Edge::Raised | Edge::Continues, Some(index)) => {
                self.go_on(now, index, finding).into_iter().collect()
            }
            (Edge::Raised | Edge::Continues, None) => self.come(now, finding),
            (Edge::Cleared, Some(index)) => self.clear(now, index, finding).into_iter().collect(),
            (Edge::Cleared, None) => {
                for incident in &mut self.closed {
                    incident.set_active(finding, false);
                }
                Vec::new()
            }
        }
    }

    /// One analysed picture of a camera: labels and scores of what is in it.
    pub fn see(&mut self, now: Moment, camera: &str, seen: &[(&str, f32)]) {
        self.latest = now;
        let mark = Mark::of(now);
        let look_for = self.policy.look_for;
        for incident in &mut self.open {
            let happening = Happening::of(&incident.rule);
            for looking in &mut incident.looks {
                if looking.look.camera == camera && looking.is_open(mark, look_for) {
                    looking.see(&happening, seen.iter().copied());
                }
            }
        }
    }

    /// A camera's stream has come (true) or gone.
    pub fn stream(&mut self, now: Moment, camera: &str, up: bool) {
        self.latest = now;
        self.sight.stream(camera, up);
        if up {
            return;
        }
        for looking in self.open.iter_mut().flat_map(|incident| &mut incident.looks) {
            if looking.look.camera == camera {
                looking.lose();
            }
        }
    }

    /// The latest value of a sensor.
    pub fn measured(&mut self, now: Moment, instance: &str, value: f64, unit: &str) {
        self.latest = now;
        if self.places.is_seen(instance) {
            self.sight.measured(Mark::of(now), instance, value, unit);
        }
    }

    /// The incident that an event belongs to, or that goes on in its place; none where none is remembered.
    pub fn incident_of(&self, event_id: &str) -> Option<String> {
        let (prefix, _) = handling::split_event_id(event_id);
        self.survivor(event_id).or_else(|| self.survivor(prefix))
    }

    /// What the centre says about an incident.
    pub fn dispose(&mut self, now: Moment, told: &Disposition) -> (Answer, Vec<Change>) {
        self.latest = now;
        let (prefix, number) = handling::split_event_id(&told.event_id);
        let whole = self.survivor(&told.event_id).map(|id| (id, 0));
        let Some((id, event)) = whole.or_else(|| self.survivor(prefix).map(|id| (id, number))) else {
            return (Answer::Unknown, Vec::new());
        };
        if let Some(index) = self.open.iter().position(|incident| incident.id == id) {
            let answer = self.open[index].hear(event, told);
            let applied = answer == Answer::Applied;
            return (answer, if applied { self.handle(now, index, told) } else { Vec::new() });
        }
        let Some(index) = self.closed.iter().position(|incident| incident.id == id) else {
            return (Answer::Unknown, Vec::new());
        };
        let answer = self.closed[index].hear(event, told);
        if answer != Answer::Applied {
            return (answer, Vec::new());
        }
        let incident = &self.closed[index];
        let goes_on = incident.is_active() && incident.ended == Some(Ended::Centre) && !told.state.is_end();
        let change = if goes_on {
            let incident = self.closed.remove(index);
            self.resume(now, incident, told.state)
        } else {
            let source = incident.source();
            tell(&mut self.closed[index], now, Phase::Updated, &source, None, now.wall.as_millisecond())
        };
        (answer, vec![change])
    }

    /// A still or clip has been kept for an incident. None when that is not remembered any more.
    pub fn attach(
        &mut self,
        now: Moment,
        incident_id: &str,
        source: &Source,
        kept: Evidence,
    ) -> Option<Change> {
        self.latest = now;
        let id = self.survivor(incident_id)?;
        let mut remembered = self.open.iter_mut().chain(&mut self.closed);
        let incident = remembered.find(|incident| incident.id == id)?;
        incident.add_evidence(kept);
        Some(tell(incident, now, Phase::Updated, source, None, now.wall.as_millisecond()))
    }

    /// Devices are in other modes from now on.
    pub fn order_modes(&mut self, orders: &Orders) {
        orders.apply(&mut self.places);
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Moment) -> Vec<Change> {
        self.latest = now;
        let mark = Mark::of(now);
        let mut changes = Vec::new();
        let ids: Vec<String> = self.open.iter().map(|incident| incident.id.clone()).collect();
        for id in ids {
            let Some(index) = self.open.iter().position(|incident| incident.id == id) else { continue };
            changes.extend(self.grow_older(now, index));
        }
        let remembered = |incident: &Incident| incident.is_active() || mark.since(incident.closed) < REMEMBER;
        self.closed.retain(remembered);
        changes
    }

    /// A finding that no open incident knows.
    fn come(&mut self, now: Moment, finding: &Finding) -> Vec<Change> {
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
        self.open.push(incident);
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
    fn go_on(&mut self, now: Moment, index: usize, finding: &Finding) -> Option<Change> {
        let mark = Mark::of(now);
        let mut incident = self.open[index].clone();
        let again = incident.set_active(finding, true);
        incident.take_in(&finding.detail);
        let was_over = incident.cleared.is_some();
        incident.found_again(mark);
        incident.count += u64::from(again);
        let look_at = if again { self.look_around(now, &mut incident, finding) } else { Vec::new() };
        self.open[index] = incident;
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

    /// A member of an open incident finds it no more.
    fn clear(&mut self, now: Moment, index: usize, finding: &Finding) -> Option<Change> {
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
    fn ends(&self, now: Mark, index: usize) -> Option<Ended> {
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

    fn close(
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

    fn end(
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
        self.closed.push(incident);
        if self.closed.len() > REMEMBERED_MAX {
            // One whose device still alarms is kept: forgetting it would open it again.
            let forgettable = self.closed.iter().position(|incident| !incident.is_active()).unwrap_or(0);
            self.closed.remove(forgettable);
        }
        change
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
        self.open.push(incident);
        change
    }

    /// The centre takes up again what it had closed and what goes on.
    fn resume(&mut self, now: Moment, mut incident: Incident, state: HandlingState) -> Change {
        incident.advance(state);
        incident.ended = None;
        incident.cleared = None;
        incident.reopened += 1;
        let source = incident.source();
        let change = tell(&mut incident, now, Phase::Reopened, &source, None, now.wall.as_millisecond());
        self.open.push(incident);
        change
    }

    /// What an applied disposition does to the open incident at `index`.
    fn handle(&mut self, now: Moment, index: usize, told: &Disposition) -> Vec<Change> {
        let origin_unix_ms = now.wall.as_millisecond();
        let source = self.open[index].source();
        if told.state.is_end() {
            return vec![self.close(now, index, Ended::Centre, &source, origin_unix_ms)];
        }
        let incident = &mut self.open[index];
        let phase = incident.advance(told.state);
        let mut changes = vec![tell(incident, now, phase, &source, None, origin_unix_ms)];
        if let Some(why) = self.ends(Mark::of(now), index) {
            changes.push(self.close(now, index, why, &source, origin_unix_ms));
        }
        changes
    }

    /// What time does to the open incident at `index`.
    fn grow_older(&mut self, now: Moment, index: usize) -> Vec<Change> {
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

    /// The incident that goes on in the place of `id`, which may be itself.
    fn survivor(&self, id: &str) -> Option<String> {
        let mut id = id;
        let known = |id: &str| self.open.iter().chain(&self.closed).find(|incident| incident.id == id);
        // Each merge leads to an older incident, so that this ends.
        while let Some(next) = known(id)?.merged_into.as_deref() {
            id = next;
        }
        Some(id.to_owned())
    }
}

impl std::fmt::Debug for Incidents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Incidents").field("open", &self.open).finish_non_exhaustive()
    }
}

// === impl Incident ===

impl Incident {
    /// The device that began it.
    fn source(&self) -> Source {
        self.members.first().map_or_else(|| Source::Camera(String::new()), |member| member.source.clone())
    }

    fn found_again(&mut self, now: Mark) {
        self.unwatched = false;
        self.news = now;
        self.cleared = None;
    }
}

/// The change that tells how `incident` stands now.
fn tell(
    incident: &mut Incident,
    now: Moment,
    phase: Phase,
    source: &Source,
    note: Option<String>,
    origin_unix_ms: i64,
) -> Change {
    incident.told = Mark::of(now);
    incident.pending = None;
    for looking in &mut incident.looks {
        looking.told |= looking.is_settled();
    }
    let event_id = incident.next_event_id();
    Change {
        phase,
        incident: incident.clone(),
        source: source.clone(),
        note,
        origin_unix_ms,
        event_id,
        look_at: Vec::new(),
    }
}
