//! `GET /api/cameras/{id}/still`: the last picture of a camera; with `?wake=1` one of a sleeping camera is taken anew soon.

use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::IntoResponse;

use super::routes::{Page, Refusal};
use crate::clock::rfc3339;
use crate::language::Language;

pub(super) async fn still(
    State(shared): Page,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    language: Language,
) -> Result<impl IntoResponse, Refusal> {
    let camera = shared.camera(&id)?;
    let Some(picture) = shared.sources.visitor.still(&camera.id, query.as_deref() == Some("wake=1")).await?
    else {
        let text = language.pick("还没有画面", "there is no picture yet");
        return Err(Refusal(StatusCode::NOT_FOUND, text.to_owned()));
    };
    let taken = rfc3339(picture.taken, &shared.sources.config.gateway.time_zone);
    let headers =
        [(header::CONTENT_TYPE, "image/jpeg".to_owned()), (HeaderName::from_static("x-taken"), taken)];
    Ok((headers, picture.jpeg))
}
