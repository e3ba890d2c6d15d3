//! From a sensor's message to the rules' findings: how many messages a second one core takes, and what a sensor costs in
//! memory.
//!
//! `cargo bench -p moshao --bench sensors` prints a table. 10,000 sensors report in turn; each is watched by one rule of
//! its own pool besides those that are built in: a threshold, the same in CEL, or one in CEL that follows time and is
//! evaluated each second besides. Wanted: 20,000 messages a second, 2 KB a sensor, and no slope in the
//! number of rules.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use moshao::clock::Moment;
use moshao::rules::Engine;
use moshao::sensor::mapping::Mapper;
use moshao_config::sample::HEAD;
use moshao_config::{Config, Environment, TopicLevel};

const MESSAGES: usize = 400_000;

const SITE: &str = r#"
[sensor.one]
preset = "zigbee2mqtt-temperature"
topic = "zigbee2mqtt/one"
watches = ["hot"]
[rule.hot]
"#;

/// The conditions that are compared.
const CONDITIONS: [(&str, &str); 3] = [
    ("table", "threshold = { above = 54, hysteresis = 4 }"),
    ("cel", "when = { cel = \"value >= 54.0\" }"),
    ("cel-time", "when = { cel = \"value >= 54.0 && age < 60.0\" }"),
];

/// A site of so many sensors, and of so many rules of this condition that they share.
fn site(sensors: usize, rules: usize, condition: &str) -> Config {
    let environment = Environment::of_process(Path::new("."));
    let mut config = moshao_config::parse(&format!("{HEAD}{SITE}{condition}\n"), "bench.toml", &environment)
        .expect("the site is good");
    let (sensor, rule) = (config.sensors.remove(0), config.rules.remove(0));
    for number in 0..rules {
        let mut rule = rule.clone();
        rule.id = format!("hot-{number}");
        config.rules.push(rule);
    }
    for number in 0..sensors {
        let mut sensor = sensor.clone();
        sensor.id = format!("sensor-{number:05}");
        sensor.topic.levels[1] = TopicLevel::Exactly(sensor.id.clone());
        sensor.watches = vec![format!("hot-{}", number % rules)];
        config.sensors.push(sensor);
    }
    config
}

/// Bytes of memory that the process holds.
fn resident_bytes() -> f64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: f64 = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0.0);
    pages * 4096.0
}

fn main() {
    let numbers: Vec<usize> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    if let [sensors, rules, condition] = numbers.as_slice() {
        return measure(*sensors, *rules, *condition);
    }
    println!(
        "{:>8} {:>6} {:>9} {:>12} {:>12} {:>14} {:>16} {:>10}",
        "sensors",
        "rules",
        "condition",
        "messages/s",
        "us/message",
        "bytes/sensor",
        "with its section",
        "us/tick"
    );
    let this = std::env::current_exe().expect("the path of this program");
    let tables = [(1000, 10), (10_000, 10), (10_000, 500), (10_000, 5000)].map(|(s, r)| (s, r, 0));
    let expressions = [(10_000, 10, 1), (10_000, 5000, 1), (10_000, 5000, 2)];
    for (sensors, rules, condition) in tables.into_iter().chain(expressions) {
        // A process of its own: memory that was given back by one row would hide what the next one takes.
        let row =
            Command::new(&this).args([sensors, rules, condition].map(|number| number.to_string())).status();
        assert!(row.is_ok_and(|status| status.success()), "a row has failed");
    }
}

/// One row of the table.
fn measure(sensors: usize, rules: usize, condition: usize) {
    let (name, condition) = CONDITIONS[condition];
    let empty = resident_bytes();
    let config = site(sensors, rules, condition);
    let section = (resident_bytes() - empty).max(0.0) / sensors as f64;
    let topics: Vec<String> =
        config.sensors.iter().map(|sensor| format!("zigbee2mqtt/{}", sensor.id)).collect();
    let before = resident_bytes();
    let mut mapper = Mapper::new(&config.sensors);
    let mut engine = Engine::new(&config);
    let begin = Timestamp::from_second(1_795_000_000).expect("a time of this century");
    let start = Moment { mono: Duration::ZERO, wall: begin };
    let mut findings = 0;
    let clock = Instant::now();
    for number in 0..MESSAGES {
        let now = start.later(Duration::from_micros(50 * number as u64));
        let degrees = 20 + number / sensors * 11 % 37;
        let payload = format!(
            r#"{{"battery":97,"humidity":48.3,"linkquality":120,"temperature":{degrees}.25,"voltage":3000}}"#
        );
        for outcome in mapper.map(&topics[number % sensors], payload.as_bytes(), now.wall) {
            let reading = outcome.expect("every message is good");
            findings += engine.reading(now, &reading).len();
        }
    }
    let spent = clock.elapsed().as_secs_f64();
    let memory = (resident_bytes() - before).max(0.0) / sensors as f64;
    let clock = Instant::now();
    for number in 0..100_u64 {
        findings += engine.tick(start.later(Duration::from_millis(20_000 + 250 * number))).len();
    }
    let tick = clock.elapsed().as_secs_f64() / 100.0;
    assert!(findings > 0, "the rules have found nothing");
    println!(
        "{sensors:>8} {rules:>6} {name:>9} {:>12.0} {:>12.2} {memory:>14.0} {:>16.0} {:>10.0}",
        MESSAGES as f64 / spent,
        spent / MESSAGES as f64 * 1e6,
        memory + section,
        tick * 1e6
    );
}
