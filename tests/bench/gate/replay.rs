//! `moshao replay` as a process, and what it prints.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::process::{Command, Stdio};

use jiff::Timestamp;
use moshao_tests::compose::truth::Span;
use moshao_tests::gateway::binary;
use serde_json::Value;

/// What a replay saw and what it took.
#[derive(Debug, Clone, Default)]
pub(crate) struct Played {
    /// Tracks by the order of their ids.
    pub(crate) tracks: Vec<Track>,
    /// Incidents by the order of their beginning.
    pub(crate) incidents: Vec<Incident>,
    /// When every picture was decoded.
    pub(crate) awake: Vec<Span>,
    /// When and why it woke.
    pub(crate) wakes: Vec<Wake>,
    /// Pictures decoded awake.
    pub(crate) decoded: f64,
    /// Key frames looked at asleep.
    pub(crate) looks: f64,
    /// Processor time, seconds.
    pub(crate) cpu_s: f64,
}

/// Something over time.
#[derive(Debug, Clone)]
pub(crate) struct Track {
    pub(crate) label: String,
    /// Never empty.
    pub(crate) sightings: Vec<Sighting>,
}

/// Something in one picture.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sighting {
    pub(crate) at_s: f64,
    /// Left, top, right, bottom in fractions of the picture.
    pub(crate) area: [f32; 4],
}

/// An incident from opened to closed.
#[derive(Debug, Clone)]
pub(crate) struct Incident {
    pub(crate) rule: String,
    pub(crate) span: Span,
}

/// Why a camera woke.
#[derive(Debug, Clone)]
pub(crate) struct Wake {
    pub(crate) at_s: f64,
    pub(crate) reason: String,
}

/// Plays `video` through the camera `gate` of a configuration.
///
/// # Panics
/// Where the replay fails or prints something else than it should.
pub(crate) fn play(config: &Path, video: &Path, gate: &str) -> Played {
    let output = Command::new(binary())
        .args(["replay", "--camera", "gate", "--gate", gate, "--json", "--tracks", "--config"])
        .arg(config)
        .arg("--video")
        .arg(video)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .expect("the binary runs");
    assert!(output.status.success(), "moshao replay --gate {gate} {}: {}", video.display(), output.status);
    read(&String::from_utf8(output.stdout).expect("JSON is UTF-8"))
}

fn read(text: &str) -> Played {
    let lines: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("each line is a JSON object")).collect();
    let mut played = Played::default();
    let mut tracks: BTreeMap<u64, Track> = BTreeMap::new();
    let mut begin_ms = None;
    let mut asleep_from_s = None;
    for line in &lines {
        if let Some(seen) = line.get("seen") {
            let at_s = number(&seen["media_s"]);
            begin_ms.get_or_insert(number(&seen["unix_ms"]) - at_s * 1000.0);
            for track in seen["tracks"].as_array().into_iter().flatten() {
                let id = track["id"].as_u64().expect("tracks have numbers");
                let label = track["label"].as_str().expect("tracks have labels").to_owned();
                let area = std::array::from_fn(|side| number(&track["area"][side]) as f32);
                let track = tracks.entry(id).or_insert(Track { label, sightings: vec![] });
                track.sightings.push(Sighting { at_s, area });
            }
        } else if let Some(gate) = line.get("gate") {
            let at_s = number(&gate["media_s"]);
            if gate["asleep"].as_bool().expect("it sleeps or not") {
                let awake_from_s = played.wakes.last().map_or(0.0, |wake| wake.at_s);
                played.awake.push(Span { from_s: awake_from_s, to_s: at_s });
                asleep_from_s = Some(at_s);
            } else {
                let reason = gate["reason"].as_str().unwrap_or("?").to_owned();
                played.wakes.push(Wake { at_s, reason });
                asleep_from_s = None;
            }
        } else if let Some(stats) = line.get("stats") {
            played.cpu_s = number(&stats["cpu_seconds"]);
            played.decoded = number(&stats["decoded"]);
            played.looks = number(&stats["looks"]);
            if asleep_from_s.is_none() {
                let awake_from_s = played.wakes.last().map_or(0.0, |wake| wake.at_s);
                played.awake.push(Span { from_s: awake_from_s, to_s: number(&stats["media_seconds"]) });
            }
        }
    }
    played.tracks = tracks.into_values().collect();
    played.incidents = incidents(&lines, begin_ms.unwrap_or_default());
    played
}

fn incidents(lines: &[Value], begin_ms: f64) -> Vec<Incident> {
    let mut order = vec![];
    let mut by_id: HashMap<String, Incident> = HashMap::new();
    for event in lines.iter().filter(|line| line.get("correlationid").is_some()) {
        let id = event["correlationid"].as_str().expect("ids are text").to_owned();
        let time: Timestamp =
            event["time"].as_str().and_then(|time| time.parse().ok()).expect("events have times");
        let at_s = (time.as_millisecond() as f64 - begin_ms) / 1000.0;
        let rule = event["data"]["rule"].as_str().expect("events have rules").to_owned();
        let incident = by_id.entry(id.clone()).or_insert_with(|| {
            order.push(id);
            Incident { rule, span: Span { from_s: at_s, to_s: at_s } }
        });
        incident.span.to_s = incident.span.to_s.max(at_s);
    }
    order.into_iter().filter_map(|id| by_id.remove(&id)).collect()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

// === impl Played ===

impl Played {
    /// What it saw of these labels: nobody asks for the others.
    pub(crate) fn watching_for(mut self, labels: &[&str]) -> Self {
        self.tracks.retain(|track| labels.contains(&track.label.as_str()));
        self
    }
}

// === impl Track ===

impl Track {
    /// When it was seen first, seconds.
    pub(crate) fn begin_s(&self) -> f64 {
        self.sightings[0].at_s
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_a_replay_are_read_back() {
        let event = |phase: &str, time: &str| {
            format!(
                "{{\"correlationid\":\"i\",\"time\":\"{time}\",\"data\":{{\"rule\":\"person\",\"phase\":\"{phase}\"}}}}\n"
            )
        };
        let text = [
            "{\"gate\":{\"media_s\":4.0,\"asleep\":true}}\n",
            "{\"gate\":{\"media_s\":10.0,\"asleep\":false,\"reason\":\"look\"}}\n",
            "{\"seen\":{\"media_s\":10.0,\"unix_ms\":1000010000,\"tracks\":[]}}\n",
            "{\"seen\":{\"media_s\":10.2,\"unix_ms\":1000010200,\"tracks\":[{\"id\":7,\"label\":\"person\",\"score\":0.5,\"area\":[0.0,0.25,0.5,1.0]}]}}\n",
            &event("opened", "1970-01-12T21:46:50.400+08:00"),
            &event("closed", "1970-01-12T21:46:55.400+08:00"),
            "{\"stats\":{\"media_seconds\":20.0,\"cpu_seconds\":1.5,\"decoded\":140,\"looks\":3}}\n",
        ]
        .concat();
        let played = read(&text);
        assert_eq!(played.awake, [Span { from_s: 0.0, to_s: 4.0 }, Span { from_s: 10.0, to_s: 20.0 }]);
        assert_eq!((played.wakes.len(), played.wakes[0].reason.as_str()), (1, "look"));
        let [track] = played.tracks.as_slice() else { panic!("one track") };
        assert_eq!((track.begin_s(), track.sightings[0].area), (10.2, [0.0, 0.25, 0.5, 1.0]));
        let [incident] = played.incidents.as_slice() else { panic!("one incident") };
        assert_eq!((incident.rule.as_str(), incident.span), ("person", Span { from_s: 10.4, to_s: 15.4 }));
        assert_eq!((played.cpu_s, played.decoded, played.looks), (1.5, 140.0, 3.0));
    }
}
