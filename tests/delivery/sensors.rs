//! Sensor messages through mosquitto.

use std::sync::Arc;
use std::time::Duration;

use moshao::metrics::Metrics;
use moshao::mqtt::Link;
use moshao::sensor::mqtt::{Settings, run};
use moshao::sensor::reading::Reading;
use moshao_config::{Format, More, Place, Sensor, SensorKind, TopicLevel, TopicPattern};
use moshao_tests::broker::Broker;
use moshao_tests::centre::PATIENCE;
use moshao_tests::gateway_parts::loopback_broker;
use moshao_tests::wait::eventually;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

fn sensor(id: &str, topic: Vec<TopicLevel>, value: &str) -> Sensor {
    Sensor {
        id: id.to_owned(),
        name: id.to_owned(),
        kind: SensorKind::Other,
        topic: TopicPattern { levels: topic },
        value: value.to_owned(),
        values: vec![("ON".to_owned(), 1.0)],
        scale: 1.0,
        unit: None,
        more: More::default(),
        lost_after: Duration::from_secs(24 * 3600),
        watches: Vec::new(),
        cameras: Vec::new(),
        place: Place::default(),
    }
}

fn exactly(text: &str) -> TopicLevel {
    TopicLevel::Exactly(text.to_owned())
}

/// A smoke sensor, meters with a captured level, and whatever announces itself as a leak.
fn sensors() -> Vec<Sensor> {
    let announcements =
        ["homeassistant", "binary_sensor", "{device}", "water", "config"].map(|level| match level {
            "{device}" => TopicLevel::Capture("device".to_owned()),
            _ => exactly(level),
        });
    let more = More { format: Format::HomeAssistant, ..More::default() };
    vec![
        Sensor { kind: SensorKind::Leak, more, ..sensor("leak", announcements.to_vec(), "") },
        sensor("smoke", vec![exactly("zigbee2mqtt"), exactly("kitchen")], "/smoke"),
        sensor("meter", vec![exactly("meter"), TopicLevel::Capture("circuit".to_owned())], ""),
    ]
}

struct Listening {
    readings: mpsc::Receiver<Reading>,
    link: watch::Receiver<Link>,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Listening {
    fn start(port: u16, queue: usize) -> Self {
        let metrics = Arc::new(Metrics::new());
        let mut broker = loopback_broker(port);
        broker.client_id = "gw-test-sensors".to_owned();
        let settings = Settings { broker, sensors: sensors(), metrics: Arc::clone(&metrics) };
        let (sender, readings) = mpsc::channel(queue);
        let (state, link) = watch::channel(Link::Down { reason: None });
        let stop = CancellationToken::new();
        let task = tokio::spawn(run(settings, sender, state, stop.clone()));
        Self { readings, link, metrics, stop, task }
    }

    async fn wait_for(&mut self, up: bool) {
        let wanted = self.link.wait_for(|link| (*link == Link::Up) == up);
        timeout(PATIENCE, wanted).await.expect("in time").expect("the task lives");
    }

    async fn reading(&mut self) -> (String, f64) {
        let reading =
            timeout(PATIENCE, self.readings.recv()).await.expect("in time").expect("the task lives");
        (reading.sensor, reading.value)
    }

    async fn stop(self) {
        self.stop.cancel();
        self.task.await.expect("no panic");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readings_arrive_and_bad_messages_are_counted() {
    let broker = Broker::start();
    let mut listening = Listening::start(broker.port, 16);
    listening.wait_for(true).await;
    broker.publish("zigbee2mqtt/kitchen", r#"{"smoke":true,"battery":80}"#);
    assert_eq!(listening.reading().await, ("smoke".to_owned(), 1.0));
    broker.publish("zigbee2mqtt/kitchen", "not json");
    broker.publish("zigbee2mqtt/kitchen", r#"{"battery":80}"#);
    broker.publish("meter/c17", "ON");
    assert_eq!(listening.reading().await, ("meter/c17".to_owned(), 1.0));
    // A reading is handed on before it is counted.
    for line in [
        "moshao_sensor_refused_total{reason=\"not-json\"} 1",
        "moshao_sensor_refused_total{reason=\"no-value\"} 1",
        "moshao_sensor_readings_total 2",
        "moshao_sensors_known 2",
        "moshao_sensor_broker_up 1",
    ] {
        eventually(line, PATIENCE, || listening.metrics.render().contains(line).then_some(()));
    }
    listening.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_comes_back_without_sessions_is_subscribed_again() {
    let mut broker = Broker::start();
    let mut listening = Listening::start(broker.port, 16);
    listening.wait_for(true).await;
    broker.stop();
    listening.wait_for(false).await;
    broker.start_again();
    listening.wait_for(true).await;
    broker.publish("meter/c1", "30.5");
    assert_eq!(listening.reading().await, ("meter/c1".to_owned(), 30.5));
    listening.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_published_while_the_gateway_was_away_is_heard_later() {
    let broker = Broker::start();
    let mut listening = Listening::start(broker.port, 16);
    listening.wait_for(true).await;
    listening.stop().await;
    broker.publish("zigbee2mqtt/kitchen", r#"{"smoke":true}"#);
    let mut listening = Listening::start(broker.port, 16);
    assert_eq!(listening.reading().await, ("smoke".to_owned(), 1.0));
    listening.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_holds_the_broker_back_and_drops_nothing() {
    let broker = Broker::start();
    let mut listening = Listening::start(broker.port, 1);
    listening.wait_for(true).await;
    for number in 0..30 {
        broker.publish("meter/c1", &number.to_string());
    }
    let waited = async {
        while listening.metrics.sensor.waits.get() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, waited).await.expect("the queue of one fills");
    for number in 0..30 {
        assert_eq!(listening.reading().await, ("meter/c1".to_owned(), f64::from(number)));
    }
    listening.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_announces_itself_is_heard_and_so_is_what_it_said_while_the_gateway_was_away() {
    let broker = Broker::start_with("log_type subscribe");
    let announcement = r#"{"dev_cla":"moisture","stat_t":"cellar/water/state","avty_t":"cellar/status"}"#;
    broker.publish_retained("homeassistant/binary_sensor/cellar/water/config", announcement);
    broker.publish_retained(
        "homeassistant/binary_sensor/hall/motion/config",
        r#"{"stat_t":"hall/motion/state"}"#,
    );
    let mut listening = Listening::start(broker.port, 16);
    let log = || broker.log().contains("gw-test-sensors 1 cellar/water/state").then_some(());
    tokio::task::block_in_place(|| eventually("its topic is subscribed to", PATIENCE, log));
    broker.publish("cellar/water/state", "ON");
    assert_eq!(listening.reading().await, ("leak/cellar".to_owned(), 1.0));
    listening.stop().await;

    // The broker delivers this before it repeats the announcement.
    broker.publish("cellar/water/state", "OFF");
    let mut listening = Listening::start(broker.port, 16);
    assert_eq!(listening.reading().await, ("leak/cellar".to_owned(), 0.0));
    listening.wait_for(true).await;
    broker.publish("cellar/water/state", "ON");
    assert_eq!(listening.reading().await, ("leak/cellar".to_owned(), 1.0));
    assert!(!broker.log().contains("hall/motion"), "nobody has asked for the hall");
    listening.stop().await;
}
