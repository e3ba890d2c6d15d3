//! `moshao probe`: what a camera really sends, and which of its settings to change.

use std::sync::Arc;
use std::time::Duration;

use moshao_config::{Deadlines, Secret};
use percent_encoding::percent_decode_str;
use retina::client::SessionGroup;
use serde::Serialize;
use tokio::time::{Instant, timeout, timeout_at};
use url::Url;

use super::{Failure, Outcome};
use crate::camera::fault::{SessionError, peer_of};
use crate::camera::measure::{Figures, Measure, Sleep};
use crate::camera::rtsp::{Endpoint, Session};
use crate::language::Language;
use crate::logging;

/// Where the password comes from when the URL has a user and no password.
const PASSWORD_VARIABLE: &str = "MOSHAO_CAMERA_PASSWORD";
/// How long the session may take to be closed at the end.
const TEARDOWN_MAX: Duration = Duration::from_secs(2);

/// Say what a camera really sends, and which of its settings to change
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  moshao probe rtsp://10.0.0.12/Streaming/Channels/102
  MOSHAO_CAMERA_PASSWORD=secret moshao probe rtsp://viewer@10.0.0.12/Streaming/Channels/102 --json

The password is taken from the URL or, where it names a user alone, from MOSHAO_CAMERA_PASSWORD. It is never printed.")]
pub(super) struct Arguments {
    /// URL of the stream: rtsp://USER:PASSWORD@HOST:PORT/PATH; user, password and port may be left out
    url: Url,
    /// How long to watch, seconds
    #[arg(long, value_name = "S", default_value_t = 10, value_parser = clap::value_parser!(u16).range(2..=600))]
    seconds: u16,
    /// Send the password in clear text too (Basic authentication), where the camera offers nothing better
    #[arg(long)]
    allow_basic: bool,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

/// The answer.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// Host and port.
    camera: String,
    /// From the first connection to the first key frame, seconds.
    pub(super) first_key_frame_s: f64,
    #[serde(flatten)]
    pub(super) figures: Figures,
    /// Whether the gate can let it sleep.
    pub(super) sleep: Sleep,
    pub(super) advice: Vec<String>,
}

/// Watches the camera for a while and says what it sent.
pub(super) fn run(arguments: Arguments) -> Outcome {
    logging::init(logging::Format::Text, true);
    let Arguments { url, seconds, allow_basic, json } = arguments;
    let endpoint = endpoint(url, allow_basic)?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::failed)?;
    let report = runtime.block_on(probe(&endpoint, Duration::from_secs(seconds.into())));
    let report = report.map_err(|error| {
        let SessionError { fault, message } = error;
        Failure::failed(format!("{}: {message}", fault.as_str()))
    })?;
    print(&report, json)
}

/// Splits the login off a URL.
fn endpoint(mut url: Url, allow_basic: bool) -> Result<Endpoint, Failure> {
    if url.scheme() != "rtsp" || url.host_str().is_none() {
        return Err(Failure::usage("the url must look like rtsp://host/path; rtsps:// is not supported"));
    }
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let username = (!url.username().is_empty()).then(|| decoded(url.username()));
    let password = url.password().map(decoded).or_else(|| std::env::var(PASSWORD_VARIABLE).ok());
    let password = password.filter(|_| username.is_some()).map(Secret::new);
    url.set_username("").and_then(|()| url.set_password(None)).expect("a url with a host may have no login");
    let s = Duration::from_secs;
    let deadlines =
        Deadlines { describe: s(10), setup: s(10), play: s(10), first_key_frame: s(20), silence: s(10) };
    Ok(Endpoint { url, username, password, allow_basic, deadlines })
}

/// Watches a camera for so long.
pub(super) async fn probe(endpoint: &Endpoint, length: Duration) -> Result<Report, SessionError> {
    let began = Instant::now();
    let group = Arc::new(SessionGroup::default());
    let mut session = Session::open(endpoint, &group).await?;
    let first = session.next().await?;
    let first_key_frame = began.elapsed();

    let mut measure = Measure::new(session.size_px().unwrap_or_default());
    measure.add(&first);
    let end = Instant::now() + length;
    while let Ok(unit) = timeout_at(end, session.next()).await {
        measure.add(&unit?);
    }
    let figures = measure.figures(session.clock_offset_s());
    drop(session);
    // A session that stays open would count against the camera's limit for a minute.
    drop(timeout(TEARDOWN_MAX, group.await_teardown()).await);

    let camera = peer_of(&endpoint.url);
    let figures = figures.ok_or_else(|| SessionError::too_few_pictures(&camera, length))?;
    let (sleep, advice) = (figures.sleep(), figures.advice(Language::English));
    Ok(Report { camera, first_key_frame_s: first_key_frame.as_secs_f64(), figures, sleep, advice })
}

fn print(report: &Report, json: bool) -> Outcome {
    if json {
        println!("{}", serde_json::to_string(report).map_err(Failure::failed)?);
        return Ok(());
    }
    let Report { camera, first_key_frame_s, figures, sleep, advice } = report;
    let Figures { codec, width, height, seconds, fps, .. } = figures;
    println!("{camera}: {} {width}x{height}, {fps:.1} pictures a second", codec.to_uppercase());
    println!(
        "  bit rate            {:.2} Mbit/s; key frame {:.0} kB, picture {:.1} kB (medians)",
        figures.kbit_s / 1000.0,
        figures.key_frame_bytes as f64 / 1000.0,
        figures.picture_bytes as f64 / 1000.0
    );
    match (figures.key_frame_interval_s, figures.key_frame_interval_pictures) {
        (Some(interval_s), Some(pictures)) => {
            println!("  key frame interval  {interval_s:.2} s, {pictures} pictures");
        }
        _ => println!("  key frame interval  longer than {seconds:.0} s"),
    }
    println!(
        "  to be left out      {:.0} % of the pictures: no other refers to them",
        figures.unreferenced_share * 100.0
    );
    println!("  first key frame     {first_key_frame_s:.2} s after the first connection");
    println!("  longest gap         {} ms", figures.longest_gap_ms);
    println!("  packets lost        {} in {seconds:.1} s", figures.lost_packets);
    match figures.clock_offset_s {
        Some(offset) => println!("  clock               {offset:+.1} s against this machine's"),
        None => println!("  clock               not told"),
    }
    println!("  gate                {}", sleep.as_sentence(Language::English));
    if advice.is_empty() {
        println!("Nothing to change.");
    }
    for line in advice {
        println!("To change: {line}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_login_is_split_off_and_decoded() {
        let endpoint = endpoint("rtsp://vie%40wer:p%3Ass@10.0.0.12/a?b=c".parse().unwrap(), false).unwrap();
        assert_eq!(endpoint.url.as_str(), "rtsp://10.0.0.12/a?b=c");
        assert_eq!(endpoint.username.as_deref(), Some("vie@wer"));
        assert_eq!(endpoint.password.unwrap().reveal(), "p:ss");
    }

    #[test]
    fn only_rtsp_is_probed() {
        assert_eq!(endpoint("http://10.0.0.12/".parse().unwrap(), false).unwrap_err().code, 2);
        assert_eq!(endpoint("rtsps://10.0.0.12/".parse().unwrap(), false).unwrap_err().code, 2);
    }
}
