//! `POST /api/test`: test mode of a camera, a sensor or the whole site, for some minutes.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;

use super::routes::{Page, Refusal};
use super::visitor::Ask;
use crate::test_mode::{LONGEST, Subject};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wish {
    /// Id of a camera or a configured sensor; absent for the whole site.
    device: Option<String>,
    /// 0 ends it.
    minutes: u32,
}

pub(super) async fn set(State(shared): Page, Json(wish): Json<Wish>) -> Result<StatusCode, Refusal> {
    let config = &shared.sources.config;
    let lasting = Duration::from_secs(u64::from(wish.minutes) * 60);
    if lasting > LONGEST {
        let longest = LONGEST.as_secs() / 60;
        let why = format!("a test of {} min is too long; at most {longest} min", wish.minutes);
        return Err(Refusal(StatusCode::UNPROCESSABLE_ENTITY, why));
    }
    let subject = match wish.device {
        None => Subject::Site,
        Some(id) => {
            let known = config.cameras.iter().any(|camera| camera.id == id)
                || config.sensors.iter().any(|sensor| sensor.id == id);
            if !known {
                return Err(Refusal(StatusCode::NOT_FOUND, "there is no such camera or sensor".to_owned()));
            }
            Subject::Device(id)
        }
    };
    let lasting = (!lasting.is_zero()).then_some(lasting);
    shared.sources.visitor.ask(Ask::Test { subject, lasting })?;
    Ok(StatusCode::NO_CONTENT)
}
