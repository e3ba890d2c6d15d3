//! Brokers that misbehave by script, thousands of them, on a clock in a hurry.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use moshao::metrics::Metrics;
use moshao::outbox::Class;
use moshao_config::Broker as Address;
use moshao_tests::fake_broker::{Behaviour, FakeBroker};
use moshao_tests::gateway_parts::{RunningUplink, loopback_broker, new_event, open_outbox, zstd_batches};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::hurry::hurry;
use crate::report::{Line, Outcome};

const WINDOW: usize = 32;
/// Scripts that run at once.
const AT_ONCE: usize = 100;
/// No script takes longer unless the uplink is wedged: ten connections with the longest time-out each.
const WEDGED_AFTER: Duration = Duration::from_secs(30 * 60);

/// How one script went.
struct Ended {
    seed: u64,
    lost: usize,
    batched: usize,
    batched_alarms: usize,
    wedged: bool,
    /// Beyond a window for each connection.
    too_many_repeats: bool,
}

/// `rounds` scripts by seed, and the two defects of rumqttc by name.
pub(crate) fn misbehaviours(rounds: usize) -> Vec<Line> {
    let seeds: Vec<u64> = (0..rounds as u64).collect();
    let random = hurry(all(seeds, random_script));
    vec![
        line(format!("{rounds} scripted broker misbehaviours on a hurried clock"), &random),
        line(
            "session lost with publishes queued in the client (rumqtt 863, 864)".to_owned(),
            &hurry(all((0..20).collect(), session_lost)),
        ),
        line(
            "PUBACKs out of order, then a cut link (rumqtt 1014, 1056)".to_owned(),
            &hurry(all((0..20).collect(), collision)),
        ),
    ]
}

fn line(what: String, ended: &[Ended]) -> Line {
    let lost: usize = ended.iter().map(|script| script.lost).sum();
    let bad =
        |is: fn(&Ended) -> bool| ended.iter().filter(|script| is(script)).map(|script| script.seed).collect();
    let wedged: Vec<u64> = bad(|script| script.wedged);
    let repeats: Vec<u64> = bad(|script| script.too_many_repeats);
    let losing: Vec<u64> = bad(|script| script.lost > 0);
    let mut figure = format!(
        "{lost} lost, {} wedged, {} repeated more than a window a connection",
        wedged.len(),
        repeats.len()
    );
    for (name, seeds) in [("losing", &losing), ("wedged", &wedged), ("repeating", &repeats)] {
        if !seeds.is_empty() {
            figure.push_str(&format!("; {name}: scripts {:?}", &seeds[..seeds.len().min(5)]));
        }
    }
    let batched: usize = ended.iter().map(|script| script.batched).sum();
    figure.push_str(&format!("; {batched} events in batches"));
    let batched_alarms: usize = ended.iter().map(|script| script.batched_alarms).sum();
    if batched_alarms > 0 {
        figure.push_str(&format!("; {batched_alarms} alarms in batches"));
    }
    let good = lost == 0 && wedged.is_empty() && repeats.is_empty() && batched_alarms == 0;
    let outcome = Outcome::of(good);
    Line { what, figure, wanted: "0 lost, 0 wedged, ≤ 32 repeated a connection", outcome }
}

async fn all(seeds: Vec<u64>, script: fn(u64) -> Script) -> Vec<Ended> {
    let mut running = JoinSet::new();
    let mut ended = Vec::new();
    for seed in seeds {
        if running.len() == AT_ONCE {
            ended.extend(running.join_next().await.map(|one| one.expect("a script does not panic")));
        }
        running.spawn(play(seed, script(seed)));
    }
    while let Some(one) = running.join_next().await {
        ended.push(one.expect("a script does not panic"));
    }
    ended
}

/// What the broker does, connection by connection; after that it is good.
struct Script {
    connections: Vec<Behaviour>,
    events: usize,
}

async fn play(seed: u64, script: Script) -> Ended {
    let Script { connections, events } = script;
    let bad_connections = connections.len();
    let broker =
        FakeBroker::start(move |number| connections.get(number).cloned().unwrap_or_else(Behaviour::good))
            .await;
    let directory = crate::memory_directory();
    let metrics = Arc::new(Metrics::new());
    let (outbox, _) = open_outbox(directory.path(), 64 << 20, &metrics);
    let address = Address { keep_alive: Duration::from_secs(10), ..loopback_broker(broker.port) };
    let ids: Vec<String> = (0..events).map(|number| format!("e{number:04}")).collect();
    let (first, second) = ids.split_at(events / 2);
    let class = |id: &str| if id.ends_with('7') { Class::Alarm } else { Class::Event };
    let new = |ids: &[String]| ids.iter().map(|id| new_event(class(id), id)).collect::<Vec<_>>();
    outbox.accept(new(first), None).await.expect("accepted");
    // To every other one the centre says that it takes batches.
    let uplink = match seed % 2 {
        0 => RunningUplink::start(address, WINDOW, &outbox, &metrics),
        _ => RunningUplink::with_batches(address, WINDOW, &outbox, &metrics, None, zstd_batches()),
    };
    outbox.accept(new(second), None).await.expect("accepted");
    let mut stats = outbox.stats();
    let wedged = timeout(WEDGED_AFTER, stats.wait_for(|stats| stats.depth == 0)).await.is_err();
    let seen = broker.seen();
    let acknowledged: BTreeSet<String> = seen.acknowledged.keys().map(|payload| id(payload)).collect();
    let lost = if wedged { 0 } else { ids.iter().filter(|id| !acknowledged.contains(*id)).count() };
    let batched_alarms = seen.batched.iter().filter(|payload| class(&id(payload)) == Class::Alarm).count();
    let repeats: usize = seen.received.values().map(|times| times - 1).sum();
    uplink.stop().await;
    outbox.close().await;
    let too_many_repeats = repeats > WINDOW * (bad_connections + seen.connections);
    Ended { seed, lost, batched: seen.batched.len(), batched_alarms, wedged, too_many_repeats }
}

fn id(payload: &[u8]) -> String {
    let event: serde_json::Value = serde_json::from_slice(payload).expect("events are JSON");
    event["id"].as_str().expect("events have an id").to_owned()
}

fn random_script(seed: u64) -> Script {
    let mut dice = StdRng::seed_from_u64(seed);
    let connections = (0..dice.random_range(1..7)).map(|_| misbehaviour(&mut dice)).collect();
    Script { connections, events: dice.random_range(10..300) }
}

fn misbehaviour(dice: &mut StdRng) -> Behaviour {
    let after = dice.random_range(1..60_usize);
    let base = Behaviour {
        session_present: dice.random(),
        shuffle_in_groups_of: dice.random_range(1..12),
        ..Behaviour::good()
    };
    match dice.random_range(0..11) {
        0 => Behaviour { cut_after: Some(after), ..base },
        1 => Behaviour { cut_after: Some(after), shuffle_in_groups_of: 100, ..base },
        2 => Behaviour { forget: Some(after), ..base },
        3 => Behaviour { forget: Some(1), cut_after: Some(after + 3), ..base },
        4 => Behaviour { deaf: true, ..base },
        5 => Behaviour { deaf_after: Some(after), ..base },
        6 => Behaviour { mute: true, ..base },
        7 => Behaviour { refuse: Some(dice.random_range(1..6)), ..base },
        8 => Behaviour { acknowledge_twice: true, cut_after: Some(after + 20), ..base },
        9 => Behaviour { unsolicited_after: Some(after), cut_after: Some(after + 30), ..base },
        _ => Behaviour { garbage_after: Some(after), cut_after: Some(after + 30), ..base },
    }
}

fn session_lost(seed: u64) -> Script {
    let cut =
        Behaviour { cut_after: Some(2 + seed as usize % 7), shuffle_in_groups_of: 100, ..Behaviour::good() };
    Script { connections: vec![cut], events: 40 }
}

fn collision(seed: u64) -> Script {
    let first = Behaviour {
        forget: Some(2 + seed as usize % 5),
        cut_after: Some(700),
        shuffle_in_groups_of: 7,
        ..Behaviour::good()
    };
    let then = Behaviour { shuffle_in_groups_of: 5, ..Behaviour::good() };
    Script { connections: vec![first, then], events: 900 }
}
