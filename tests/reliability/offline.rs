//! Hours offline, then a thin link: everything comes in order, and alarms do not wait behind the backlog.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use moshao::metrics::Metrics;
use moshao::outbox::Class;
use moshao_tests::fake_broker::{Behaviour, FakeBroker};
use moshao_tests::gateway_parts::{RunningUplink, loopback_broker, new_event, open_outbox};
use tokio::time::{Instant, sleep, timeout};

use crate::hurry::hurry;
use crate::report::{Line, Outcome};
use crate::verdict::{Arrivals, Verdict};

/// 128 kbit/s.
const BYTES_PER_SECOND: u32 = 16_000;
/// While offline: one event in two seconds, one of sixty an alarm.
const EVENTS_PER_HOUR: usize = 1800;
/// A new alarm this often while the backlog drains.
const ALARM_EVERY: Duration = Duration::from_secs(20);
const AGE_LIMIT: Duration = Duration::from_secs(10);

/// So many hours offline.
pub(crate) fn hours(hours: usize) -> Vec<Line> {
    let backlog = hours * EVENTS_PER_HOUR;
    let (verdict, mut ages, took) = hurry(drain(backlog));
    ages.sort_unstable();
    let p95 = ages.get(ages.len().saturating_sub(1) * 95 / 100).copied().unwrap_or_default();
    let good = verdict.is_clean() && p95 <= AGE_LIMIT && !ages.is_empty() && verdict.duplicates == 0;
    vec![Line {
        what: format!("{hours} h offline ({backlog} events), then 128 kbit/s"),
        figure: format!(
            "{verdict}; drained in {:.0} min, {} alarms meanwhile, their age {:.1} s at p95",
            took.as_secs_f64() / 60.0,
            ages.len(),
            p95.as_secs_f64()
        ),
        wanted: "0 lost, in order, alarms' age ≤ 10 s at p95",
        outcome: Outcome::of(good),
    }]
}

async fn drain(backlog: usize) -> (Verdict, Vec<Duration>, Duration) {
    let directory = tempfile::tempdir().expect("a directory");
    let metrics = Arc::new(Metrics::new());
    let (outbox, _) = open_outbox(directory.path(), 1 << 30, &metrics);
    let mut accepted = BTreeMap::new();
    for first in (0..backlog).step_by(60) {
        let ids: Vec<String> = (first..first + 60).map(|number| format!("e{number:06}")).collect();
        let events = ids.iter().enumerate().map(|(number, id)| {
            let class = if number == 30 { Class::Alarm } else { Class::Event };
            let mut new = new_event(class, id);
            new.event.data.level = if number == 30 { 1 } else { 3 };
            new
        });
        let sequences = outbox.accept(events.collect(), None).await.expect("accepted");
        accepted.extend(ids.into_iter().zip(sequences.iter().map(|sequence| Some(sequence.0))));
    }
    let thin = Behaviour { bytes_per_second: Some(BYTES_PER_SECOND), ..Behaviour::good() };
    let broker = FakeBroker::start(move |_| thin.clone()).await;
    let begin = Instant::now();
    let uplink = RunningUplink::start(loopback_broker(broker.port), 32, &outbox, &metrics);
    let mut alarms: BTreeMap<String, Instant> = BTreeMap::new();
    // The latest alarm is still on its way when this is looked at.
    while broker.arrived() + 1 < accepted.len() || alarms.is_empty() {
        sleep(ALARM_EVERY).await;
        let id = format!("alarm{:05}", alarms.len());
        let told = Instant::now();
        let sequence = outbox.accept(vec![new_event(Class::Alarm, &id)], None).await.expect("accepted");
        accepted.insert(id.clone(), Some(sequence[0].0));
        alarms.insert(id, told);
    }
    let took = begin.elapsed();
    let mut stats = outbox.stats();
    let empty = timeout(Duration::from_secs(600), stats.wait_for(|stats| stats.depth == 0)).await;
    empty.expect("a good broker takes what is left").expect("the outbox lives");
    let seen = broker.seen();
    let mut arrivals = Arrivals::default();
    let mut ages = Vec::new();
    for (payload, at) in seen.order.iter().zip(&seen.arrived) {
        arrivals.take(payload);
        let event: serde_json::Value = serde_json::from_slice(payload).expect("events are JSON");
        if let Some(told) = event["id"].as_str().and_then(|id| alarms.get(id)) {
            ages.push(at.duration_since(*told));
        }
    }
    uplink.stop().await;
    (arrivals.judge(&accepted), ages, took)
}
