//! `GET /api/incidents` and `GET /api/evidence/{incident}/{file}`: what happened lately, with what was kept of it, and
//! whether the centre has it.

use std::collections::BTreeSet;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tower_http::services::ServeFile;

use super::routes::{Page, Refusal};
use super::snapshot::IncidentView;
use crate::clock::rfc3339;
use crate::event::{Confirm, Evidence, Mode, Stage};
use crate::incident::fusion::configured_id;
use crate::language::Language;
use crate::outbox::Sequence;
use crate::rules::Source;

/// Whether the centre has the last event of an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Delivery {
    /// Its broker has acknowledged it.
    Delivered,
    /// It waits on disk.
    Waiting,
    /// It was told before the last start, and something waits.
    Unknown,
}

/// One incident.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    id: String,
    title: String,
    level: u8,
    opened: String,
    is_open: bool,
    is_active: bool,
    stage: Stage,
    confirm: Confirm,
    mode: Mode,
    /// Names of the cameras and sensors that found it.
    devices: Vec<String>,
    delivery: Delivery,
    /// Its stills.
    evidence: Vec<Piece>,
    /// Its clips, which are shown for a reason alone (`clips`).
    clips: Vec<Film>,
}

/// A still.
#[derive(Debug, Serialize)]
struct Piece {
    url: String,
    taken: String,
}

/// A clip.
#[derive(Debug, Serialize)]
struct Film {
    /// As events name it.
    reference: String,
    taken: String,
    /// Name of the camera.
    camera: Option<String>,
    /// How long it is.
    seconds: Option<f64>,
}

/// `GET /api/incidents`
pub(super) async fn list(State(shared): Page, language: Language) -> Result<Json<Vec<Row>>, Refusal> {
    let sources = &shared.sources;
    let snapshot = sources.visitor.look().await?;
    let told = snapshot.incidents.iter().filter_map(|view| view.told).collect();
    let nothing_waits = sources.outbox.stats().borrow().depth == 0;
    let waiting = sources.outbox.which_wait(told).await;
    let waiting: Option<BTreeSet<Sequence>> = waiting.ok().map(|waiting| waiting.into_iter().collect());
    let delivery = |view: &IncidentView| match (view.told, &waiting) {
        (Some(told), Some(waiting)) if waiting.contains(&told) => Delivery::Waiting,
        (Some(_), Some(_)) => Delivery::Delivered,
        (None, _) if nothing_waits => Delivery::Delivered,
        (None, _) | (_, None) => Delivery::Unknown,
    };
    Ok(Json(snapshot.incidents.iter().map(|view| shared.row(view, delivery(view), language)).collect()))
}

/// `GET /api/evidence/{incident}/{file}`: only names that the gateway itself gives lead to a file.
pub(super) async fn evidence(
    State(shared): Page,
    Path((incident, file)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Refusal> {
    if !is_evidence(&incident, &file) {
        return Err(Refusal(StatusCode::NOT_FOUND, "there is no such evidence".to_owned()));
    }
    let path = shared.sources.config.gateway.data_dir.join("evidence").join(incident).join(file);
    let answer = ServeFile::new(path).try_call(request).await;
    let answer = answer.map_err(|error| {
        Refusal(StatusCode::INTERNAL_SERVER_ERROR, format!("the evidence cannot be read: {error}"))
    })?;
    Ok(answer.map(Body::new).into_response())
}

/// `01JD5Z…` and `3.jpg`: letters and digits, one dot, a type that is kept.
fn is_evidence(incident: &str, file: &str) -> bool {
    let plain = |name: &str| {
        !name.is_empty()
            && name.len() <= 64
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let kept = file.rsplit_once('.').is_some_and(|(name, kind)| plain(name) && kind == "jpg");
    plain(incident) && kept
}

// === impl Shared ===

impl super::routes::Shared {
    fn row(&self, view: &IncidentView, delivery: Delivery, language: Language) -> Row {
        let incident = &view.incident;
        let mut devices: Vec<String> =
            incident.members.iter().map(|member| self.name(&member.source)).collect();
        devices.sort_unstable();
        devices.dedup();
        let (stills, clips): (Vec<_>, Vec<_>) =
            incident.evidence.iter().partition(|kept| kept.kind == "image");
        let pieces = stills
            .into_iter()
            .map(|kept| Piece { url: format!("api/{}", kept.reference), taken: kept.taken.clone() });
        Row {
            id: incident.id.clone(),
            title: title(&incident.rule.title, &incident.rule.kind, language),
            level: incident.level,
            opened: rfc3339(incident.opened, &self.sources.config.gateway.time_zone),
            is_open: !view.is_closed,
            is_active: incident.is_active(),
            stage: incident.stage,
            confirm: incident.confirm,
            mode: incident.mode.into(),
            devices,
            delivery,
            evidence: pieces.collect(),
            clips: clips.into_iter().map(|kept| self.film(kept)).collect(),
        }
    }

    fn film(&self, kept: &Evidence) -> Film {
        Film {
            reference: kept.reference.clone(),
            taken: kept.taken.clone(),
            camera: kept.camera.as_ref().map(|id| self.name(&Source::Camera(id.clone()))),
            seconds: kept.seconds,
        }
    }

    fn name(&self, source: &Source) -> String {
        let config = &self.sources.config;
        let found = match source {
            Source::Camera(id) => {
                config.cameras.iter().find(|camera| camera.id == *id).map(|camera| camera.name.clone())
            }
            Source::Sensor(instance) => {
                let id = configured_id(instance);
                config.sensors.iter().find(|sensor| sensor.id == id).map(|sensor| sensor.name.clone())
            }
            Source::Gateway(_) => None,
        };
        let (Source::Camera(id) | Source::Sensor(id) | Source::Gateway(id)) = source;
        found.unwrap_or_else(|| id.clone())
    }
}

/// Titles are what the site's people wrote, or Chinese; in English the kind stands beside it.
fn title(title: &str, kind: &str, language: Language) -> String {
    language.pick(title.to_owned(), format!("{title} ({})", kind.replace('-', " ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_evidence_is_served() {
        assert!(is_evidence("01JD5ZABCDEFGHJKMNPQRSTVWX", "1.jpg") && is_evidence("inc-1", "12.jpg"));
        for (incident, file) in [
            ("..", "outbox.db"),
            ("x", "../page-password"),
            ("x", "page-password"),
            ("", "1.jpg"),
            ("x", ".jpg"),
            ("x", "1.tmp"),
            ("x/..", "1.jpg"),
            ("x", "1.mp4"),
            ("x", "a/1.jpg"),
            ("x", "..jpg"),
        ] {
            assert!(!is_evidence(incident, file), "{incident}/{file}");
        }
    }
}
