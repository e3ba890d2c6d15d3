//! Plays a scenario on virtual time: what happens goes into the incidents, what is told comes out as one line an event.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use jiff::Timestamp;
use moshao::clock::Moment;
use moshao::disposition;
use moshao::event::{Confirm, Evidence, Measure, Mode, Object, Stage as LifeStage};
use moshao::incident::fusion::{Places, configured_id};
use moshao::incident::tell::tell;
use moshao::incident::{Change, Incidents};
use moshao::rules::{Detail, Edge, Finding, RuleInfo, Source};
use moshao_config::{Config, Environment};
use serde_json::{Value, json};

use crate::script::{Scenario, Step, time};

/// Time goes on in steps of this length, as the desk's does.
const TICK: Duration = Duration::from_millis(250);

/// Only so long after something has happened; from then on in steps of [`LONG_TICK`].
const FINE: Duration = Duration::from_secs(300);
const LONG_TICK: Duration = Duration::from_secs(5);

/// When the gateway is restarted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Restarts {
    /// Where the scenario says so.
    AsWritten,
    /// Before and after everything that happens, too.
    Everywhere,
}

/// The incidents under test with everything around them.
pub(crate) struct Stage {
    pub(crate) config: Config,
    pub(crate) incidents: Incidents,
    ids: Arc<AtomicU64>,
    /// Virtual time since the scenario began.
    now: Duration,
    /// When the gateway was last started: its monotonic clock begins there.
    started: Duration,
    /// What the world says again after a restart.
    streams: BTreeMap<String, bool>,
    measured: BTreeMap<String, (Duration, f64)>,
    /// What is on disk: the head, and incidents by their ids.
    head: Vec<u8>,
    saved: BTreeMap<String, Vec<u8>>,
}

/// Every event of a scenario, by the step that it came in.
pub(crate) fn play(scenario: &Scenario, restarts: Restarts) -> Vec<Vec<String>> {
    let mut stage = Stage::new(&scenario.settings);
    let mut told = Vec::new();
    for (index, step) in scenario.steps.iter().enumerate() {
        let mut lines = Vec::new();
        if restarts == Restarts::Everywhere {
            stage.restart();
        }
        stage.act(step, &mut lines);
        if restarts == Restarts::Everywhere {
            stage.restart();
        }
        let until = scenario.steps.get(index + 1).map_or(step.at, |next| next.at);
        assert!(until >= step.at, "{}: time runs backwards at '{}'", scenario.title, step.text);
        stage.pass(until, &mut lines);
        told.push(lines);
    }
    told
}

// === impl Stage ===

impl Stage {
    /// The site with these keys of `[incidents]`.
    pub(crate) fn new(settings: &[String]) -> Self {
        let config = config(settings);
        let ids = Arc::new(AtomicU64::new(0));
        Stage {
            incidents: incidents(&config, &ids),
            config,
            ids,
            now: Duration::ZERO,
            started: Duration::ZERO,
            streams: BTreeMap::new(),
            measured: BTreeMap::new(),
            head: Vec::new(),
            saved: BTreeMap::new(),
        }
    }

    pub(crate) fn moment(&self) -> Moment {
        Moment { mono: self.now - self.started, wall: begin() + self.now }
    }

    /// Saves, forgets everything, and takes up what was saved.
    pub(crate) fn restart(&mut self) {
        self.save();
        self.started = self.now;
        self.incidents = incidents(&self.config, &self.ids);
        let now = self.moment();
        let head = serde_json::from_slice(&self.head).expect("the head can be read");
        let saved = self.saved.iter().map(|(id, incident)| (id.as_str(), incident.as_slice()));
        let unreadable = self.incidents.restore(now, head, saved);
        assert!(unreadable.is_empty(), "what was saved can be read: {unreadable:?}");
        for (camera, up) in &self.streams {
            self.incidents.stream(now, camera, *up);
        }
        // Retained messages come again.
        for (sensor, (_, value)) in &self.measured {
            self.incidents.measured(now, sensor, *value, "MPa");
        }
    }

    /// Puts what has changed where a restart finds it.
    fn save(&mut self) {
        self.head = serde_json::to_vec(&self.incidents.head()).expect("plain data");
        let changed = self.incidents.changed();
        for (id, incident) in &changed {
            match incident {
                Some(incident) => drop(self.saved.insert(id.clone(), incident.to_saved())),
                None => drop(self.saved.remove(id)),
            }
        }
        self.incidents.saved(changed);
    }

    /// Lets time pass until `until`, tick by tick.
    pub(crate) fn pass(&mut self, until: Duration, lines: &mut Vec<String>) {
        let begin = self.now;
        while self.now < until {
            // Days are gone through in longer steps.
            let tick = if self.now - begin < FINE { TICK } else { LONG_TICK };
            self.now = (self.now + tick).min(until);
            let changes = self.incidents.tick(self.moment());
            self.note(&changes, lines);
        }
    }

    /// Time jumps to `until`, with one tick there.
    pub(crate) fn jump(&mut self, until: Duration) -> Vec<Change> {
        self.now = until;
        self.incidents.tick(self.moment())
    }

    fn act(&mut self, step: &Step, lines: &mut Vec<String>) {
        self.pass(step.at, lines);
        let words: Vec<&str> = step.words.iter().map(String::as_str).collect();
        let now = self.moment();
        match words.as_slice() {
            ["time", "passes"] => {}
            ["restart"] => self.restart(),
            ["centre", state, event_id, "seq", seq, rest @ ..] => {
                let told = disposition(state, event_id, seq, rest);
                let payload = serde_json::to_vec(&told).expect("plain data");
                let told =
                    disposition::parse(&payload).unwrap_or_else(|error| panic!("{}: {error}", step.text));
                let (answer, changes) = self.incidents.dispose(now, &told);
                lines.push(format!("{} answer {}", time(self.now), answer.as_str()));
                self.note(&changes, lines);
            }
            [camera, "goes", "offline"] => {
                self.streams.insert((*camera).to_owned(), false);
                self.incidents.stream(now, camera, false);
            }
            [camera, "comes", "back"] => {
                self.streams.insert((*camera).to_owned(), true);
                self.incidents.stream(now, camera, true);
            }
            [camera, "sees", "nothing"] => self.incidents.see(now, camera, &[]),
            [camera, "sees", label, score] => {
                let score: f32 = score.parse().expect("a score");
                self.incidents.see(now, camera, &[(*label, score)]);
            }
            [sensor, "measures", value] => {
                let value: f64 = value.parse().expect("a number");
                self.measured.insert((*sensor).to_owned(), (self.now, value));
                self.incidents.measured(now, sensor, value, "MPa");
            }
            [camera, "keeps", "a", "still", "for", incident] => {
                let source = Source::Camera((*camera).to_owned());
                let change = self.incidents.attach(now, incident, &source, still(incident));
                self.note(change.as_slice(), lines);
            }
            [device, what, rule @ ..] => {
                let (edge, rule) = match (*what, rule) {
                    ("alarms", ["still"]) => (Edge::Continues, None),
                    ("alarms", []) => (Edge::Raised, None),
                    ("alarms", ["by", rule]) => (Edge::Raised, Some(*rule)),
                    ("clears", []) => (Edge::Cleared, None),
                    ("clears", ["by", rule]) => (Edge::Cleared, Some(*rule)),
                    _ => panic!("'{}' is not understood", step.text),
                };
                for device in each(device) {
                    let finding = self.finding(&device, rule, edge);
                    let changes = self.incidents.find(now, &finding);
                    self.note(&changes, lines);
                }
            }
            _ => panic!("'{}' is not understood", step.text),
        }
    }

    /// What a rule says about a device; its first rule where none is named.
    pub(crate) fn finding(&self, device: &str, rule: Option<&str>, edge: Edge) -> Finding {
        let origin_unix_ms = self.moment().wall.as_millisecond();
        let camera = self.config.cameras.iter().find(|camera| camera.id == device);
        let (source, watches) = match camera {
            Some(camera) => (Source::Camera(device.to_owned()), &camera.watches),
            None => {
                let id = configured_id(device);
                let sensor = self.config.sensors.iter().find(|sensor| sensor.id == id);
                let sensor = sensor.unwrap_or_else(|| panic!("the site has no {device}"));
                (Source::Sensor(device.to_owned()), &sensor.watches)
            }
        };
        if let Some(fault) = rule.and_then(|rule| rule.strip_prefix("health/")) {
            let info = RuleInfo {
                id: format!("health/{fault}"),
                level: 4,
                code: "OFFLINE".to_owned(),
                category: moshao_config::Category::Device,
                kind: format!("camera-{fault}"),
                title: "摄像机离线".to_owned(),
            };
            let detail = Detail::Symptom(String::new());
            return Finding { rule: Arc::new(info), source, edge, detail, origin_unix_ms };
        }
        let rule = rule.unwrap_or(&watches[0]);
        let rule = self.config.rules.iter().find(|known| known.id == rule).expect("a rule of the site");
        let detail = match (edge, camera) {
            (Edge::Cleared, _) => Detail::Nothing,
            (_, Some(_)) => {
                let label = if rule.id == "fire-video" { "fire" } else { "person" };
                let area = [0.25, 0.5, 0.5, 0.75];
                let object = Object { label: label.to_owned(), score: 0.8, track: 1, area };
                Detail::Seen { picture: 1, objects: vec![object] }
            }
            (_, None) => Detail::Measured(Measure {
                name: "smoke".to_owned(),
                value: 1.0,
                unit: "bool".to_owned(),
                threshold: None,
            }),
        };
        Finding { rule: Arc::new(RuleInfo::from(rule)), source, edge, detail, origin_unix_ms }
    }

    /// The line of each change, from the event that would leave the box.
    /// What is told is on disk before it is told.
    fn note(&mut self, changes: &[Change], lines: &mut Vec<String>) {
        if !changes.is_empty() {
            self.save();
        }
        let now = self.moment();
        lines.extend(changes.iter().map(|change| line(self.now, &self.config, now, change)));
    }
}

fn line(at: Duration, config: &Config, now: Moment, change: &Change) -> String {
    let telling = tell(config, now, change);
    let (event, data) = (&telling.event, &telling.event.data);
    let topic = telling.topic.rsplit("/event/").next().expect("an event's topic");
    let mut line = format!(
        "{} {topic} {} {} {} by {}",
        time(at),
        data.phase.as_str(),
        event.id,
        data.code,
        event.subject
    );
    let mut say = |text: String| write!(line, " {text}").expect("a String takes all text");
    if data.mode != Mode::Live {
        say(format!("mode={}", word(&data.mode)));
    }
    if data.stage != LifeStage::Open {
        say(format!("stage={}", word(&data.stage)));
    }
    if data.confirm != Confirm::Unconfirmed {
        say(format!("confirm={}", word(&data.confirm)));
    }
    if let (count, Some(devices)) = (data.count.unwrap_or(1), data.devices) {
        say(format!("alarms={count} devices={devices}"));
    } else if let Some(count) = data.count {
        say(format!("alarms={count}"));
    }
    for (is, name) in [(data.storm, "storm"), (data.latched, "latched")] {
        if is {
            say(name.to_owned());
        }
    }
    for look in &data.looks {
        let score = look.score.map(|score| format!("({score:.2})")).unwrap_or_default();
        say(format!("look:{}={}{score}", look.camera, word(&look.saw)));
    }
    for check in &data.checks {
        say(format!("check:{}={}", check.sensor, word(&check.says)));
    }
    if let Some(escalation) = data.escalation {
        say(format!("escalation={escalation}"));
    }
    if let Some(handling) = &data.handling {
        let result = handling.result.map(|result| format!("/{}", result.as_str())).unwrap_or_default();
        say(format!("centre={}{result}#{}", handling.state.as_str(), handling.seq));
    }
    if !data.evidence.is_empty() {
        say(format!("stills={}", data.evidence.len()));
    }
    if let Some(ended) = data.ended {
        say(format!("ended={}", word(&ended)));
    }
    if let Some(into) = &data.merged_into {
        say(format!("into={into}"));
    }
    for camera in &change.look_at {
        say(format!("ask:{camera}"));
    }
    line
}

fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value).expect("plain data") {
        Value::String(word) => word,
        other => other.to_string(),
    }
}

/// `rooms/{1..3}` is three devices.
fn each(device: &str) -> Vec<String> {
    let Some((before, rest)) = device.split_once('{') else { return vec![device.to_owned()] };
    let (range, after) = rest.split_once('}').expect("a closing brace");
    let (first, last) = range.split_once("..").expect("a range");
    let number = |text: &str| text.parse::<u32>().expect("a number");
    (number(first)..=number(last)).map(|n| format!("{before}{n}{after}")).collect()
}

fn disposition(state: &str, event_id: &str, seq: &str, rest: &[&str]) -> Value {
    let mut told =
        json!({ "event_id": event_id, "state": state, "seq": seq.parse::<u64>().expect("a number") });
    for pair in rest.chunks(2) {
        let [key, value] = pair else { panic!("{rest:?} are no pairs of key and value") };
        told[*key] = json!(value);
    }
    told
}

fn still(incident: &str) -> Evidence {
    Evidence {
        kind: "image".to_owned(),
        mime: "image/jpeg".to_owned(),
        sha256: "00".to_owned(),
        bytes: 1,
        reference: format!("evidence/{incident}/1.jpg"),
        masked: true,
        taken: "2026-11-21T12:00:00.000+08:00".to_owned(),
        stream: None,
        camera: None,
        best: false,
        seconds: None,
        cut: None,
    }
}

fn incidents(config: &Config, ids: &Arc<AtomicU64>) -> Incidents {
    let ids = ids.clone();
    let new_id = Box::new(move |_| format!("inc-{}", ids.fetch_add(1, Ordering::Relaxed) + 1));
    Incidents::new(Places::new(config), config.incidents.clone(), new_id)
}

fn config(settings: &[String]) -> Config {
    static SITE: OnceLock<String> = OnceLock::new();
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let site =
        SITE.get_or_init(|| std::fs::read_to_string(here.join("site.toml")).expect("the site is there"));
    let text = format!("{site}\n[incidents]\n{}\n", settings.join("\n"));
    moshao_config::parse(&text, "site.toml", &Environment::of_process(&here))
        .unwrap_or_else(|report| panic!("{report}"))
}

fn begin() -> Timestamp {
    "2026-11-21T12:00:00+08:00".parse().expect("a time")
}
