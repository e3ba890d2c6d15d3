//! `moshao replay --tracks`: a line for each picture that the detector had and each move of the gate, for whoever compares two replays.

use serde::Serialize;

use crate::cli::{Outcome, print};
use crate::worker::eye::Move;
use crate::worker::link::Observation;

/// `{"seen":{…}}`.
#[derive(Serialize)]
struct Line<'a> {
    seen: Seen<'a>,
}

/// One picture.
#[derive(Serialize)]
struct Seen<'a> {
    /// Since the first picture of the footage.
    media_s: f64,
    /// The same moment as events tell it, milliseconds since the Unix epoch.
    unix_ms: i64,
    tracks: Vec<SeenTrack<'a>>,
}

#[derive(Serialize)]
struct SeenTrack<'a> {
    id: u64,
    label: &'a str,
    score: f32,
    /// Left, top, right, bottom in fractions of the picture.
    area: [f32; 4],
}

/// `{"gate":{…}}`.
#[derive(Serialize)]
struct GateLine {
    gate: Moved,
}

/// The gate opened or closed.
#[derive(Serialize)]
struct Moved {
    /// Since the first picture of the footage.
    media_s: f64,
    asleep: bool,
    /// Why it woke.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

/// The gate opened or closed.
pub(super) fn moved(Move { media_time, woke }: &Move) -> Outcome {
    let reason = woke.map(|reason| reason.as_str());
    let gate = Moved { media_s: media_time.as_secs_f64(), asleep: woke.is_none(), reason };
    print(&serde_json::to_string(&GateLine { gate }).expect("a move is plain data"))
}

/// What was seen in one picture.
pub(super) fn seen(observation: &Observation) -> Outcome {
    let tracks = observation
        .tracks
        .iter()
        .map(|track| SeenTrack { id: track.id, label: &track.label, score: track.score, area: track.area })
        .collect();
    let media_s = observation.media_time.as_secs_f64();
    let line = Line { seen: Seen { media_s, unix_ms: observation.received_unix_ms, tracks } };
    print(&serde_json::to_string(&line).expect("a picture's tracks are plain data"))
}
