//! MQTT 3.1.1: it knows no reasons; every PUBACK means that the broker has the message.

use moshao_config::Broker;
use rumqttc::{AsyncClient, ConnectionError, Event, EventLoop, LastWill, Outgoing, Packet, QoS, StateError};
use tokio::sync::mpsc;

use super::{Ack, Broken, Limits, Message, Room, Signal, Will, is_hang_up};
use crate::mqtt::{self, TlsError};

pub(super) fn open(broker: &Broker, will: Will, room: Room) -> Result<(AsyncClient, EventLoop), TlsError> {
    let mut options = mqtt::options(broker)?;
    options.set_clean_session(true);
    options.set_inflight(room.packet_ids);
    options.set_last_will(LastWill::new(will.topic, will.body, QoS::AtLeastOnce, true));
    Ok(mqtt::client(options, room.requests))
}

pub(super) fn publish(client: &AsyncClient, message: Message) -> Result<(), String> {
    let Message { topic, body, kind } = message;
    client.try_publish(topic, QoS::AtLeastOnce, kind.is_retained(), body).map_err(|error| error.to_string())
}

/// Polls until the first error.
pub(super) async fn poll(
    mut event_loop: EventLoop,
    broker: Broker,
    signals: mpsc::Sender<Result<Signal, Broken>>,
) {
    loop {
        let polled = event_loop.poll().await;
        let told = polled.map(|event| signal(&event)).map_err(|error| Broken {
            reason: mqtt::explain(&broker, &error),
            by_broker: is_by_broker(&error),
        });
        let broken = told.is_err();
        if signals.send(told).await.is_err() || broken {
            return;
        }
    }
}

fn signal(event: &Event) -> Signal {
    match event {
        Event::Incoming(Packet::ConnAck(_)) => Signal::Connected(Limits::default()),
        Event::Incoming(Packet::PubAck(ack)) => Signal::Acknowledged { packet: ack.pkid, answer: Ack::Taken },
        Event::Outgoing(Outgoing::Publish(packet)) => Signal::Sent(*packet),
        Event::Incoming(_) => Signal::Heard,
        Event::Outgoing(_) => Signal::Spoke,
    }
}

fn is_by_broker(error: &ConnectionError) -> bool {
    match error {
        ConnectionError::Io(error) | ConnectionError::MqttState(StateError::Io(error)) => {
            is_hang_up(error.kind())
        }
        ConnectionError::MqttState(StateError::ConnectionAborted) => true,
        _ => false,
    }
}
