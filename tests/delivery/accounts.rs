//! Accounts at the centre: three NATS servers with the files of `deploy/centre`. A box speaks for itself and hears what
//! is meant for it, nothing else.

use std::time::Duration;

use moshao_tests::gateway_parts::DIVISION;
use moshao_tests::nats::{self, BOX_PASSWORD, Client, Cluster};
use moshao_tests::skip;
use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Packet, QoS, SubscribeReasonCode};
use tokio::time::timeout;

const OWN: &str = "gw-0001";
const OTHER: &str = "gw-0002";
/// Three servers on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long to wait for an answer that need not come.
const WHILE: Duration = Duration::from_secs(3);

fn connect(port: u16, client_id: &str, password: &str) -> (AsyncClient, EventLoop) {
    let mut options = MqttOptions::new(client_id, "127.0.0.1", port);
    options.set_credentials(format!("{DIVISION}-{OWN}"), password);
    AsyncClient::new(options, 8)
}

/// Polls until `pick` finds what it looks for; broken connections are made anew by rumqttc.
async fn until<T>(event_loop: &mut EventLoop, what: &str, pick: impl Fn(&Packet) -> Option<T>) -> T {
    let found = timeout(PATIENCE, async {
        loop {
            match event_loop.poll().await {
                Ok(Event::Incoming(packet)) => {
                    if let Some(found) = pick(&packet) {
                        return found;
                    }
                }
                Ok(Event::Outgoing(_)) => {}
                Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
            }
        }
    });
    found.await.unwrap_or_else(|_| panic!("waited {PATIENCE:?} in vain: {what}"))
}

/// Publishes from a connection of its own and looks for a while whether the server takes it.
async fn try_to_publish(port: u16, topic: &str, payload: &str) {
    let (client, mut event_loop) = connect(port, "intruder", BOX_PASSWORD);
    client.publish(topic, QoS::AtLeastOnce, false, payload).await.expect("an empty queue");
    until(&mut event_loop, "the publish goes out", |packet| {
        matches!(packet, Packet::ConnAck(_)).then_some(())
    })
    .await;
    // Acknowledged and dropped, or hung up over: either is the server's good right.
    let answered = async { while !matches!(event_loop.poll().await, Ok(Event::Incoming(_)) | Err(_)) {} };
    drop(timeout(WHILE, answered).await);
}

async fn subscribe(port: u16, filter: &str) -> SubscribeReasonCode {
    let (client, mut event_loop) = connect(port, "listener", BOX_PASSWORD);
    client.subscribe(filter, QoS::AtLeastOnce).await.expect("an empty queue");
    until(&mut event_loop, filter, |packet| match packet {
        Packet::SubAck(answer) => answer.return_codes.first().copied(),
        _ => None,
    })
    .await
}

/// Payloads that the centre's consumer holds.
fn archived(port: u16) -> Vec<String> {
    const INBOX: &str = "_INBOX.accounts";
    let mut client = Client::connect(port, INBOX).expect("the server takes the centre");
    let next = "$JS.API.CONSUMER.MSG.NEXT.$MQTT_msgs.ARCHIVE";
    client.publish(next, INBOX, r#"{"batch":10,"expires":3000000000}"#).expect("sent");
    let mut payloads = Vec::new();
    // Without a reply it is a status: there is no more.
    while let Ok(message) = client.receive() {
        let Some(reply) = message.reply else { break };
        client.publish(&reply, "", "+ACK").expect("sent");
        payloads.push(String::from_utf8(message.payload).expect("text"));
    }
    payloads
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_box_speaks_for_itself_and_hears_what_is_meant_for_it() {
    if !nats::is_installed() {
        return skip("needs nats-server");
    }
    let started =
        tokio::task::spawn_blocking(|| Cluster::start(DIVISION, &[OWN.to_owned(), OTHER.to_owned()]));
    let cluster = started.await.expect("three servers start");
    let (port, client_port) = (cluster.mqtt_ports()[0], cluster.client_ports()[1]);
    let event = |gateway: &str| format!("moshao/v1/{DIVISION}/{gateway}/event/fire/1");
    let command = |gateway: &str| format!("moshao/v1/{DIVISION}/{gateway}/command");

    let (_stranger, mut event_loop) = connect(port, "stranger", "guessed");
    let answer = timeout(PATIENCE, event_loop.poll()).await.expect("an answer");
    assert!(answer.is_err(), "let in with a wrong password: {answer:?}");

    try_to_publish(port, &event(OTHER), "in the name of another").await;
    try_to_publish(port, "$JS/API/STREAM/DELETE/$MQTT_msgs", "").await;
    try_to_publish(port, "$JS/API/CONSUMER/DELETE/$MQTT_msgs/ARCHIVE", "").await;
    let (client, mut event_loop) = connect(port, OWN, BOX_PASSWORD);
    client.publish(event(OWN), QoS::AtLeastOnce, false, "in its own name").await.expect("an empty queue");
    until(&mut event_loop, "PUBACK", |packet| matches!(packet, Packet::PubAck(_)).then_some(())).await;
    let kept = tokio::task::spawn_blocking(move || archived(client_port)).await.expect("the archive answers");
    assert_eq!(kept, ["in its own name"], "nothing foreign, and the archive is still there");

    let granted = SubscribeReasonCode::Success(QoS::AtLeastOnce);
    assert_eq!(subscribe(port, &command(OWN)).await, granted);
    for foreign in [&command(OTHER), "moshao/v1/#", "$JS/API/#"] {
        assert_eq!(subscribe(port, foreign).await, SubscribeReasonCode::Failure, "{foreign}");
    }
}
