//! Stories: findings go in at times, changes come out.

use std::collections::BTreeMap;
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

/// What a restart finds.
#[derive(Default)]
struct Disk {
    head: Vec<u8>,
    incidents: BTreeMap<String, Vec<u8>>,
}

impl Disk {
    /// Puts what has changed there; returns the ids of what was written and what was removed.
    fn take(&mut self, incidents: &mut Incidents) -> (Vec<String>, Vec<String>) {
        self.head = serde_json::to_vec(&incidents.head()).unwrap();
        let changed = incidents.changed();
        let (mut written, mut removed) = (Vec::new(), Vec::new());
        for (id, incident) in &changed {
            match incident {
                Some(incident) => {
                    self.incidents.insert(id.clone(), incident.to_saved());
                    written.push(id.clone());
                }
                None => {
                    assert!(self.incidents.remove(id).is_some(), "only what is there can be removed");
                    removed.push(id.clone());
                }
            }
        }
        incidents.saved(changed);
        (written, removed)
    }

    fn restored(&self, now: Moment) -> Incidents {
        let mut restored = incidents();
        let head = serde_json::from_slice(&self.head).unwrap();
        let saved = self.incidents.iter().map(|(id, incident)| (id.as_str(), incident.as_slice()));
        assert!(restored.restore(now, head, saved).is_empty());
        restored
    }
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
    let mut disk = Disk::default();
    disk.take(&mut before);

    let mut after = disk.restored(at(3));
    assert_eq!(after.open(), before.open());
    assert_eq!(told(after.find(at(4), &flames("gate", Edge::Raised))), None, "the same fire is not news");
    assert_eq!(told(after.find(at(5), &flames("gate", Edge::Cleared))), None);
    assert_eq!(told(after.find(at(6), &smoke("kitchen", Edge::Cleared))), yes(Phase::Closed, "inc-1"));
}

#[test]
fn only_what_has_changed_is_written() {
    let mut live = incidents();
    let mut disk = Disk::default();
    live.find(at(0), &smoke("kitchen", Edge::Raised));
    live.find(at(60), &smoke("cellar", Edge::Raised));
    assert_eq!(disk.take(&mut live).0, ["inc-1", "inc-2"]);
    assert_eq!(disk.take(&mut live), (vec![], vec![]), "nothing has happened");
    live.find(at(61), &smoke("cellar", Edge::Cleared));
    assert_eq!(disk.take(&mut live), (vec!["inc-2".to_owned()], vec![]), "closed and remembered");
    // A day later it is forgotten, here and there.
    live.tick(at(60 + 25 * 3600));
    assert_eq!(disk.take(&mut live).1, ["inc-2"]);

    // The clock of the next start is another one: what is on disk counts by the old one until it is written again.
    let mut after = disk.restored(at(90_100));
    assert_eq!(disk.take(&mut after).0, ["inc-1"]);
    assert_eq!(disk.take(&mut after), (vec![], vec![]));
    after.forget_saved();
    assert_eq!(disk.take(&mut after).0, ["inc-1"], "the disk is another one");
}

#[test]
fn lists_keep_their_order_over_restarts() {
    let fault = |number: u64, edge| {
        let rule = format!("rule-{number}");
        finding(&rule, Category::Device, 4, Source::Sensor(rule.clone()), edge)
    };
    let mut live = incidents();
    // Ids do not sort in the order in which they are given: inc-10 comes before inc-2.
    for number in 1..=11 {
        live.find(at(number), &fault(number, Edge::Raised));
    }
    for number in [2, 10] {
        live.find(at(20), &fault(number, Edge::Cleared));
    }
    let mut disk = Disk::default();
    disk.take(&mut live);
    let mut again = disk.restored(at(20));
    assert_eq!((again.open(), again.closed()), (live.open(), live.closed()));
    assert_eq!((again.open().len(), again.closed().len()), (9, 2));
    // What comes after the restart comes last.
    again.find(at(21), &fault(3, Edge::Cleared));
    again.find(at(21), &fault(1, Edge::Cleared));
    disk.take(&mut again);
    let third = disk.restored(at(21));
    assert_eq!((third.open(), third.closed()), (again.open(), again.closed()));
}

#[test]
fn times_go_on_where_they_were_when_the_clock_begins_anew() {
    let mut before = incidents();
    before.find(at(1000), &smoke("kitchen", Edge::Raised));
    let mut disk = Disk::default();
    disk.take(&mut before);
    // The box was away for 20 s, and its monotonic clock begins at zero.
    let restarted = Moment { mono: Duration::ZERO, wall: at(1020).wall };
    let mut after = disk.restored(restarted);
    let told = |changes: Vec<Change>| changes.iter().map(|change| change.phase).collect::<Vec<_>>();
    assert_eq!(told(after.tick(restarted.later(Duration::from_secs(39)))), [], "59 s without an answer");
    assert_eq!(told(after.tick(restarted.later(Duration::from_secs(41)))), [Phase::Escalated], "a minute");
}

#[test]
fn each_rule_of_a_device_finds_its_own_incident() {
    let mut incidents = incidents();
    let battery = |edge| finding("battery", Category::Device, 4, Source::Sensor("kitchen".to_owned()), edge);
    assert_eq!(told(incidents.find(at(0), &smoke("kitchen", Edge::Raised))), yes(Phase::Opened, "inc-1"));
    assert_eq!(told(incidents.find(at(1), &battery(Edge::Raised))), yes(Phase::Opened, "inc-2"));
    for time in 2..5 {
        assert_eq!(told(incidents.find(at(time), &smoke("kitchen", Edge::Continues))), None);
        assert_eq!(told(incidents.find(at(time), &battery(Edge::Continues))), None);
    }
    assert_eq!(told(incidents.find(at(6), &smoke("kitchen", Edge::Cleared))), yes(Phase::Closed, "inc-1"));
    assert_eq!(told(incidents.find(at(7), &battery(Edge::Continues))), None, "at another place of the list");
    assert_eq!(told(incidents.find(at(8), &battery(Edge::Cleared))), yes(Phase::Closed, "inc-2"));
}

#[test]
fn what_cannot_be_read_is_forgotten_and_the_rest_goes_on() {
    let mut before = incidents();
    before.find(at(0), &smoke("kitchen", Edge::Raised));
    before.find(at(60), &smoke("cellar", Edge::Raised));
    let mut disk = Disk::default();
    disk.take(&mut before);
    let saved = [("inc-1", &b"{\"id\": 7}"[..]), ("inc-2", disk.incidents["inc-2"].as_slice())];
    let mut after = incidents();
    let unreadable = after.restore(at(60), serde_json::from_slice(&disk.head).unwrap(), saved.into_iter());
    assert_eq!(unreadable.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ["inc-1"]);
    assert_eq!(after.open(), &before.open()[1..]);
    let removed = after.changed().into_iter().filter(|(_, incident)| incident.is_none());
    assert_eq!(removed.map(|(id, _)| id).collect::<Vec<_>>(), ["inc-1"], "it is taken away from the disk");
}

#[test]
fn an_end_without_a_beginning_is_no_incident() {
    assert_eq!(told(incidents().find(at(0), &smoke("kitchen", Edge::Cleared))), None);
}
