//! `POST /api/clips` and `GET /api/clips/{ticket}`: a clip is shown to whoever says why.
//!
//! A clip is the camera's own video, and nothing in it is hidden. So it is handed out as to the centre: for a reason, which
//! stands in the access ledger before the first byte leaves. What cannot be written down is not handed out. In the ledger it is
//! an `export`: a browser that plays a film can save it too.

use std::net::IpAddr;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use tower_http::services::ServeFile;
use tracing::{error, info};

use super::listener::Peer;
use super::routes::{Page, Refusal};
use super::session::Session;
use super::ticket::LIFE_MAX;
use crate::evidence::Archive;
use crate::evidence::archive::{ItemError, about};
use crate::evidence::ledger::{REASON_MAX, Seal, reason};
use crate::language::Language;

/// Somebody wants to see a clip.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wish {
    /// The clip, as events name it.
    reference: String,
    /// Why, for the access ledger.
    reason: String,
}

/// What it is fetched with.
#[derive(Debug, Serialize)]
pub(super) struct Admission {
    /// Where it is, for this session alone.
    url: String,
    /// For so long, seconds.
    seconds: u64,
    /// The entry of the access ledger.
    ledger: Seal,
}

/// `POST /api/clips`
pub(super) async fn ask(
    State(shared): Page,
    Extension(session): Extension<Session>,
    Extension(Peer(peer)): Extension<Peer>,
    language: Language,
    Json(wish): Json<Wish>,
) -> Result<Json<Admission>, Refusal> {
    let Wish { reference, reason } = wish;
    let (archive, wanted) = (shared.sources.evidence.clone(), reference.clone());
    // The ledger waits for the disk.
    let written = tokio::task::spawn_blocking(move || write_down(&archive, peer, &wanted, &reason, language));
    let failed = |_| Refusal(StatusCode::INTERNAL_SERVER_ERROR, "the ledger failed".to_owned());
    let ledger = written.await.map_err(failed)??;
    info!(from = %peer, reference, entry = ledger.seq, "a clip is handed out to the page");
    let ticket = shared.tickets().issue(shared.now(), &session.csrf, reference);
    Ok(Json(Admission { url: format!("api/clips/{}", ticket.as_str()), seconds: LIFE_MAX.as_secs(), ledger }))
}

/// `GET /api/clips/{ticket}`: the film, or the range of it that is asked for (RFC 9110 §14).
pub(super) async fn watch(
    State(shared): Page,
    Extension(session): Extension<Session>,
    language: Language,
    Path(ticket): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let reference = shared.tickets().clip(shared.now(), &session.csrf, &ticket).ok_or_else(|| {
        let text = language.pick(
            "观看许可已过期，请重新填写理由",
            "the time to watch this clip is over; say again why you want to see it",
        );
        Refusal(StatusCode::FORBIDDEN, text.to_owned())
    })?;
    let archive: &Archive = &shared.sources.evidence;
    let path = archive.clip(&reference).map_err(|error| cannot_be_had(&error, language))?;
    let answer = ServeFile::new(path).try_call(request).await;
    let answer = answer.map_err(|source| cannot_be_had(&ItemError::Io { reference, source }, language))?;
    let mut answer = answer.map(Body::new).into_response();
    // Named for whoever saves it; the page plays it all the same.
    let name = HeaderValue::from_static("inline; filename=\"clip.mp4\"");
    answer.headers_mut().insert(header::CONTENT_DISPOSITION, name);
    Ok(answer)
}

/// Finds the clip and writes down who gets it and why.
fn write_down(
    archive: &Archive,
    peer: IpAddr,
    reference: &str,
    why: &str,
    language: Language,
) -> Result<Seal, Refusal> {
    let why = reason(why).map_err(|count| {
        let text = language.pick(
            format!("理由有 {count} 个字符，需 1 至 {REASON_MAX} 个"),
            format!("the reason has {count} characters; allowed are 1 to {REASON_MAX}"),
        );
        Refusal(StatusCode::UNPROCESSABLE_ENTITY, text)
    })?;
    archive.clip(reference).map_err(|error| cannot_be_had(&error, language))?;
    let result = format!("to the page for {} s", LIFE_MAX.as_secs());
    archive.record(about(&format!("page {peer}"), "export", reference, why, &result)).map_err(|error| {
        error!(%error, reference, "the access ledger cannot be written, so no clip is handed out");
        let text = language.pick(
            format!("无法写入调阅台账，因此不能播放：{error}；请检查数据目录的空间和权限"),
            format!(
                "it cannot be written into the access ledger, so it is not shown: {error}; check free space and \
                 permissions of gateway.data_dir"
            ),
        );
        Refusal(StatusCode::INSUFFICIENT_STORAGE, text)
    })
}

fn cannot_be_had(error: &ItemError, language: Language) -> Refusal {
    let (status, chinese) = match error {
        ItemError::NoReference(_) => (StatusCode::NOT_FOUND, "没有这段录像".to_owned()),
        ItemError::NotThere(_) => (StatusCode::GONE, "录像已不在盒子里：到期自动删除，除非被保全".to_owned()),
        ItemError::Io { source, .. } => {
            (StatusCode::INTERNAL_SERVER_ERROR, format!("无法读取录像：{source}"))
        }
    };
    Refusal(status, language.pick(chinese, error.to_string()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const CLIP: &str = "evidence/01INC/2.mp4";

    fn archive() -> (tempfile::TempDir, Archive) {
        let (dir, archive) = Archive::for_tests(Duration::from_secs(3600));
        std::fs::create_dir_all(dir.path().join("evidence/01INC")).unwrap();
        std::fs::write(dir.path().join(CLIP), b"film").unwrap();
        (dir, archive)
    }

    fn ask(archive: &Archive, reference: &str, why: &str) -> Result<Seal, (u16, String)> {
        let peer = IpAddr::from([10, 0, 0, 7]);
        let written = write_down(archive, peer, reference, why, Language::English);
        written.map_err(|Refusal(status, text)| (status.as_u16(), text))
    }

    #[test]
    fn who_gets_a_clip_and_why_stands_in_the_ledger() {
        let (dir, archive) = archive();
        assert_eq!(ask(&archive, CLIP, " case 4711 ").unwrap().seq, 1);
        let ledger = std::fs::read_to_string(dir.path().join("ledger.jsonl")).unwrap();
        let access = format!(
            r#"{{"who":"page 10.0.0.7","what":"export","item":"{CLIP}","why":"case 4711","result":"to the page for 600 s"}}"#
        );
        assert!(ledger.contains(&access), "{ledger}");
    }

    #[test]
    fn without_a_reason_or_a_clip_nothing_is_written() {
        let (dir, archive) = archive();
        for (reference, why, status, words) in [
            (CLIP, "  ", 422, "the reason has 0 characters; allowed are 1 to 200"),
            ("evidence/01INC/9.mp4", "case 4711", 410, "evidence is deleted after its time"),
            ("evidence/01INC/1.jpg", "case 4711", 404, "no reference"),
            ("evidence/../outbox.db", "case 4711", 404, "no reference"),
        ] {
            let (refused, text) = ask(&archive, reference, why).unwrap_err();
            assert!(refused == status && text.contains(words), "{reference}: {refused} {text}");
        }
        assert_eq!(std::fs::read_to_string(dir.path().join("ledger.jsonl")).unwrap(), "");
    }

    #[test]
    fn what_cannot_be_written_down_is_not_handed_out() {
        let (_dir, archive) = archive();
        archive.make_ledger_unwritable();
        let (status, text) = ask(&archive, CLIP, "case 4711").unwrap_err();
        assert_eq!(status, 507);
        assert!(text.contains("so it is not shown") && text.contains("gateway.data_dir"), "{text}");
    }
}
