//! Several brokers of one centre.

use std::sync::Arc;

use moshao::metrics::Metrics;
use moshao::outbox::Class;
use moshao_tests::broker::{Broker, free_port};
use moshao_tests::centre::PATIENCE;
use moshao_tests::gateway_parts::{RunningUplink, loopback_broker, new_event, open_outbox};
use tokio::time::timeout;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_go_to_the_second_broker_while_the_first_is_away() {
    let second = Broker::start();
    let directory = tempfile::tempdir().unwrap();
    let metrics = Arc::new(Metrics::new());
    let (outbox, _) = open_outbox(directory.path(), 16 << 20, &metrics);
    outbox.accept(vec![new_event(Class::Alarm, "e1")], None).await.expect("accepted");
    let mut address = loopback_broker(free_port());
    address.fallbacks.push(("127.0.0.1".to_owned(), second.port));
    let uplink = RunningUplink::start(address, 32, &outbox, &metrics);
    let mut stats = outbox.stats();
    timeout(PATIENCE, stats.wait_for(|stats| stats.depth == 0)).await.expect("in time").unwrap();
    uplink.stop().await;
}
