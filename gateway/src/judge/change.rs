//! From one configuration to the next. Incidents, orders of the centre and tests stay; rules and devices that are as they
//! were keep what they know, and what nobody watches any more ends.

use std::collections::{BTreeMap, BTreeSet};

use moshao_config::Config;

use super::Judge;
use crate::clock::Moment;
use crate::health::StreamHealth;
use crate::incident::Change;
use crate::incident::fusion::Places;
use crate::overload::WorkerHealth;
use crate::quality::Quality;
use crate::rules::{Engine, Finding, Source};
use crate::supervise::worker_names;

// === impl Judge ===

impl Judge {
    /// From the `old` to the `new` configuration. `workers` are the names of those that run now.
    pub fn go_on_with(&mut self, now: Moment, old: &Config, new: &Config, workers: &[&str]) -> Vec<Change> {
        self.incidents.go_on_with(Places::new(new), new.incidents.clone());
        self.incidents.order_modes(&self.orders);
        self.watched = watched(new);
        self.units = new.sensors.iter().map(|sensor| sensor.unit.clone()).collect();
        self.forget_unwatched(now);
        self.change_rules(now, old, new);
        let before = std::mem::replace(&mut self.quality, Quality::new(new));
        self.quality.take_over(before, old, new);
        let mut over = self.change_streams(now, new);
        over.extend(self.change_workers(now, new, workers));
        self.settle(now, over)
    }

    /// What nobody watches any more will not be cleared by anybody.
    pub(super) fn forget_unwatched(&mut self, now: Moment) {
        let watched = &self.watched;
        let is_watched = |rule: &str, source: &Source| {
            // Rules of the gateway itself are in no configuration.
            rule.starts_with("health/") || watched.contains(&(configured(source), rule.to_owned()))
        };
        self.incidents.forget_unwatched(now, is_watched);
    }

    fn change_rules(&mut self, now: Moment, old: &Config, new: &Config) {
        let before = std::mem::replace(&mut self.rules, Engine::new(new));
        self.rules.restore_memory(before.save());
        // A rule that has changed goes on with its open incident; those that have not know more than that.
        let remembered = self.incidents.open().iter().chain(self.incidents.closed());
        for member in remembered.flat_map(|incident| &incident.members).filter(|member| member.active) {
            self.rules.restore(now, &member.rule, &member.source);
        }
        self.rules.take_over(before, old, new);
    }

    /// Faults of a main stream that a camera has no more are over; those of cameras that are gone are forgotten.
    fn change_streams(&mut self, now: Moment, new: &Config) -> Vec<Finding> {
        let mut streams = std::mem::take(&mut self.streams);
        let mut mains = std::mem::take(&mut self.main_streams);
        let mut over = Vec::new();
        for camera in &new.cameras {
            let id = &camera.id;
            let stream = streams.remove(id).unwrap_or_else(|| StreamHealth::new(id));
            self.streams.insert(id.clone(), stream);
            match (mains.remove(id), camera.main.is_some()) {
                (main, true) => {
                    let main = main.unwrap_or_else(|| StreamHealth::of_main(id));
                    self.main_streams.insert(id.clone(), main);
                }
                (Some(mut gone), false) => over.extend(gone.over(now)),
                (None, false) => {}
            }
        }
        over
    }

    /// A worker that runs no more is not overloaded any more.
    fn change_workers(&mut self, now: Moment, new: &Config, running: &[&str]) -> Vec<Finding> {
        let mut before: BTreeMap<String, WorkerHealth> = std::mem::take(&mut self.workers);
        let mut over = Vec::new();
        for name in worker_names(new) {
            let mut health = before.remove(&name).unwrap_or_else(|| WorkerHealth::new(&name));
            if !running.contains(&name.as_str()) {
                over.extend(health.over(now));
            }
            self.workers.insert(name, health);
        }
        over
    }
}

/// Which device of the configuration watches which rule.
pub(super) fn watched(config: &Config) -> BTreeSet<(Source, String)> {
    let cameras = config.cameras.iter().map(|camera| (Source::Camera(camera.id.clone()), &camera.watches));
    let sensors = config.sensors.iter().map(|sensor| (Source::Sensor(sensor.id.clone()), &sensor.watches));
    let pairs = |(source, rules): (Source, &Vec<String>)| -> Vec<(Source, String)> {
        rules.iter().map(|rule| (source.clone(), rule.clone())).collect()
    };
    cameras.chain(sensors).flat_map(pairs).collect()
}

/// The device of the configuration: a sensor without the topic levels that it captured.
fn configured(source: &Source) -> Source {
    match source {
        Source::Sensor(name) => {
            Source::Sensor(name.split_once('/').map_or(name.as_str(), |(id, _)| id).to_owned())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use jiff::Timestamp;
    use moshao_config::{Environment, Quantity};

    use super::*;
    use crate::event::Phase;
    use crate::sensor::reading::Reading;
    use crate::worker::link::{Observation, SeenTrack};

    const SITE: &str = "[gateway]\nid = \"gw\"\ndivision = \"510104001001\"\n[grid]\ncode = \"510104001001003\"\n\
        [uplink]\nurl = \"mqtt://127.0.0.1\"\n[sensors]\nurl = \"mqtt://127.0.0.1\"\n[incidents]\nreopen_within = \"0s\"\n\
        [camera.yard]\nurl = \"rtsp://10.0.0.12/102\"\nwatches = [\"person\"]\n\
        zones = { door = [[0.0, 0.0], [0.9, 0.0], [0.9, 0.9]] }\n\
        [sensor.boiler]\ntopic = \"site/boiler\"\nvalue = \"/c\"\nkind = \"temperature\"\nunit = \"Cel\"\nwatches = [\"hot\"]\n\
        [rule.person]\nobject = { labels = [\"fire\"], zone = \"door\", at_least = 3, within = \"60s\" }\n\
        level = 3\ncategory = \"security\"\nkind = \"person\"\n\
        [rule.hot]\nthreshold = { above = 57.0, hold = \"30s\" }\nlevel = 2\n";

    fn site(edit: impl Fn(&str) -> String) -> Config {
        let environment = Environment::of_process(Path::new("."));
        moshao_config::parse(&edit(SITE), "site.toml", &environment).unwrap()
    }

    fn at(s: u64) -> Moment {
        let begin = Timestamp::from_second(1_795_235_696).unwrap();
        Moment { mono: Duration::ZERO, wall: begin }.later(Duration::from_secs(s))
    }

    fn hot(s: u64, config_index: usize, value: f64) -> Reading {
        let (sensor, received) = ("boiler".to_owned(), at(s).wall);
        Reading { sensor, config_index, quantity: Quantity::Value, value, received, device_time: None }
    }

    fn fire(s: u64) -> Observation {
        let track = SeenTrack { id: 1, label: "fire".to_owned(), score: 0.75, area: [0.5, 0.2, 0.6, 0.4] };
        Observation {
            camera: "yard".to_owned(),
            picture: s,
            received_unix_ms: at(s).wall.as_millisecond(),
            media_time: Duration::from_secs(s),
            width: 1920,
            height: 1080,
            rotate_degrees: 0,
            tracks: vec![track],
        }
    }

    fn judge(config: &Config) -> Judge {
        let mut number = 0;
        let id = move |_| {
            number += 1;
            format!("inc-{number}")
        };
        Judge::new(config, Box::new(id))
    }

    fn told(changes: &[Change]) -> Vec<(&str, Phase)> {
        changes.iter().map(|change| (change.incident.rule.id.as_str(), change.phase)).collect()
    }

    /// What two of three pictures, and 20 of 30 hot seconds, come to when the configuration changes in between.
    fn after(new: &Config, config_index: usize) -> Vec<(String, Phase)> {
        let old = site(str::to_owned);
        let mut judge = judge(&old);
        let mut changes = judge.reading(at(0), &hot(0, 0, 80.0));
        changes.extend(judge.observe(at(1), &fire(1)));
        changes.extend(judge.observe(at(2), &fire(2)));
        assert!(changes.is_empty(), "{:?}", told(&changes));
        changes.extend(judge.go_on_with(at(20), &old, new, &["worker-0"]));
        changes.extend(judge.observe(at(21), &fire(21)));
        changes.extend(judge.reading(at(31), &hot(31, config_index, 80.0)));
        changes.extend(judge.tick(at(31)));
        let opened = told(&changes).into_iter().filter(|(_, phase)| *phase == Phase::Opened);
        opened.map(|(rule, phase)| (rule.to_owned(), phase)).collect()
    }

    const BOTH: [(&str, Phase); 2] = [("person", Phase::Opened), ("hot", Phase::Opened)];

    #[test]
    fn rules_and_devices_that_stay_keep_what_they_have_seen_half_of() {
        let new = site(|text| {
            let text = text
                .replace("[rule.person]", "[rule.other]\nstate = { is = true }\nlevel = 4\n[rule.person]");
            let more = "[sensor.attic]\ntopic = \"a\"\nvalue = \"/s\"\nkind = \"smoke\"\n[camera.lane]\nurl = \"rtsp://10.0.0.2/1\"\n";
            text.replace("zones = {", "zones = { gate = [[0.1, 0.1], [0.4, 0.1], [0.4, 0.4]],")
                .replace("[camera.yard]", &format!("{more}[camera.yard]"))
        });
        let at = new.sensors.iter().position(|sensor| sensor.id == "boiler").unwrap();
        assert_eq!(at, 1, "places have moved");
        assert_eq!(after(&new, at), BOTH.map(|(rule, phase)| (rule.to_owned(), phase)));
    }

    #[test]
    fn a_rule_that_means_something_else_begins_anew() {
        let condition = site(|text| {
            text.replace("at_least = 3", "at_least = 2").replace("hold = \"30s\"", "hold = \"15s\"")
        });
        assert_eq!(after(&condition, 0), [], "nothing of before counts");
        let drawn = site(|text| text.replace("[0.9, 0.9]]", "[0.8, 0.9]]"));
        assert_eq!(after(&drawn, 0), [("hot".to_owned(), Phase::Opened)], "the zone is another one");
    }

    #[test]
    fn an_incident_goes_on_unless_nobody_watches_it_any_more() {
        let old = site(|text| text.replace(", hold = \"30s\"", ""));
        let mut judge = judge(&old);
        assert_eq!(told(&judge.reading(at(0), &hot(0, 0, 80.0))), [("hot", Phase::Opened)]);
        // The rule is told otherwise: the incident is the same, and ends as it would have.
        let louder = site(|text| text.replace(", hold = \"30s\"", "").replace("level = 2", "level = 1"));
        assert!(judge.go_on_with(at(10), &old, &louder, &["worker-0"]).is_empty());
        assert!(
            told(&judge.reading(at(11), &hot(11, 0, 81.0))).iter().all(|(_, phase)| *phase != Phase::Opened)
        );
        assert_eq!(judge.open().len(), 1);
        // Nobody watches it: it ends by itself.
        let unwatched = site(|text| text.replace("watches = [\"hot\"]", "watches = []"));
        judge.go_on_with(at(20), &louder, &unwatched, &["worker-0"]);
        let ended = (21..3600).flat_map(|s| judge.tick(at(s))).find(|change| change.phase == Phase::Closed);
        assert_eq!(ended.map(|change| change.incident.id), Some("inc-1".to_owned()));
        assert!(judge.open().is_empty());
    }
}
