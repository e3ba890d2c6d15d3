//! When an incident that nobody has acknowledged is told again, more loudly.

use std::time::Duration;

use moshao_config::{DeviceMode, IncidentPolicy};

use super::Incident;
use super::happening::Happening;
use super::mark::Mark;
use crate::event::Stage;

/// Escalations of one incident; after that the centre knows.
const MOST: u8 = 3;

/// Whether the incident is to be escalated now: after the time of its kind, and then each time after twice as long as
/// before, [`MOST`] times.
pub(super) fn is_due(incident: &Incident, now: Mark, policy: &IncidentPolicy) -> bool {
    let patience = patience(incident, policy);
    let silent = incident.stage == Stage::Open && incident.escalation < MOST && !patience.is_zero();
    silent && now.since(incident.waiting) >= patience * ((2 << incident.escalation) - 1)
}

fn patience(incident: &Incident, policy: &IncidentPolicy) -> Duration {
    if incident.mode != DeviceMode::Live || incident.level > 3 {
        return Duration::ZERO;
    }
    if Happening::of(&incident.rule).is_fire_alarm() { policy.escalate_fire } else { policy.escalate }
}
