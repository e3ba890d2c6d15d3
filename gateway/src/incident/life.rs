//! One incident, and the changes in its life.
//!
//! ```text
//!            first finding          another device agrees
//!   (none) ───────────────▶ open ──────────────────────────▶ (confirmed, level raised)
//!                            │ centre: accepted ▶ acknowledged ▶ dispatched
//!                            │ nobody answers   ▶ escalated, escalated, escalated
//!                            │ every device clear; a fire waits for its acknowledgement (latched)
//!                            ▼
//!                          closed ──── the same thing again soon ▶ reopened ▶ open
//! ```

use jiff::Timestamp;
use moshao_config::DeviceMode;
use serde::{Deserialize, Serialize};

use super::happening::Happening;
use super::look::Looking;
use super::mark::Mark;
use crate::event::{Check, Confirm, Ended, Evidence, Handling, Measure, Object, Phase, Stage};
use crate::rules::{Detail, Finding, RuleInfo, Source};

/// Stills and clips that an event names, at most; beyond it the oldest but the first go.
const EVIDENCE_MAX: usize = 12;
/// Objects that an event names, at most.
const OBJECTS_MAX: usize = 32;

/// One happening.
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
    /// Whether it is for real.
    #[serde(default)]
    pub mode: DeviceMode,
    /// How far it has come.
    #[serde(default)]
    pub stage: Stage,
    /// Alarms that it stands for.
    #[serde(default = "one")]
    pub count: u64,
    /// It collects what came too fast to be told one by one.
    #[serde(default)]
    pub storm: bool,
    /// How often nobody took it up in time.
    #[serde(default)]
    pub escalation: u8,
    /// What cameras saw.
    #[serde(default)]
    pub(crate) looks: Vec<Looking>,
    /// What sensors beside a camera's alarm said.
    #[serde(default)]
    pub checks: Vec<Check>,
    /// What the centre said last.
    #[serde(default)]
    pub handling: Option<Handling>,
    /// Why it is over.
    #[serde(default)]
    pub ended: Option<Ended>,
    /// The incident that goes on in its place.
    #[serde(default)]
    pub merged_into: Option<String>,
    /// Number and event of every disposition that has come, the highest only.
    #[serde(default)]
    pub(super) heard: Vec<(u64, u64)>,
    /// Events told so far.
    #[serde(default)]
    pub(super) events: u64,
    /// How often it began again.
    #[serde(default)]
    pub(super) reopened: u32,
    /// Since when somebody should acknowledge it.
    #[serde(default)]
    pub(super) waiting: Mark,
    /// When it was last told.
    #[serde(default)]
    pub(super) told: Mark,
    /// When something was last found.
    #[serde(default)]
    pub(super) news: Mark,
    /// Since when no device finds it any more.
    #[serde(default)]
    pub(super) cleared: Option<Mark>,
    /// When it was closed.
    #[serde(default)]
    pub(super) closed: Mark,
    /// The configuration knows none of its rules and devices any more.
    #[serde(default)]
    pub(super) unwatched: bool,
    /// Its number in the list that it stands in, in the order in which incidents came there.
    #[serde(default)]
    pub(super) listed: u64,
    /// What has to be told as soon as the last telling is not too fresh.
    #[serde(default)]
    pub(super) pending: Option<Source>,
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
    /// The rule's level.
    #[serde(default = "least")]
    pub level: u8,
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
    /// Id of the event that tells it: the incident's, and a number.
    pub event_id: String,
    /// Cameras that are to look at once.
    pub look_at: Vec<String>,
}

// === impl Incident ===

impl Incident {
    /// What `finding` begins.
    pub(super) fn begin(
        id: String,
        opened: Timestamp,
        now: Mark,
        mode: DeviceMode,
        finding: &Finding,
    ) -> Self {
        let mut incident = Incident {
            id,
            rule: (*finding.rule).clone(),
            level: finding.rule.level,
            opened,
            confirm: Confirm::Unconfirmed,
            members: vec![Member::of(finding)],
            measure: None,
            objects: Vec::new(),
            confidence: None,
            evidence: Vec::new(),
            mode,
            stage: Stage::Open,
            count: 1,
            storm: false,
            escalation: 0,
            looks: Vec::new(),
            checks: Vec::new(),
            handling: None,
            ended: None,
            merged_into: None,
            heard: Vec::new(),
            events: 0,
            reopened: 0,
            waiting: now,
            told: now,
            news: now,
            cleared: None,
            closed: now,
            unwatched: false,
            listed: 0,
            pending: None,
        };
        incident.take_in(&finding.detail);
        incident
    }

    /// The rule and source of `finding` are part of it.
    pub(super) fn has(&self, finding: &Finding) -> bool {
        self.members.iter().any(|member| member.is(finding))
    }

    /// Some device still finds it.
    pub fn is_active(&self) -> bool {
        self.members.iter().any(|member| member.active)
    }

    /// Sets what the rule and source of `finding` say; whether they said otherwise before.
    pub(super) fn set_active(&mut self, finding: &Finding, active: bool) -> bool {
        let mut changed = false;
        for member in self.members.iter_mut().filter(|member| member.is(finding)) {
            changed |= member.active != active;
            member.active = active;
        }
        changed
    }

    /// This device finds it now.
    pub fn is_seen_by(&self, source: &Source) -> bool {
        self.members.iter().any(|member| member.active && member.source == *source)
    }

    /// Different devices that found it.
    pub fn devices(&self) -> usize {
        let mut sources: Vec<&Source> = self.members.iter().map(|member| &member.source).collect();
        sources.sort_unstable();
        sources.dedup();
        sources.len()
    }

    /// The most severe level of its rules, one more severe where two devices agree. Does not depend on who came first.
    pub(super) fn judge_level(&mut self) {
        let most = self.members.iter().map(|member| member.level).min().unwrap_or(self.rule.level);
        let raised = if self.devices() > 1 && !self.storm { most.saturating_sub(1) } else { most };
        self.level = raised.clamp(1, 4);
    }

    pub(super) fn take_in(&mut self, detail: &Detail) {
        match detail {
            Detail::Seen { objects, .. } if !objects.is_empty() => {
                let best = objects.iter().map(|object| object.score).fold(0.0, f32::max);
                self.confidence = Some(self.confidence.unwrap_or(0.0).max(best));
                self.objects = objects.iter().take(OBJECTS_MAX).cloned().collect();
            }
            Detail::Measured(measure) => self.measure = Some(measure.clone()),
            Detail::Seen { .. } | Detail::Symptom(_) | Detail::Nothing => {}
        }
    }

    /// Keeps the first and the newest pieces of evidence, and the best; clips longer than stills.
    pub(super) fn add_evidence(&mut self, kept: Evidence) {
        if kept.best {
            let same = self.evidence.iter_mut().filter(|other| other.camera == kept.camera);
            same.for_each(|other| other.best = false);
        }
        self.evidence.push(kept);
        if self.evidence.len() > EVIDENCE_MAX {
            let middle = 1..self.evidence.len() - 1;
            let plain = |index: &usize| !self.evidence[*index].best && self.evidence[*index].kind == "image";
            let goes = middle.clone().find(plain).unwrap_or(middle.start);
            self.evidence.remove(goes);
        }
    }

    /// A fire that is over, and open until somebody acknowledges it.
    pub fn is_latched(&self) -> bool {
        self.cleared.is_some() && self.stage == Stage::Open && Happening::of(&self.rule).is_fire_alarm()
    }

    /// Takes the next event id.
    pub(super) fn next_event_id(&mut self) -> String {
        self.events += 1;
        format!("{}-{}", self.id, self.events)
    }

    /// See [`Mark::moved`].
    pub(super) fn moved(mut self, saved: Mark, restored: Mark) -> Self {
        let marks = [&mut self.waiting, &mut self.told, &mut self.news, &mut self.closed];
        let looks = self.looks.iter_mut().map(|look| &mut look.asked);
        for mark in marks.into_iter().chain(looks).chain(self.cleared.as_mut()) {
            *mark = mark.moved(saved, restored);
        }
        self
    }
}

// === impl Member ===

impl Member {
    pub(super) fn of(finding: &Finding) -> Self {
        Member {
            rule: finding.rule.id.clone(),
            source: finding.source.clone(),
            active: true,
            level: finding.rule.level,
        }
    }

    pub(super) fn is(&self, finding: &Finding) -> bool {
        self.rule == finding.rule.id && self.source == finding.source
    }
}

// === impl Finding ===

impl Finding {
    pub(super) fn note(&self) -> Option<String> {
        match &self.detail {
            Detail::Symptom(symptom) if !symptom.is_empty() => Some(symptom.clone()),
            _ => None,
        }
    }
}

fn one() -> u64 {
    1
}

fn least() -> u8 {
    4
}
