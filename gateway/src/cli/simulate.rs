//! `moshao simulate camera|sensors|fleet|scenes`: cameras, sensors and fleets that are not there.

mod fleet;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};

use super::{Failure, Outcome};
use crate::logging;
use crate::sim::fault::{self, Fault};
use crate::sim::feed::{Feed, Playlist, SceneFeed};
use crate::sim::rtsp::{CameraOptions, CameraServer, Credentials};
use crate::sim::scene::Story;
use crate::sim::scene_set::SceneSet;
use crate::sim::sensors::{self, BrokerAddress, DEMO_SCRIPT, Script};

/// Cameras, sensors and fleets that are not there: for trying things out and for tests.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// An RTSP camera that shows a generated scene or plays files, and misbehaves on request.
    Camera(Camera),
    /// Sensors that publish to an MQTT broker.
    Sensors(Sensors),
    /// Many gateways at one centre: events, state and health over MQTT, and how fast they are acknowledged.
    Fleet(fleet::Arguments),
    /// Labelled pictures of generated scenes, for training and checking detectors.
    Scenes(Scenes),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  moshao simulate camera --scene 7
  moshao simulate camera --listen 0.0.0.0:8554 --user viewer --password secret yard.mp4
  moshao simulate camera --scene 7 --fault loss=1% --fault silent-after=30s

Faults: silent-after=TIME close-after=TIME loss=PERCENT corrupt=PERCENT corrupt-key-frames no-key-frames
        clock-jump=TIME+TIME motion-jpeg audio-only no-answer=METHOD basic-auth not-rtsp
Those of packets may be limited to a time after PLAY: loss=30%@20s-24s")]
struct Camera {
    /// Files to play in a loop, H.264 or H.265; without any, a generated scene.
    files: Vec<PathBuf>,
    /// Where in the files to begin, such as 8s; what lies before is played last.
    #[arg(long, value_name = "TIME", default_value = "0s", requires = "files", value_parser = fault::time)]
    begin: Duration,
    /// Address and port to listen on.
    #[arg(long, default_value = "127.0.0.1:8554")]
    listen: SocketAddr,
    /// Path of the stream's URL.
    #[arg(long, default_value = "/stream")]
    path: String,
    /// Number of the generated scene.
    #[arg(long, default_value_t = 1, conflicts_with = "files")]
    scene: u64,
    /// Pictures a second of the scene, 1 to 60.
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..=60))]
    fps: u32,
    /// Size of the scene's pictures, even numbers of pixels.
    #[arg(long, default_value = "1280x720", value_parser = size_px)]
    size: (u32, u32),
    /// User name that clients must know.
    #[arg(long, requires = "password")]
    user: Option<String>,
    /// Password that clients must know (Digest).
    #[arg(long, requires = "user")]
    password: Option<String>,
    /// What is wrong with the camera; can be given several times.
    #[arg(long = "fault", value_name = "FAULT")]
    faults: Vec<Fault>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  moshao simulate sensors --url mqtt://127.0.0.1:1883 --demo
  moshao simulate sensors --url mqtt://127.0.0.1:1883 --script sensors.toml

A script:
  [[sensor]]
  topic = \"zigbee2mqtt/kitchen-smoke\"
  every = \"5s\"
  payload = { smoke = false, battery = 97 }
  change = [ { at = \"15s\", payload = { smoke = true } } ]")]
struct Sensors {
    /// The broker, mqtt://USER:PASSWORD@HOST:PORT; user, password and port may be left out.
    #[arg(long)]
    url: String,
    /// File that says what is published when.
    #[arg(long, required_unless_present = "demo")]
    script: Option<PathBuf>,
    /// A kitchen with a smoke alarm after 15 s.
    #[arg(long, conflicts_with = "script")]
    demo: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  moshao simulate scenes --out scenes/train --count 1500 --seed 1

Labels are YOLO text beside each picture: class (0 fire, 1 smoke), middle x, middle y, width, height, 0 to 1.")]
struct Scenes {
    /// Folder for the pictures.
    #[arg(long)]
    out: PathBuf,
    /// How many pictures, each of a scene of its own.
    #[arg(long, default_value_t = 100)]
    count: u64,
    /// Number of the first scene; the others follow.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Size of the pictures, pixels.
    #[arg(long, default_value = "640x360", value_parser = size_px)]
    size: (u32, u32),
    /// Folder with photographs without fire to stand in for drawn places.
    #[arg(long)]
    backdrops: Option<PathBuf>,
}

/// Runs the command.
pub(super) fn run(arguments: Arguments) -> Outcome {
    logging::init(logging::Format::Text, false);
    match arguments.what {
        What::Fleet(fleet) => fleet::run(fleet),
        What::Camera(camera) => serve(camera),
        What::Sensors(sensors) => publish(sensors),
        What::Scenes(scenes) => write(scenes),
    }
}

fn serve(camera: Camera) -> Outcome {
    let feed: Feed = if camera.files.is_empty() {
        SceneFeed { seed: camera.scene, story: Story::Drawn, size_px: camera.size, fps: camera.fps }.start()
    } else {
        Playlist::load(&camera.files).and_then(|list| list.beginning_at(camera.begin).start())
    }
    .map_err(Failure::failed)?;
    let credentials = camera
        .user
        .zip(camera.password)
        .map(|(username, password)| Credentials { username, password: moshao_config::Secret::new(password) });
    let options = CameraOptions {
        path: format!("/{}", camera.path.trim_start_matches('/')),
        credentials,
        faults: camera.faults,
    };
    let path = options.path.clone();
    runtime()?.block_on(async {
        let failed = |error| Failure::failed(format!("cannot listen on {}: {error}", camera.listen));
        let server = CameraServer::bind(camera.listen, feed, options).await.map_err(failed)?;
        say(&format!("rtsp://{}{path}", server.local_addr().map_err(failed)?));
        tokio::select! {
            ended = server.serve() => ended.map_err(failed),
            _ = tokio::signal::ctrl_c() => Ok(()),
        }
    })
}

fn publish(sensors: Sensors) -> Outcome {
    let broker =
        BrokerAddress::parse(&sensors.url).map_err(|error| Failure::usage(format!("--url: {error}")))?;
    let script = match &sensors.script {
        None => Script::parse(DEMO_SCRIPT).expect("the demo's script is tested"),
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .map_err(|error| Failure::failed(format!("cannot read {}: {error}", path.display())))?;
            Script::parse(&text).map_err(|error| Failure::config(format!("{}: {error}", path.display())))?
        }
    };
    runtime()?.block_on(async {
        tokio::select! {
            () = sensors::play(&script, &broker, tokio::time::Instant::now()) => {}
            _ = tokio::signal::ctrl_c() => {}
        }
    });
    Ok(())
}

fn write(scenes: Scenes) -> Outcome {
    let backdrops = match &scenes.backdrops {
        None => vec![],
        Some(folder) => pictures(folder)?,
    };
    let set = SceneSet {
        out: scenes.out,
        count: scenes.count,
        first_seed: scenes.seed,
        size_px: scenes.size,
        backdrops,
    };
    let start = Instant::now();
    set.write(|written| {
        if written % 100 == 0 {
            tracing::info!(written, of = set.count, "scenes");
        }
    })
    .map_err(Failure::failed)?;
    say(&format!(
        "{} pictures in {} after {:.0} s",
        set.count,
        set.out.display(),
        start.elapsed().as_secs_f32()
    ));
    Ok(())
}

/// JPEG and PNG files of a folder, by name.
fn pictures(folder: &std::path::Path) -> Result<Vec<PathBuf>, Failure> {
    let entries = std::fs::read_dir(folder)
        .map_err(|error| Failure::failed(format!("cannot read the folder {}: {error}", folder.display())))?;
    let mut paths: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| {
            path.extension().is_some_and(|ext| ["jpg", "jpeg", "png"].iter().any(|known| ext == *known))
        })
        .collect();
    if paths.is_empty() {
        return Err(Failure::failed(format!("no .jpg, .jpeg or .png file in {}", folder.display())));
    }
    paths.sort();
    Ok(paths)
}

/// `1280x720`.
fn size_px(text: &str) -> Result<(u32, u32), String> {
    let wrong = || format!("'{text}' is no size; write width x height in pixels, such as 1280x720");
    let (width, height) = text.split_once('x').ok_or_else(wrong)?;
    let (width, height): (u32, u32) =
        (width.parse().map_err(|_| wrong())?, height.parse().map_err(|_| wrong())?);
    let fits = |side: u32| (16..=4096).contains(&side) && side.is_multiple_of(2);
    if fits(width) && fits(height) {
        Ok((width, height))
    } else {
        Err(format!("{width}x{height} px; both sides must be even, 16 to 4096 px"))
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Runtime::new().map_err(|error| Failure::failed(format!("cannot start: {error}")))
}

fn say(line: &str) {
    println!("{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_even_and_bounded() {
        assert_eq!(size_px("1280x720"), Ok((1280, 720)));
        assert!(size_px("1280").unwrap_err().contains("1280x720"));
        assert!(size_px("641x360").unwrap_err().contains("even"));
        assert!(size_px("8192x8192").unwrap_err().contains("4096"));
    }
}
