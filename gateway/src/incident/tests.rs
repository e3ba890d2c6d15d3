//! Stories: findings go in at times, changes come out.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use moshao_config::{Category, IncidentPolicy};

use super::fusion::Places;
use super::{Change, Incidents};
use crate::clock::Moment;
use crate::event::{Confirm, Evidence, Object, Phase, Stage};
use crate::rules::{Detail, Edge, Finding, RuleInfo, Source};

fn at(s: u64) -> Moment {
    Moment { mono: Duration::ZERO, wall: Timestamp::UNIX_EPOCH }.later(Duration::from_secs(s))
}

fn incidents() -> Incidents {
    let mut number = 0;
    let new_id = Box::new(move |_| {
        number += 1;
        format!("inc-{number}")
    });
    // A fire here waits for nobody; the scenarios in tests/scenarios tell how it waits.
    let policy = IncidentPolicy {
        fire_latch: Duration::ZERO,
        reopen_within: Duration::ZERO,
        ..IncidentPolicy::default()
    };
    let places = Places::of([("kitchen", &["gate"][..]), ("attic", &["gate"]), ("cellar", &[])]);
    Incidents::new(places, policy, new_id)
}

fn finding(rule: &str, category: Category, level: u8, source: Source, edge: Edge) -> Finding {
    let rule = Arc::new(RuleInfo {
        id: rule.to_owned(),
        level,
        code: match rule {
            "smoke" => "FIRE_SMOKE".to_owned(),
            "flames" => "FIRE_VIDEO".to_owned(),
            other => other.to_uppercase(),
        },
        category,
        kind: rule.to_owned(),
        title: rule.to_owned(),
    });
    Finding { rule, source, edge, detail: Detail::Nothing, origin_unix_ms: 0 }
}

fn smoke(sensor: &str, edge: Edge) -> Finding {
    finding("smoke", Category::Fire, 2, Source::Sensor(sensor.to_owned()), edge)
}

fn flames(camera: &str, edge: Edge) -> Finding {
    let object = Object { label: "fire".to_owned(), score: 0.8, track: 1, area: [0.1, 0.1, 0.2, 0.2] };
    Finding {
        detail: Detail::Seen { picture: 1, objects: vec![object] },
        ..finding("flames", Category::Fire, 3, Source::Camera(camera.to_owned()), edge)
    }
}

fn told(changes: Vec<Change>) -> Option<(Phase, String)> {
    assert!(changes.len() < 2, "{changes:?}");
    changes.into_iter().next().map(|change| (change.phase, change.incident.id))
}

fn yes(phase: Phase, id: &str) -> Option<(Phase, String)> {
    Some((phase, id.to_owned()))
}

#[test]
fn one_fire_seen_by_sensor_and_camera_is_one_incident() {
    let mut incidents = incidents();
    assert_eq!(told(incidents.find(at(0), &smoke("kitchen", Edge::Raised))), yes(Phase::Opened, "inc-1"));
    let confirmed = incidents.find(at(3), &flames("gate", Edge::Raised)).remove(0);
    assert_eq!((confirmed.phase, confirmed.incident.id.as_str()), (Phase::Confirmed, "inc-1"));
    assert_eq!(confirmed.incident.confirm, Confirm::VideoConfirmed);
    assert_eq!(confirmed.incident.level, 1, "two witnesses raise the level");
    assert_eq!(confirmed.incident.confidence, Some(0.8));
    assert_eq!(told(incidents.find(at(20), &flames("gate", Edge::Cleared))), None, "the sensor still alarms");
    assert_eq!(told(incidents.find(at(30), &smoke("kitchen", Edge::Cleared))), yes(Phase::Closed, "inc-1"));
    assert!(incidents.open().is_empty());
}

#[test]
fn the_camera_first_and_the_sensor_after_it_is_the_same_incident() {
    let mut incidents = incidents();
    incidents.find(at(0), &flames("gate", Edge::Raised));
    let confirmed = incidents.find(at(3), &smoke("kitchen", Edge::Raised)).remove(0);
    assert_eq!((confirmed.phase, confirmed.incident.confirm), (Phase::Confirmed, Confirm::SensorConfirmed));
}

#[test]
fn two_sensors_that_name_the_same_camera_are_at_the_same_place() {
    let mut incidents = incidents();
    incidents.find(at(0), &smoke("kitchen", Edge::Raised));
    assert_eq!(told(incidents.find(at(1), &smoke("attic", Edge::Raised))), yes(Phase::Confirmed, "inc-1"));
}

#[test]
fn elsewhere_is_another_incident() {
    let mut incidents = incidents();
    incidents.find(at(0), &smoke("kitchen", Edge::Raised));
    assert_eq!(told(incidents.find(at(1), &smoke("cellar", Edge::Raised))), yes(Phase::Opened, "inc-2"));
    assert_eq!(told(incidents.find(at(2), &flames("street", Edge::Raised))), yes(Phase::Opened, "inc-3"));
}

#[test]
fn incidents_that_are_over_at_the_same_moment_all_end() {
    let mut incidents = incidents();
    incidents.find(at(0), &smoke("kitchen", Edge::Raised));
    incidents.find(at(0), &smoke("cellar", Edge::Raised));
    let week = Duration::from_secs(7 * 24 * 3600);
    let changes = incidents.tick(at(week.as_secs()));
    let ended: Vec<&str> = changes.iter().map(|change| change.incident.id.as_str()).collect();
    assert_eq!(ended, ["inc-1", "inc-2"], "nothing has been heard of either for a week");
    assert!(incidents.open().is_empty());
}

#[test]
fn an_intruder_in_a_burning_kitchen_is_another_incident() {
    let mut incidents = incidents();
    incidents.find(at(0), &smoke("kitchen", Edge::Raised));
    let gate = Source::Camera("gate".to_owned());
    let intruder = finding("intruder", Category::Security, 2, gate, Edge::Raised);
    assert_eq!(told(incidents.find(at(1), &intruder)), yes(Phase::Opened, "inc-2"));
}

#[test]
fn faults_of_one_camera_are_told_one_by_one() {
    let mut incidents = incidents();
    let gate = || Source::Camera("gate".to_owned());
    let offline = finding("health/unreachable", Category::Device, 4, gate(), Edge::Raised);
    let password = finding("health/wrong-password", Category::Device, 4, gate(), Edge::Raised);
    assert_eq!(told(incidents.find(at(0), &offline)), yes(Phase::Opened, "inc-1"));
    assert_eq!(told(incidents.find(at(1), &password)), yes(Phase::Opened, "inc-2"));
}

#[test]
fn going_on_is_told_once_a_minute() {
    let mut incidents = incidents();
    incidents.find(at(0), &smoke("kitchen", Edge::Raised));
    for s in 1..60 {
        assert_eq!(told(incidents.find(at(s), &smoke("kitchen", Edge::Continues))), None, "at {s} s");
    }
    assert_eq!(
        told(incidents.find(at(60), &smoke("kitchen", Edge::Continues))),
        yes(Phase::Updated, "inc-1")
    );
    assert_eq!(told(incidents.find(at(61), &smoke("kitchen", Edge::Continues))), None);
}

#[test]
fn evidence_is_told_while_the_incident_is_remembered() {
    let mut incidents = incidents();
    incidents.find(at(0), &flames("gate", Edge::Raised));
    let still = Evidence {
        kind: "image".to_owned(),
        mime: "image/jpeg".to_owned(),
        sha256: "00".to_owned(),
        bytes: 1,
        reference: "evidence/inc-1/1.jpg".to_owned(),
        masked: true,
        taken: "1970-01-01T00:00:00Z".to_owned(),
        stream: None,
        camera: None,
        best: false,
        seconds: None,
        cut: None,
    };
    let gate = Source::Camera("gate".to_owned());
    let updated = incidents.attach(at(1), "inc-1", &gate, still.clone()).unwrap();
    assert_eq!((updated.phase, updated.incident.evidence.len()), (Phase::Updated, 1));
    incidents.find(at(2), &flames("gate", Edge::Cleared));
    let updated = incidents.attach(at(3), "inc-1", &gate, still.clone()).unwrap();
    assert_eq!(
        (updated.phase, updated.incident.stage),
        (Phase::Updated, Stage::Closed),
        "a clip takes its time"
    );
    assert_eq!(incidents.attach(at(4), "inc-2", &gate, still), None);
}

#[test]
fn what_was_saved_goes_on_after_a_restart() {
    let mut before = incidents();
    before.find(at(0), &smoke("kitchen", Edge::Raised));
    before.find(at(3), &flames("gate", Edge::Raised));
    let saved = before.save();

    let mut after = incidents();
    after.restore(at(3), &saved).unwrap();
    assert_eq!(after.open(), before.open());
    assert_eq!(told(after.find(at(4), &flames("gate", Edge::Raised))), None, "the same fire is not news");
    assert_eq!(told(after.find(at(5), &flames("gate", Edge::Cleared))), None);
    assert_eq!(told(after.find(at(6), &smoke("kitchen", Edge::Cleared))), yes(Phase::Closed, "inc-1"));
}

#[test]
fn an_end_without_a_beginning_is_no_incident() {
    assert_eq!(told(incidents().find(at(0), &smoke("kitchen", Edge::Cleared))), None);
}
