//! The life of an incident: opened, updated, confirmed, closed.
//!
//! ```text
//!            first finding            another device agrees          every finding cleared
//!   (none) ───────────────▶ opened ───────────────────────▶ confirmed ─────────────────▶ closed
//!                              │  evidence, or UPDATE_EVERY passed      ▲
//!                              └──────────▶ updated ────────────────────┘
//! ```

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::fusion::Places;
use crate::clock::Moment;
use crate::event::{Confirm, Evidence, Measure, Object, Phase};
use crate::rules::{Detail, Edge, Finding, RuleInfo, Source};

/// An incident that goes on is told again this often.
const UPDATE_EVERY: Duration = Duration::from_secs(60);

/// One happening that is not over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// ULID.
    pub id: String,
    /// The rule that opened it.
    pub rule: RuleInfo,
    /// 1 to 4; rises to a smaller number when the incident is confirmed.
    pub level: u8,
    /// Time of the first finding.
    pub opened: Timestamp,
    /// Who has confirmed it.
    pub confirm: Confirm,
    /// Rules and sources that found it, in the order in which they did.
    pub members: Vec<Member>,
    /// Latest reading.
    pub measure: Option<Measure>,
    /// Objects of the latest picture that had any.
    pub objects: Vec<Object>,
    /// Highest score so far.
    pub confidence: Option<f32>,
    /// Everything kept about it.
    pub evidence: Vec<Evidence>,
}

/// One rule looking at one source, as part of an incident.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// Rule id.
    pub rule: String,
    /// What it looks at.
    pub source: Source,
    /// The condition still holds.
    pub active: bool,
}

/// One change in an incident's life, to be told.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// What has changed.
    pub phase: Phase,
    /// The incident after the change.
    pub incident: Incident,
    /// Who caused it.
    pub source: Source,
    /// In a sentence for people.
    pub note: Option<String>,
    /// When the picture or reading behind it reached the box, milliseconds since the Unix epoch.
    pub origin_unix_ms: i64,
}

/// Makes the id of a new incident.
pub type NewId = Box<dyn FnMut(Timestamp) -> String + Send>;

/// All open incidents.
pub struct Incidents {
    places: Places,
    new_id: NewId,
    open: Vec<Incident>,
    /// When each was last told. Not saved: after a restart the interval starts again.
    told: BTreeMap<String, Duration>,
}

// === impl Incidents ===

impl Incidents {
    /// No incident is open.
    pub fn new(places: Places, new_id: NewId) -> Self {
        Incidents { places, new_id, open: Vec::new(), told: BTreeMap::new() }
    }

    /// Takes up the incidents of [`Incidents::save`].
    ///
    /// # Errors
    /// The bytes are not what `save` wrote; nothing is taken up.
    pub fn restore(&mut self, saved: &[u8]) -> Result<(), serde_json::Error> {
        self.open = serde_json::from_slice(saved)?;
        Ok(())
    }

    /// The open incidents, to be written to disk in the same transaction as the changes that led here.
    pub fn save(&self) -> Vec<u8> {
        serde_json::to_vec(&self.open).expect("incidents have string keys only, which JSON can hold")
    }

    /// Open incidents, oldest first.
    pub fn open(&self) -> &[Incident] {
        &self.open
    }

    /// One finding of a rule.
    pub fn find(&mut self, now: Moment, finding: &Finding) -> Option<Change> {
        let index = self.open.iter().position(|incident| incident.member(finding).is_some());
        match (finding.edge, index) {
            (Edge::Raised | Edge::Continues, Some(index)) => self.go_on(now, index, finding),
            (Edge::Raised | Edge::Continues, None) => {
                let related =
                    self.open.iter().position(|incident| self.places.same_happening(incident, finding));
                Some(match related {
                    Some(index) => self.join(now, index, finding),
                    None => self.begin(now, finding),
                })
            }
            (Edge::Cleared, Some(index)) => self.clear(now, index, finding),
            (Edge::Cleared, None) => None,
        }
    }

    /// A still or clip has been kept for an incident. None when it has closed meanwhile.
    pub fn attach(
        &mut self,
        now: Moment,
        incident_id: &str,
        source: &Source,
        kept: Evidence,
    ) -> Option<Change> {
        let index = self.open.iter().position(|incident| incident.id == incident_id)?;
        let origin_unix_ms = now.wall.as_millisecond();
        self.open[index].evidence.push(kept);
        Some(self.change(now, index, Phase::Updated, source, None, origin_unix_ms))
    }

    fn begin(&mut self, now: Moment, finding: &Finding) -> Change {
        let id = (self.new_id)(now.wall);
        let mut incident = Incident {
            id,
            rule: (*finding.rule).clone(),
            level: finding.rule.level,
            opened: now.wall,
            confirm: Confirm::Unconfirmed,
            members: vec![Member::of(finding)],
            measure: None,
            objects: Vec::new(),
            confidence: None,
            evidence: Vec::new(),
        };
        incident.take_in(&finding.detail);
        self.open.push(incident);
        let index = self.open.len() - 1;
        self.change(now, index, Phase::Opened, &finding.source, finding.note(), finding.origin_unix_ms)
    }

    /// Another rule or source found what an open incident is about.
    fn join(&mut self, now: Moment, index: usize, finding: &Finding) -> Change {
        let incident = &mut self.open[index];
        let independent = incident.members.iter().all(|member| member.source != finding.source);
        incident.members.push(Member::of(finding));
        incident.take_in(&finding.detail);
        incident.level = incident.level.min(finding.rule.level);
        if independent {
            incident.confirm = match finding.source {
                Source::Camera(_) => Confirm::VideoConfirmed,
                Source::Sensor(_) => Confirm::SensorConfirmed,
            };
            incident.level = incident.level.saturating_sub(1).max(1);
        }
        let phase = if independent { Phase::Confirmed } else { Phase::Updated };
        self.change(now, index, phase, &finding.source, finding.note(), finding.origin_unix_ms)
    }

    /// A member of an open incident found it again.
    fn go_on(&mut self, now: Moment, index: usize, finding: &Finding) -> Option<Change> {
        let incident = &mut self.open[index];
        incident.set_active(finding, true);
        incident.take_in(&finding.detail);
        let told = self.told.entry(incident.id.clone()).or_insert(now.mono);
        if now.mono.saturating_sub(*told) < UPDATE_EVERY {
            return None;
        }
        Some(self.change(now, index, Phase::Updated, &finding.source, finding.note(), finding.origin_unix_ms))
    }

    /// A member of an open incident finds it no more.
    fn clear(&mut self, now: Moment, index: usize, finding: &Finding) -> Option<Change> {
        self.open[index].set_active(finding, false);
        if self.open[index].members.iter().any(|member| member.active) {
            return None;
        }
        let mut change =
            self.change(now, index, Phase::Closed, &finding.source, None, finding.origin_unix_ms);
        change.incident = self.open.remove(index);
        self.told.remove(&change.incident.id);
        Some(change)
    }

    fn change(
        &mut self,
        now: Moment,
        index: usize,
        phase: Phase,
        source: &Source,
        note: Option<String>,
        origin_unix_ms: i64,
    ) -> Change {
        let incident = self.open[index].clone();
        self.told.insert(incident.id.clone(), now.mono);
        Change { phase, incident, source: source.clone(), note, origin_unix_ms }
    }
}

impl std::fmt::Debug for Incidents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Incidents").field("open", &self.open).finish_non_exhaustive()
    }
}

// === impl Incident ===

impl Incident {
    fn member(&self, finding: &Finding) -> Option<&Member> {
        self.members.iter().find(|member| member.is(finding))
    }

    fn set_active(&mut self, finding: &Finding, active: bool) {
        for member in self.members.iter_mut().filter(|member| member.is(finding)) {
            member.active = active;
        }
    }

    fn take_in(&mut self, detail: &Detail) {
        match detail {
            Detail::Seen { objects, .. } if !objects.is_empty() => {
                let best = objects.iter().map(|object| object.score).fold(0.0, f32::max);
                self.confidence = Some(self.confidence.unwrap_or(0.0).max(best));
                self.objects = objects.clone();
            }
            Detail::Measured(measure) => self.measure = Some(measure.clone()),
            Detail::Seen { .. } | Detail::Symptom(_) | Detail::Nothing => {}
        }
    }
}

// === impl Member ===

impl Member {
    fn of(finding: &Finding) -> Self {
        Member { rule: finding.rule.id.clone(), source: finding.source.clone(), active: true }
    }

    fn is(&self, finding: &Finding) -> bool {
        self.rule == finding.rule.id && self.source == finding.source
    }
}

// === impl Finding ===

impl Finding {
    fn note(&self) -> Option<String> {
        match &self.detail {
            Detail::Symptom(symptom) if !symptom.is_empty() => Some(symptom.clone()),
            _ => None,
        }
    }
}
