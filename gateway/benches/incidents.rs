//! What a finding and a tick cost beside many open incidents.
//!
//! `cargo bench -p moshao --bench incidents` prints a table: so many smoke alarms far from one another are open, each is found
//! again in turn, and time goes on. Wanted: no slope that anybody feels with 500 open.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use moshao::clock::Moment;
use moshao::event::Measure;
use moshao::incident::Incidents;
use moshao::incident::fusion::Places;
use moshao::rules::{Detail, Edge, Finding, RuleInfo, Source};
use moshao_config::sample::HEAD;
use moshao_config::{Config, Environment};

const FINDINGS: usize = 50_000;
const TICKS: u64 = 400;

const SITE: &str = r#"
[sensor.one]
preset = "zigbee2mqtt-smoke"
topic = "zigbee2mqtt/one"
[incidents]
flood = 10000
"#;

/// A site of so many smoke detectors that nothing links to one another.
fn site(sensors: usize) -> Config {
    let environment = Environment::of_process(Path::new("."));
    let mut config =
        moshao_config::parse(&format!("{HEAD}{SITE}"), "bench.toml", &environment).expect("the site is good");
    let sensor = config.sensors.remove(0);
    for number in 0..sensors {
        let mut sensor = sensor.clone();
        sensor.id = format!("sensor-{number:04}");
        config.sensors.push(sensor);
    }
    config
}

fn main() {
    println!("{:>6} {:>12} {:>10}", "open", "us/finding", "us/tick");
    for open in [1, 50, 500] {
        measure(open);
    }
}

/// One row of the table.
fn measure(open: usize) {
    let config = site(open);
    let rule = Arc::new(RuleInfo::from(config.rules.first().expect("the preset brings a rule")));
    let mut number = 0;
    let new_id = Box::new(move |_| {
        number += 1;
        format!("inc-{number}")
    });
    let mut incidents = Incidents::new(Places::new(&config), config.incidents.clone(), new_id);
    let start = Moment {
        mono: Duration::ZERO,
        wall: Timestamp::from_second(1_795_000_000).expect("a time of this century"),
    };
    let finding = |number: usize, edge: Edge| Finding {
        rule: rule.clone(),
        source: Source::Sensor(format!("sensor-{number:04}")),
        edge,
        detail: Detail::Measured(Measure {
            name: "smoke".to_owned(),
            value: 1.0,
            unit: String::new(),
            threshold: None,
        }),
        origin_unix_ms: 0,
    };
    for number in 0..open {
        incidents.find(start, &finding(number, Edge::Raised));
    }
    assert_eq!(incidents.open().len(), open, "each alarm is an incident of its own");

    let clock = Instant::now();
    for number in 0..FINDINGS {
        let now = start.later(Duration::from_micros(200 * number as u64));
        incidents.find(now, &finding(number % open, Edge::Continues));
    }
    let each = clock.elapsed().as_secs_f64() / FINDINGS as f64;
    let clock = Instant::now();
    for number in 0..TICKS {
        incidents.tick(start.later(Duration::from_millis(10_000 + 250 * number)));
    }
    let tick = clock.elapsed().as_secs_f64() / TICKS as f64;
    println!("{open:>6} {:>12.2} {:>10.1}", each * 1e6, tick * 1e6);
}
