//! `GET` and `PUT /api/cameras/{id}/areas`: the editor of zones, lines and masks.
//!
//! A change is checked by the same code as `moshao check` before a byte is written. The new file replaces the old one in
//! one step; the old one stays beside it as `NAME.previous`. The running gateway then reads it again.

use std::fs;
use std::path::Path;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use moshao_config::{Environment, Severity};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tracing::info;

use super::areas::{self, Areas};
use super::routes::{Page, Refusal};
use crate::language::Language;
use crate::{live, rehearsal};

/// What is drawn, and on which state of the file.
#[derive(Debug, Serialize)]
pub(super) struct Drawing {
    areas: Areas,
    /// Hash of the file's text.
    version: String,
    /// Ids of the rules that look at this camera, which may speak of its zones and lines.
    watches: Vec<String>,
    /// The file says something else than what the gateway runs with, or will run with in a moment.
    waits_for_restart: bool,
    /// What has just been written is watched for so long before it is kept, seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    trial_s: Option<u64>,
    /// Why the gateway does not take what has just been written.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    areas: Areas,
    /// What the editor began with.
    version: String,
}

/// `GET /api/cameras/{id}/areas`
pub(super) async fn read(
    State(shared): Page,
    axum::extract::Path(id): axum::extract::Path<String>,
    language: Language,
) -> Result<Json<Drawing>, Refusal> {
    let camera = shared.camera(&id)?.clone();
    let file = live_of(&shared, language)?.file().to_owned();
    let text = on_a_thread(move || read_text(&file, language)).await?;
    Ok(Json(drawing(&text, &camera)?))
}

/// `PUT /api/cameras/{id}/areas`
pub(super) async fn write(
    State(shared): Page,
    axum::extract::Path(id): axum::extract::Path<String>,
    language: Language,
    Json(change): Json<Change>,
) -> Result<Json<Drawing>, Refusal> {
    let camera = shared.camera(&id)?.clone();
    let live = live_of(&shared, language)?;
    let file = live.file().to_owned();
    let _turn = shared.editing.lock().await;
    let (mut drawing, is_new) = on_a_thread(move || {
        let old = read_text(&file, language)?;
        if version(&old) != change.version {
            let text = language.pick(
                "配置文件已被别人改动，请重新打开编辑器",
                "the configuration file has been changed meanwhile; open the editor anew",
            );
            return Err(Refusal(StatusCode::CONFLICT, text.to_owned()));
        }
        let new = areas::write(&old, &id, &change.areas).map_err(unprocessable)?;
        check(&new, &file)?;
        if new != old {
            live::replace(&file, &new).map_err(|error| cannot_write(&file, &error, language))?;
            info!(camera = id, file = %file.display(), "zones, lines and masks have been changed on the page");
        }
        Ok((drawing(&new, &camera)?, new != old))
    })
    .await?;
    if is_new {
        match live.reload("the page").await {
            Ok(change) => {
                (drawing.waits_for_restart, drawing.trial_s) = (false, Some(change.trial_seconds));
            }
            Err(refusal) => drawing.refused = Some(refusal.message),
        }
    }
    Ok(Json(drawing))
}

fn drawing(text: &str, camera: &moshao_config::Camera) -> Result<Drawing, Refusal> {
    let areas = areas::read(text, &camera.id).map_err(unprocessable)?;
    let waits_for_restart = !areas.are_those_of(camera);
    Ok(Drawing {
        areas,
        version: version(text),
        watches: camera.watches.clone(),
        waits_for_restart,
        trial_s: None,
        refused: None,
    })
}

/// What `moshao check` finds, line by line; the line itself is not shown, a password may stand in it.
fn check(text: &str, file: &Path) -> Result<(), Refusal> {
    let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = file.display().to_string();
    let mut examined = moshao_config::examine_text(text, &name, &Environment::of_process(directory));
    if let Some(config) = &examined.config {
        rehearsal::play_all(config, &mut examined.report);
    }
    if !examined.report.has_errors() {
        return Ok(());
    }
    let problems = examined.report.problems().iter().filter(|problem| problem.severity == Severity::Error);
    let told: Vec<String> = problems
        .map(|problem| match &problem.hint {
            Some(hint) => format!("{} ({hint})", problem.message),
            None => problem.message.clone(),
        })
        .collect();
    Err(Refusal(StatusCode::UNPROCESSABLE_ENTITY, told.join("; ")))
}

fn live_of(shared: &super::routes::Shared, language: Language) -> Result<&live::Handle, Refusal> {
    let text =
        language.pick("网关不是从配置文件启动的", "the gateway was not started from a configuration file");
    shared.sources.live.as_ref().ok_or_else(|| Refusal(StatusCode::NOT_FOUND, text.to_owned()))
}

fn read_text(file: &Path, language: Language) -> Result<String, Refusal> {
    fs::read_to_string(file).map_err(|error| {
        let path = file.display();
        let text = language.pick(
            format!("无法读取配置文件 {path}：{error}"),
            format!("the configuration file {path} cannot be read: {error}"),
        );
        Refusal(StatusCode::INTERNAL_SERVER_ERROR, text)
    })
}

fn cannot_write(file: &Path, error: &std::io::Error, language: Language) -> Refusal {
    let path = file.display();
    let text = language.pick(
        format!("无法写入 {path}：{error}。网关的用户需要对该文件及其目录的写权限；systemd 下还要 ReadWritePaths="),
        format!(
            "{path} cannot be written: {error}; the gateway's user must own the file and its directory, and under \
             systemd the unit needs ReadWritePaths= for it"
        ),
    );
    Refusal(StatusCode::INTERNAL_SERVER_ERROR, text)
}

fn unprocessable(why: impl std::fmt::Display) -> Refusal {
    Refusal(StatusCode::UNPROCESSABLE_ENTITY, why.to_string())
}

async fn on_a_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    let failed = |_| Refusal(StatusCode::INTERNAL_SERVER_ERROR, "the editor failed".to_owned());
    tokio::task::spawn_blocking(work).await.map_err(failed)?
}

fn version(text: &str) -> String {
    Sha256::digest(text).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

// === impl Areas ===

impl Areas {
    /// Whether the gateway runs with these.
    fn are_those_of(&self, camera: &moshao_config::Camera) -> bool {
        let same = |(x, y): (f32, f32), [file_x, file_y]: [f64; 2]| x == file_x as f32 && y == file_y as f32;
        let polygon = |running: &moshao_config::Polygon, corners: &Vec<[f64; 2]>| {
            running.0.len() == corners.len()
                && running.0.iter().zip(corners).all(|(at, corner)| same(*at, *corner))
        };
        let line = |moshao_config::Line(from, to): &moshao_config::Line, ends: &Vec<[f64; 2]>| matches!(ends.as_slice(), [first, second] if same(*from, *first) && same(*to, *second));
        let masks = camera.masks.len() == self.masks.len()
            && camera.masks.iter().zip(&self.masks).all(|(running, mask)| polygon(running, mask));
        let zones = camera.zones.len() == self.zones.len()
            && camera
                .zones
                .iter()
                .all(|(name, zone)| self.zones.get(name).is_some_and(|file| polygon(zone, file)));
        let lines = camera.lines.len() == self.lines.len()
            && camera
                .lines
                .iter()
                .all(|(name, ends)| self.lines.get(name).is_some_and(|file| line(ends, file)));
        masks && zones && lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_file_is_told_without_the_line_that_may_hold_a_password() {
        let text = "[camera.a]\nurl = \"rtsp://u:hunter2@10.0.0.1/a\" \nmasks = [[[0.1, 0.1], [0.2, 0.2], [0.3, 0.3]]]\n";
        let Refusal(status, told) = check(text, Path::new("/etc/moshao/moshao.toml")).unwrap_err();
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(told.contains("encloses nothing") && !told.contains("hunter2"), "{told}");
    }

    #[test]
    fn a_zone_with_which_a_test_of_the_configuration_fails_is_not_written() {
        let site = |zone: &str| {
            format!(
                "[gateway]\nid = \"gw\"\ndivision = \"510104001001\"\n[grid]\ncode = \"510104001001003\"\n\
                 [uplink]\nurl = \"mqtt://127.0.0.1\"\n[detector.own]\nfile = \"own.onnx\"\nlabels = [\"car\"]\n\
                 [camera.gate]\nurl = \"rtsp://10.0.0.12/102\"\ndetector = \"own\"\nwatches = [\"fire-lane\"]\nzones.lane = {zone}\n\
                 [rule.fire-lane]\nblocked = {{ labels = [\"car\"], zone = \"lane\", longer_than = \"5m\" }}\n\
                 [[test]]\nname = \"a car\"\n\
                 steps = [{{ at = \"0s\", lasts = \"6m\", camera = \"gate\", label = \"car\", box = [0.4, 0.4, 0.6, 0.7] }}]\n\
                 expect = [{{ code = \"FIRE_LANE\" }}]\n"
            )
        };
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("own.onnx"), "").unwrap();
        let file = directory.path().join("moshao.toml");
        check(&site("[[0.3, 0.3], [0.7, 0.3], [0.7, 1.0], [0.3, 1.0]]"), &file).unwrap();
        let Refusal(_, told) = check(&site("[[0.0, 0.0], [0.2, 0.0], [0.2, 0.2]]"), &file).unwrap_err();
        assert!(told.contains("test `a car`: FIRE_LANE did not come"), "{told}");
    }
}
