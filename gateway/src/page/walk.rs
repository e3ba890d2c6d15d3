//! `POST /api/cameras/{id}/walk`: the walk test. Somebody walks through the picture and sees at once what the camera
//! sees, and in which zone. Asked again each half second; the camera stays awake meanwhile.

use axum::Json;
use axum::extract::{Path, State};
use jiff::Timestamp;
use serde::Serialize;

use super::routes::{Page, Refusal};
use super::snapshot::Visit;
use super::visitor::{Ask, NoAnswer};
use crate::worker::link::{SeenTrack, StreamState};

/// What the camera sees.
#[derive(Debug, Serialize)]
pub(super) struct Walk {
    /// Pictures flow.
    is_live: bool,
    /// Age of the last analysed picture, milliseconds.
    age_ms: Option<i64>,
    /// What is in it.
    tracks: Vec<SeenTrack>,
    /// Zones of the running configuration, and who was last in each; the first, without a name, is the whole picture.
    zones: Vec<ZoneVisit>,
}

#[derive(Debug, Serialize)]
struct ZoneVisit {
    zone: String,
    label: Option<String>,
    score: Option<f32>,
    age_ms: Option<i64>,
}

pub(super) async fn walk(State(shared): Page, Path(id): Path<String>) -> Result<Json<Walk>, Refusal> {
    let camera = shared.camera(&id)?;
    let visitor = &shared.sources.visitor;
    visitor.ask(Ask::Walk { camera: id.clone() })?;
    let snapshot = visitor.look().await?;
    let view = snapshot.cameras.iter().find(|view| view.id == id);
    let view = view.ok_or(NoAnswer)?;
    let now = Timestamp::now();
    let age_ms = |then: Timestamp| now.duration_since(then).as_millis().try_into().unwrap_or(i64::MAX).max(0);
    let visit = |zone: &str| {
        let visit: Option<&Visit> = view.visits.get(zone);
        ZoneVisit {
            zone: zone.to_owned(),
            label: visit.map(|visit| visit.label.clone()),
            score: visit.map(|visit| visit.score),
            age_ms: visit.map(|visit| age_ms(visit.at)),
        }
    };
    let names = std::iter::once("").chain(camera.zones.iter().map(|(name, _)| name.as_str()));
    Ok(Json(Walk {
        is_live: matches!(view.stream, StreamState::Live { .. }),
        age_ms: view.seen_at.map(age_ms),
        tracks: view.tracks.clone(),
        zones: names.map(visit).collect(),
    }))
}
