//! All incidents, and the doors through which findings, pictures, streams, readings, evidence and time come in.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use moshao_config::IncidentPolicy;

use super::flood::Floods;
use super::fusion::Places;
use super::handling;
use super::happening::Happening;
use super::life::{Change, Incident};
use super::mark::Mark;
use super::orders::Orders;
use super::saved::OnDisk;
use super::sight::Sight;
use crate::clock::Moment;
use crate::event::{Evidence, Phase};
use crate::rules::{Edge, Finding, Source};

/// Closed incidents are remembered this long, for the centre's verdict.
const REMEMBER: Duration = Duration::from_secs(24 * 3600);

/// Makes the id of a new incident.
pub type NewId = Box<dyn FnMut(Timestamp) -> String + Send>;

/// All open incidents, and the closed ones that may begin again.
pub struct Incidents {
    pub(super) places: Places,
    pub(super) policy: IncidentPolicy,
    pub(super) new_id: NewId,
    pub(super) open: Vec<Incident>,
    /// Oldest end first.
    pub(super) closed: Vec<Incident>,
    pub(super) floods: Floods,
    pub(super) sight: Sight,
    /// The number that an incident was listed under last.
    pub(super) listed: u64,
    /// Where in `open` a source was found last: looked at first.
    last_place: HashMap<Source, usize>,
    pub(super) on_disk: OnDisk,
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
            listed: 0,
            last_place: HashMap::new(),
            on_disk: OnDisk::new(),
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
        let open = self.place_of(finding);
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
        let mut index = 0;
        while index < self.open.len() {
            let open = self.open.len();
            changes.extend(self.grow_older(now, index));
            // In the place of one that has ended stands the next one.
            index += usize::from(self.open.len() == open);
        }
        let remembered = |incident: &Incident| incident.is_active() || mark.since(incident.closed) < REMEMBER;
        self.closed.retain(remembered);
        changes
    }

    /// Where in `open` the incident of `finding` stands. A device that alarms is heard of again and again, and mostly nothing
    /// has ended meanwhile: its last place saves going through all that is open.
    fn place_of(&mut self, finding: &Finding) -> Option<usize> {
        let has = |incident: &Incident| incident.has(finding);
        let last = self.last_place.get(&finding.source).copied();
        if last.and_then(|place| self.open.get(place)).is_some_and(has) {
            return last;
        }
        let place = self.open.iter().position(has);
        match place {
            Some(place) => drop(self.last_place.insert(finding.source.clone(), place)),
            None => drop(self.last_place.remove(&finding.source)),
        }
        place
    }

    /// `incident` comes last in the list that it belongs to now.
    pub(super) fn list(&mut self, mut incident: Incident) {
        self.listed += 1;
        incident.listed = self.listed;
        self.list_of(&incident).push(incident);
    }

    /// Open incidents, or those that have ended.
    pub(super) fn list_of(&mut self, incident: &Incident) -> &mut Vec<Incident> {
        if incident.ended.is_none() { &mut self.open } else { &mut self.closed }
    }

    /// The incident that goes on in the place of `id`, which may be itself.
    pub(super) fn survivor(&self, id: &str) -> Option<String> {
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
    pub(super) fn source(&self) -> Source {
        self.members.first().map_or_else(|| Source::Camera(String::new()), |member| member.source.clone())
    }

    pub(super) fn found_again(&mut self, now: Mark) {
        self.unwatched = false;
        self.news = now;
        self.cleared = None;
    }
}

/// The change that tells how `incident` stands now.
pub(super) fn tell(
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
