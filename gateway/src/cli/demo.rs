//! `moshao demo`: everything in one process group, nothing to set up.
//!
//! The gateway is the real one, with a configuration text of its own; only the world around it is simulated: a broker
//! inside the process, a camera over a generated courtyard in which a heap of wood burns, a smoke alarm and a
//! thermometer in the shed beside it. Events are printed as a subscriber of that broker receives them.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use moshao_config::{Config, Environment};
use rumqttc::MqttOptions;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::{Failure, Outcome};
use crate::app::App;
use crate::event::{Event, Phase};
use crate::logging;
use crate::sim::feed::SceneFeed;
use crate::sim::rtsp::{CameraOptions, CameraServer};
use crate::sim::scene;
use crate::sim::sensors::{self, BrokerAddress, Script};
use crate::sim::story::Story;
use crate::sim::{broker, feed};
use crate::subscriber::Subscriber;

/// Show the whole way from a camera and a smoke alarm to an event, with nothing to set up
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  moshao demo
  moshao demo --json
  moshao demo --stay --seconds 600
  moshao demo --camera rtsp://viewer:secret@192.168.1.20/stream --seconds 120

Exit code 1 when the story was not told in time: one incident, opened by the smoke alarm, confirmed by the camera,
closed when both are clear. With --camera there is no story to be told.")]
pub(super) struct Arguments {
    /// How long the demo may take
    #[arg(long, default_value_t = 55, value_parser = clap::value_parser!(u64).range(5..=86_400))]
    seconds: u64,
    /// Print events as they are, one JSON object a line
    #[arg(long)]
    json: bool,
    /// Go on when the story has been told, until the time is over
    #[arg(long)]
    stay: bool,
    /// Look at this camera instead of the simulated one
    #[arg(long, value_name = "URL")]
    camera: Option<String>,
}

/// Never used for training.
const COURTYARD: u64 = 0x6d6f_7368_6174;
/// First flame in the picture.
const FLAMES_S: f32 = 11.0;
/// The fire is put out.
const OUT_S: f32 = 27.0;
const SIZE_PX: (u32, u32) = (640, 360);
const FPS: u32 = 10;

/// The shed: smoke before flames, as it is; the thermometer stays below its alarm.
const SHED: &str = r#"
[[sensor]]
topic = "zigbee2mqtt/shed-smoke"
every = "5s"
payload = { smoke = false, battery = 97, linkquality = 120 }
change = [ { at = "8s", payload = { smoke = true } }, { at = "30s", payload = { smoke = false } } ]

[[sensor]]
topic = "zigbee2mqtt/shed-climate"
every = "4s"
payload = { temperature = 22.4, humidity = 48.0, battery = 88, linkquality = 96 }
change = [
    { at = "9s", payload = { temperature = 27.9 } },
    { at = "14s", payload = { temperature = 38.2, humidity = 37.0 } },
    { at = "20s", payload = { temperature = 49.6, humidity = 31.0 } },
    { at = "28s", payload = { temperature = 41.0, humidity = 33.0 } },
    { at = "34s", payload = { temperature = 29.1, humidity = 42.0 } },
]
"#;

/// Runs the demo.
pub(super) fn run(arguments: &Arguments) -> Outcome {
    logging::init(logging::Format::Text, true);
    let runtime = super::run::runtime()?;
    let outcome = runtime.block_on(show(arguments));
    runtime.shutdown_timeout(Duration::from_millis(500));
    outcome
}

async fn show(arguments: &Arguments) -> Outcome {
    let folder = tempfile::tempdir()
        .map_err(|error| Failure::failed(format!("cannot make a temporary data directory: {error}")))?;
    let broker = tokio::task::spawn_blocking(broker::start)
        .await
        .map_err(Failure::failed)?
        .map_err(|error| Failure::failed(format!("cannot start the embedded MQTT broker: {error}")))?;

    let begin = Instant::now();
    let (camera, _camera) = match &arguments.camera {
        Some(url) => (url.clone(), None),
        None => {
            let (url, serving) = simulated_camera().await?;
            (url, Some(serving))
        }
    };
    let config = configure(&camera, broker, folder.path())?;
    let topics = format!("moshao/v1/{}/{}/event/#", config.gateway.division, config.gateway.id);
    let mut subscriber = Subscriber::start(subscriber_options(broker), topics);
    subscriber.subscribed().await;

    let mut worker = super::run::worker_command(logging::Format::Text)?;
    if std::env::var_os("MOSHAO_LOG").is_none() {
        worker.environment.push(("MOSHAO_LOG".to_owned(), "warn".to_owned()));
    }
    let app = App::build(config, worker).await.map_err(Failure::failed)?;
    let metrics = app.http_address().map_err(Failure::failed)?;
    introduce(arguments, broker, metrics);
    let stop = CancellationToken::new();
    let gateway = tokio::spawn(app.run(stop.clone()));
    let _sensors = AbortOnDropHandle::new(tokio::spawn(async move {
        let script = Script::parse(SHED).expect("the shed's script is tested");
        let address = BrokerAddress { host: broker.ip().to_string(), port: broker.port(), login: None };
        sensors::play(&script, &address, begin).await;
    }));

    let ended = tokio::select! {
        ended = watch(arguments, &mut subscriber, begin) => ended,
        // Without signals the demo ends by itself, in time.
        Ok(()) = interrupted() => Ended::Interrupted,
    };
    stop.cancel();
    gateway.await.map_err(|error| Failure::failed(format!("the gateway failed: {error}")))?;
    match (ended, arguments.camera.is_some()) {
        (Ended::Interrupted, _) | (Ended::TimeOver(_), true) => Ok(()),
        (Ended::Told, _) => {
            remark(arguments, "One incident: opened by the smoke alarm, confirmed by the camera, closed.");
            Ok(())
        }
        (Ended::TimeOver(story), false) => match story.missing() {
            None => Ok(()),
            Some(missing) => Err(Failure::failed(format!("after {} s: {missing}", arguments.seconds))),
        },
    }
}

/// How the demo came to its end.
enum Ended {
    Told,
    TimeOver(Story),
    Interrupted,
}

/// Prints events until the story is told or the time is over.
async fn watch(arguments: &Arguments, subscriber: &mut Subscriber, begin: Instant) -> Ended {
    let deadline = begin + Duration::from_secs(arguments.seconds);
    let mut story = Story::default();
    loop {
        let message = tokio::select! {
            message = subscriber.next() => message,
            () = tokio::time::sleep_until(deadline) => return Ended::TimeOver(story),
        };
        let Some(message) = message else { return Ended::TimeOver(story) };
        let event: Event = match serde_json::from_slice(&message.payload) {
            Ok(event) => event,
            Err(error) => {
                tracing::error!(topic = message.topic, %error, "not an event");
                continue;
            }
        };
        if arguments.json {
            say(&String::from_utf8_lossy(&message.payload));
        } else {
            say(&line(begin.elapsed(), &event));
        }
        story = story.after(&event);
        if story.is_told() && arguments.camera.is_none() && !arguments.stay {
            return Ended::Told;
        }
    }
}

/// The courtyard, on a free port of loopback.
async fn simulated_camera() -> Result<(String, AbortOnDropHandle<()>), Failure> {
    let failed =
        |error: std::io::Error| Failure::failed(format!("cannot start the simulated camera: {error}"));
    let story = scene::Story::Fire { start_s: FLAMES_S, out_s: OUT_S };
    let courtyard = SceneFeed { seed: COURTYARD, story, size_px: SIZE_PX, fps: FPS };
    let feed: feed::Feed = tokio::task::spawn_blocking(move || courtyard.start())
        .await
        .map_err(Failure::failed)?
        .map_err(Failure::failed)?;
    let options = CameraOptions { path: "/courtyard".into(), ..CameraOptions::default() };
    let server =
        CameraServer::bind(SocketAddr::from(([127, 0, 0, 1], 0)), feed, options).await.map_err(failed)?;
    let url = format!("rtsp://{}/courtyard", server.local_addr().map_err(failed)?);
    let serving = tokio::spawn(async move {
        if let Err(error) = server.serve().await {
            tracing::error!(%error, "the simulated camera has stopped");
        }
    });
    Ok((url, AbortOnDropHandle::new(serving)))
}

/// A configuration as a person would write it.
fn configure(camera: &str, broker: SocketAddr, folder: &Path) -> Result<Config, Failure> {
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let text = format!(
        r#"
[gateway]
id = "demo"
division = "510104001001"
data_dir = {folder}
workers = 1
[grid]
code = "510104001001003"
name = "Demo village"
# Nobody is there to acknowledge the fire.
[incidents]
fire_latch = "0s"
[uplink]
url = "mqtt://{broker}"
[sensors]
url = "mqtt://{broker}"
[http]
listen = "127.0.0.1:0"

[camera.courtyard]
name = "Courtyard camera"
url = {camera}
detector = "moshao-fire"
watches = ["fire-video"]

[sensor.shed-smoke]
name = "Shed smoke alarm"
preset = "zigbee2mqtt-smoke"
topic = "zigbee2mqtt/shed-smoke"
cameras = ["courtyard"]

[sensor.shed-climate]
name = "Shed thermometer"
preset = "zigbee2mqtt-temperature"
topic = "zigbee2mqtt/shed-climate"
cameras = ["courtyard"]

[rule.fire-video]
object = {{ labels = ["fire", "smoke"], at_least = 3, within = "2s" }}
level = 1
clear_after = "5s"
"#,
        folder = quoted(&folder.display().to_string()),
        camera = quoted(camera),
    );
    moshao_config::parse(&text, "demo.toml", &Environment::of_process(folder))
        .map_err(|report| Failure::config(report.to_string()))
}

fn subscriber_options(broker: SocketAddr) -> MqttOptions {
    MqttOptions::new("command-centre", broker.ip().to_string(), broker.port())
}

fn introduce(arguments: &Arguments, broker: SocketAddr, metrics: SocketAddr) {
    let camera = if arguments.camera.is_some() { "your camera" } else { "a simulated courtyard" };
    remark(
        arguments,
        &format!("Moshao watches {camera} and a simulated shed, for at most {} s.", arguments.seconds),
    );
    remark(arguments, &format!("Metrics   http://{metrics}/metrics"));
    remark(arguments, &format!("Events    moshao events --url mqtt://{broker}\n"));
}

/// One event for people.
fn line(since_begin: Duration, event: &Event) -> String {
    let data = &event.data;
    let phase = data.phase.as_str();
    let mut line = format!(
        "{:6.1} s  {phase:<9}  level {} {:<6}  {:<18}  {}",
        since_begin.as_secs_f32(),
        data.level,
        data.color,
        data.device.name,
        data.title
    );
    if let Some(confidence) = data.confidence {
        write!(line, ", score {confidence:.2}").expect("a String takes all text");
    }
    if data.phase == Phase::Updated
        && let Some(still) = data.evidence.last()
    {
        write!(line, ", still of {} kB", still.bytes.div_ceil(1000)).expect("a String takes all text");
    }
    line
}

/// A word to people: on standard error where standard output is for programs.
fn remark(arguments: &Arguments, text: &str) {
    if arguments.json {
        #[expect(clippy::print_stderr, reason = "standard output holds events only")]
        {
            eprintln!("{text}");
        }
    } else {
        say(text);
    }
}

/// SIGINT or SIGTERM.
async fn interrupted() -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupt = tokio::signal::ctrl_c() => interrupt,
        _ = terminate.recv() => Ok(()),
    }
}

fn say(text: &str) {
    println!("{text}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Confirm;
    use crate::sim::story::tests::event;

    #[test]
    fn the_configuration_is_a_real_one() {
        let broker = SocketAddr::from(([127, 0, 0, 1], 1883));
        let config = configure("rtsp://viewer:a\"b@10.0.0.1/s", broker, Path::new("demo")).unwrap();
        assert_eq!(config.cameras[0].watches, ["fire-video"]);
        assert_eq!((config.sensors.len(), config.uplink.port), (2, 1883));
    }

    #[test]
    fn the_shed_smokes_before_it_burns_and_clears_after() {
        let script = Script::parse(SHED).unwrap();
        let smoke = |s: u64| {
            let published = script.published_at(Duration::from_secs(s));
            published
                .iter()
                .any(|(topic, payload)| topic.ends_with("smoke") && payload.contains("\"smoke\":true"))
        };
        assert!(!smoke(5) && smoke(8) && smoke(25) && !smoke(30) && !smoke(35));
        const { assert!(8.0 < FLAMES_S && OUT_S < 30.0, "flames between the alarm and its end") };
    }

    #[test]
    fn an_event_is_one_aligned_line() {
        let opened = event("a", Phase::Opened, "smoke", Confirm::Unconfirmed);
        let line = line(Duration::from_millis(8_340), &opened);
        assert_eq!(line, "   8.3 s  opened     level 1 red     Shed smoke alarm    烟感报警");
    }
}
