//! What the demo has to show, checked on the events that a subscriber receives: one incident, opened by the smoke
//! sensor, confirmed by the camera, closed when both are clear.

use crate::event::{Confirm, Event, Phase};

/// How far the story has come.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Story {
    /// Nothing has happened.
    #[default]
    Quiet,
    /// An incident began, but not with the smoke sensor.
    OpenedByAnother {
        /// Which device did.
        device: String,
    },
    /// The smoke sensor has opened an incident.
    Opened {
        /// Its id.
        incident: String,
    },
    /// The camera agrees.
    Confirmed {
        /// Its id.
        incident: String,
    },
    /// Over.
    Told,
}

// === impl Story ===

impl Story {
    /// The story after one more event.
    pub fn after(self, event: &Event) -> Self {
        let data = &event.data;
        let same = |incident: &str| event.correlationid == incident;
        match (self, data.phase) {
            (Story::Quiet | Story::OpenedByAnother { .. }, Phase::Opened) if data.device.kind == "smoke" => {
                Story::Opened { incident: event.correlationid.clone() }
            }
            (Story::Quiet, Phase::Opened) => Story::OpenedByAnother { device: data.device.id.clone() },
            (Story::Opened { incident }, Phase::Confirmed)
                if same(&incident) && data.confirm == Confirm::VideoConfirmed =>
            {
                Story::Confirmed { incident }
            }
            (Story::Confirmed { incident }, Phase::Closed) if same(&incident) => Story::Told,
            (story, _) => story,
        }
    }

    /// The story is complete.
    pub fn is_told(&self) -> bool {
        *self == Story::Told
    }

    /// What is missing, and where to look; none when nothing is.
    pub fn missing(&self) -> Option<String> {
        let text = match self {
            Story::Told => return None,
            Story::Quiet => "no event reached the subscriber: the smoke sensor's alarm was not heard or not \
                             delivered; MOSHAO_LOG=info shows what the gateway did"
                .to_owned(),
            Story::OpenedByAnother { device } => format!(
                "'{device}' opened the incident before the smoke sensor did; this machine may be too slow, or the \
                 detector sees a fire where none is"
            ),
            Story::Opened { .. } => "the smoke sensor opened the incident, but the camera did not confirm it: no \
                                     pictures came, or the detector found no fire in them; MOSHAO_LOG=debug shows \
                                     the camera's state"
                .to_owned(),
            Story::Confirmed { .. } => "the incident was opened and confirmed, but not closed in time; try --seconds 90"
                .to_owned(),
        };
        Some(text)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// An event of an incident.
    pub(crate) fn event(incident: &str, phase: Phase, kind: &str, confirm: Confirm) -> Event {
        let json = serde_json::json!({
            "specversion": "1.0", "id": "01", "source": "urn:moshao:510104001001:demo",
            "type": "moshao.fire.smoke.v1", "subject": "sensor/shed-smoke",
            "time": "2026-11-21T20:00:08.250+08:00", "recordedtime": "2026-11-21T20:00:08.260+08:00",
            "datacontenttype": "application/json", "sequence": "00000000000000000001",
            "correlationid": incident, "severitytext": "FATAL", "severitynumber": 21,
            "data": {
                "phase": phase, "code": "FIRE_SMOKE", "title": "烟感报警", "category": "fire", "level": 1,
                "color": "red", "mode": "live", "confirm": confirm, "rule": "smoke",
                "grid": { "code": "510104001001003", "division": "510104001001" }, "place": {},
                "device": { "kind": kind, "id": "shed-smoke", "name": "Shed smoke alarm" },
            },
        });
        serde_json::from_value(json).expect("an event")
    }

    fn told(events: &[Event]) -> Story {
        events.iter().fold(Story::default(), Story::after)
    }

    #[test]
    fn the_story_is_told_by_three_events_of_one_incident() {
        let events = [
            event("a", Phase::Opened, "smoke", Confirm::Unconfirmed),
            event("a", Phase::Updated, "smoke", Confirm::Unconfirmed),
            event("a", Phase::Confirmed, "camera", Confirm::VideoConfirmed),
            event("a", Phase::Closed, "camera", Confirm::VideoConfirmed),
        ];
        assert!(told(&events).is_told());
        assert_eq!(told(&events).missing(), None);
    }

    #[test]
    fn what_is_missing_is_named() {
        let opened = event("a", Phase::Opened, "smoke", Confirm::Unconfirmed);
        let confirmed = event("a", Phase::Confirmed, "camera", Confirm::VideoConfirmed);
        assert!(told(&[]).missing().unwrap().contains("no event"));
        assert!(told(std::slice::from_ref(&opened)).missing().unwrap().contains("did not confirm"));
        assert!(told(&[opened.clone(), confirmed]).missing().unwrap().contains("not closed"));
        let camera = event("b", Phase::Opened, "camera", Confirm::Unconfirmed);
        assert!(told(std::slice::from_ref(&camera)).missing().unwrap().contains("before the smoke sensor"));
        assert!(told(&[camera, opened]).missing().unwrap().contains("did not confirm"));
    }

    #[test]
    fn other_incidents_do_not_count() {
        let events = [
            event("a", Phase::Opened, "smoke", Confirm::Unconfirmed),
            event("b", Phase::Confirmed, "camera", Confirm::VideoConfirmed),
            event("b", Phase::Closed, "camera", Confirm::VideoConfirmed),
            event("a", Phase::Confirmed, "temperature", Confirm::SensorConfirmed),
        ];
        assert_eq!(told(&events), Story::Opened { incident: "a".into() });
    }
}
