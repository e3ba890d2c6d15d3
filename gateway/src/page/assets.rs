//! The page's files, embedded: nothing is read from disk, so no path leads anywhere else.

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse};

use crate::language::Language;

const INDEX: &str = include_str!("assets/index.html");
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

/// Name, type and content.
const FILES: &[(&str, &str, &str)] = &[
    ("style.css", "text/css; charset=utf-8", include_str!("assets/style.css")),
    ("icon.svg", "image/svg+xml", include_str!("assets/icon.svg")),
    ("app.js", JAVASCRIPT, include_str!("assets/app.js")),
    ("api.js", JAVASCRIPT, include_str!("assets/api.js")),
    ("dom.js", JAVASCRIPT, include_str!("assets/dom.js")),
    ("text.js", JAVASCRIPT, include_str!("assets/text.js")),
    ("login.js", JAVASCRIPT, include_str!("assets/login.js")),
    ("status.js", JAVASCRIPT, include_str!("assets/status.js")),
    ("camera.js", JAVASCRIPT, include_str!("assets/camera.js")),
    ("picture.js", JAVASCRIPT, include_str!("assets/picture.js")),
    ("editor.js", JAVASCRIPT, include_str!("assets/editor.js")),
    ("walk.js", JAVASCRIPT, include_str!("assets/walk.js")),
    ("clip.js", JAVASCRIPT, include_str!("assets/clip.js")),
    ("incidents.js", JAVASCRIPT, include_str!("assets/incidents.js")),
    ("box.js", JAVASCRIPT, include_str!("assets/box.js")),
    ("testmode.js", JAVASCRIPT, include_str!("assets/testmode.js")),
];

/// `GET /`
pub(super) async fn index(language: Language) -> impl IntoResponse {
    Html(INDEX.replace("{language}", language.tag()))
}

/// `GET /assets/{name}`
pub(super) async fn file(Path(name): Path<String>) -> impl IntoResponse {
    match FILES.iter().find(|(known, ..)| *known == name) {
        Some((_, kind, content)) => {
            Ok(([(header::CONTENT_TYPE, *kind), (header::CACHE_CONTROL, "no-cache")], *content))
        }
        None => Err(StatusCode::NOT_FOUND),
    }
}
