//! `moshao sheet`: the filing sheet of a site and, with measurements, its acceptance report.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use moshao_config::Camera;
use tracing::info;

use super::probe::{Report, probe};
use super::{Failure, Outcome, load_config, print};
use crate::camera::rtsp::Endpoint;
use crate::language::Language;
use crate::logging;
use crate::onboard::sheet::{Measured, Sheet, html};

/// Write the filing sheet of the site (一机一档), to be printed; with --measure the acceptance report too
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  moshao sheet --config moshao.toml --out sheet.html
  moshao sheet --config moshao.toml --measure --out acceptance.html
  moshao sheet --config moshao.toml --language en > sheet.html

One HTML file for any browser. It says of each device where it is and what it is there for, and what the configuration lacks
(name, address, lon, lat). --measure watches each camera for some seconds and says whether it does what it should; a camera
without pictures stands in the report, and is no failure of this command. Passwords are never printed.")]
pub(super) struct Arguments {
    /// Configuration file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Write to this file; standard output where it is left out
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Connect to each camera and say what it really sends
    #[arg(long)]
    measure: bool,
    /// How long to watch each camera, seconds
    #[arg(long, value_name = "S", default_value_t = 10, value_parser = clap::value_parser!(u16).range(2..=600))]
    seconds: u16,
    /// Language of the document; the system's where it is left out
    #[arg(long, value_enum)]
    language: Option<Language>,
}

/// Measures the cameras where that is asked for, and writes the document.
pub(super) fn run(arguments: &Arguments) -> Outcome {
    logging::init(logging::Format::Text, true);
    let config = load_config(&arguments.config)?;
    let language =
        arguments.language.unwrap_or_else(|| Language::of_environment(|name| std::env::var(name).ok()));
    let length = Duration::from_secs(arguments.seconds.into());
    let measured = arguments.measure.then(|| measure(&config.cameras, length, language)).transpose()?;
    let made = jiff::Timestamp::now().to_zoned(config.gateway.time_zone.clone());
    let made = made.strftime("%Y-%m-%d %H:%M").to_string();
    let document = html(&Sheet { config: &config, made, language, measured });
    match &arguments.out {
        None => print(&document),
        Some(file) => {
            std::fs::write(file, document)
                .map_err(|error| Failure::failed(format!("{} cannot be written: {error}", file.display())))?;
            print(&file.display().to_string())
        }
    }
}

type Came = BTreeMap<String, Result<Measured, crate::camera::fault::SessionError>>;

/// One camera after the other, so that a weak switch or a small box does not spoil the figures.
fn measure(cameras: &[Camera], length: Duration, language: Language) -> Result<Came, Failure> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::failed)?;
    let mut measured = BTreeMap::new();
    for (number, camera) in cameras.iter().enumerate() {
        info!(camera = camera.id, "measuring {} of {}", number + 1, cameras.len());
        let came = runtime.block_on(probe(&endpoint(camera), length));
        let came = came.map(|Report { first_key_frame_s, figures, sleep, .. }| {
            let advice = figures.advice(language);
            Measured { first_key_frame_s, figures, sleep, advice }
        });
        measured.insert(camera.id.clone(), came);
    }
    Ok(measured)
}

fn endpoint(camera: &Camera) -> Endpoint {
    Endpoint {
        url: camera.url.clone(),
        username: camera.username.clone(),
        password: camera.password.clone(),
        allow_basic: camera.allow_basic,
        deadlines: camera.deadlines,
    }
}
