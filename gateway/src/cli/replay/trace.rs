//! `moshao replay --tracks`: a line for each picture that the detector had, for whoever compares two replays.

use serde::Serialize;

use crate::cli::{Outcome, print};
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
