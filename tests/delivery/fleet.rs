//! A simulated fleet against a real broker: what it says it has delivered is what arrives.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use moshao::event::Event;
use moshao::sim::fleet::{Burst, Fleet, Plan};
use moshao_tests::broker::Broker;
use moshao_tests::centre::{Centre, Message};
use moshao_tests::gateway_parts::{DIVISION, loopback_broker};
use tokio_util::sync::CancellationToken;

fn fleet(port: u16, gateways: u32) -> Fleet {
    Fleet {
        plan: Plan {
            gateways,
            rate: 100.0,
            length: Some(Duration::from_secs(3)),
            bursts: vec![Burst { events: 2, at: Duration::from_secs(1) }],
        },
        brokers: vec![loopback_broker(port)],
        division: DIVISION.to_owned(),
        prefix: "fleet-".to_owned(),
        patience: Duration::from_secs(30),
    }
}

/// Ids of the events by gateway, each once.
fn events(messages: &[Message]) -> BTreeMap<String, BTreeSet<String>> {
    let mut events: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for message in messages.iter().filter(|message| message.topic.contains("/event/")) {
        let event: Event = serde_json::from_slice(&message.payload).expect("an event");
        let gateway = message.topic.split('/').nth(3).expect("a gateway in the topic").to_owned();
        assert!(event.source.ends_with(&gateway), "{} comes from {gateway}", event.source);
        events.entry(gateway).or_default().insert(event.id);
    }
    events
}

#[tokio::test]
async fn each_gateway_of_a_fleet_tells_its_share_and_says_goodbye() {
    let broker = Broker::start();
    let centre = Centre::start(broker.port, "centre", "moshao/v1/#").await;
    let summary = fleet(broker.port, 20).run(CancellationToken::new()).await;
    assert!(summary.is_good(), "{summary}");
    assert_eq!((summary.made, summary.acknowledged, summary.connected), (340, 340, 20), "{summary}");
    assert!(summary.latency_p99_ms.is_some_and(|ms| ms > 0.0), "{summary}");
    let farewells = |messages: &[Message]| {
        let stopped = |message: &&Message| {
            message.topic.ends_with("/state") && message.payload.windows(7).any(|part| part == b"stopped")
        };
        messages.iter().filter(stopped).count() == 20
    };
    let received = centre.wait_until("twenty farewells", farewells).await;
    let told: Vec<usize> = events(&received).values().map(BTreeSet::len).collect();
    assert_eq!(told, [17; 20], "15 by the rate and 2 by the burst, each");
}

#[tokio::test]
async fn a_fleet_sends_again_what_a_broker_that_goes_away_had_not_acknowledged() {
    let mut broker = Broker::start_keeping_sessions();
    let centre = Centre::start(broker.port, "centre", "moshao/v1/+/+/event/#").await;
    let running = tokio::spawn(fleet(broker.port, 10).run(CancellationToken::new()));
    centre.wait_until("the first events", |messages| messages.len() >= 50).await;
    let broker = tokio::task::spawn_blocking(move || {
        broker.stop();
        broker.start_again();
        broker
    });
    let _broker = broker.await.expect("mosquitto starts again");
    let summary = running.await.expect("the fleet does not panic");
    assert!(summary.is_good(), "{summary}");
    assert!(summary.broken_connections >= 10, "{summary}");
    let all = |messages: &[Message]| events(messages).values().map(BTreeSet::len).sum::<usize>() == 320;
    centre.wait_until("every event", all).await;
}

#[tokio::test]
async fn a_fleet_that_finds_no_broker_says_so() {
    let mut broker = Broker::start();
    broker.stop();
    let stop = CancellationToken::new();
    stop.cancel();
    let fleet = Fleet { patience: Duration::from_millis(500), ..fleet(broker.port, 3) };
    let summary = fleet.run(stop).await;
    assert!(!summary.is_good(), "{summary}");
    assert_eq!(summary.connected, 0);
    assert!(summary.last_error.is_some_and(|error| error.contains("refuses connections")));
}
