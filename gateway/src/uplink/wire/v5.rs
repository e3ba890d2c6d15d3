//! MQTT 5: PUBACKs and DISCONNECTs with reasons, limits of the broker, and properties where they help.
//!
//! Events carry their content type, by which a receiver knows a CloudEvent (CloudEvents 1.0, MQTT binding, structured
//! mode); health expires, so that a box that has gone does not seem well for ever. A user property says how a batch is
//! compressed. Topic aliases would save little and are not used.

use moshao_config::Broker;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{
    ConnectReturnCode, DisconnectReasonCode, LastWill, LastWillProperties, Packet, PubAckReason,
    PublishProperties,
};
use rumqttc::v5::{AsyncClient, ConnectionError, Event, EventLoop, MqttOptions, StateError};
use rumqttc::{Outgoing, Transport};
use tokio::sync::mpsc;

use super::super::refusal::Refusal;
use super::{Ack, Broken, Kind, Limits, Message, Room, Signal, Will, is_hang_up};
use crate::batch::ZSTD;
use crate::mqtt::{self, CONNECT_LIMIT, MAX_PACKET_BYTES, TlsError};

/// Content type of a CloudEvent in structured mode.
const CLOUD_EVENT: &str = "application/cloudevents+json; charset=utf-8";
/// Content type of a batch of them, which is compressed besides.
const BATCH: &str = "application/cloudevents-batch+json";
/// User property that says how the content is compressed, as the header of HTTP of this name.
const CONTENT_ENCODING: &str = "content-encoding";
/// Content type of everything else.
const JSON: &str = "application/json";
/// MQTT 5 §3.3.2.3.2: the payload is UTF-8.
const UTF_8: u8 = 1;

pub(super) fn open(broker: &Broker, will: Will, room: Room) -> Result<(AsyncClient, EventLoop), TlsError> {
    let mut options = MqttOptions::new(broker.client_id.clone(), mqtt::host(broker), broker.port);
    options.set_keep_alive(broker.keep_alive);
    options.set_clean_start(true);
    options.set_max_packet_size(Some(MAX_PACKET_BYTES as u32));
    options.set_outgoing_inflight_upper_limit(room.packet_ids);
    options.set_connection_timeout(CONNECT_LIMIT.as_secs());
    options.set_network_options(mqtt::network());
    if let Some((user, password)) = mqtt::login(broker)? {
        options.set_credentials(user, password);
    }
    if let Some(tls) = mqtt::tls(broker)? {
        options.set_transport(Transport::tls_with_config(tls));
    }
    let properties = LastWillProperties {
        delay_interval: None,
        payload_format_indicator: Some(UTF_8),
        message_expiry_interval: None,
        content_type: Some(JSON.to_owned()),
        response_topic: None,
        correlation_data: None,
        user_properties: Vec::new(),
    };
    options.set_last_will(LastWill::new(will.topic, will.body, QoS::AtLeastOnce, true, Some(properties)));
    Ok(AsyncClient::new(options, room.requests))
}

pub(super) fn publish(client: &AsyncClient, message: Message) -> Result<(), String> {
    let Message { topic, body, kind } = message;
    let (content_type, expires_s) = match kind {
        Kind::Event => (CLOUD_EVENT, None),
        Kind::Batch => (BATCH, None),
        Kind::State => (JSON, None),
        Kind::Health(after) | Kind::Changes(after) => {
            (JSON, Some(u32::try_from(after.as_secs()).unwrap_or(u32::MAX)))
        }
    };
    let properties = PublishProperties {
        payload_format_indicator: (kind != Kind::Batch).then_some(UTF_8),
        message_expiry_interval: expires_s,
        content_type: Some(content_type.to_owned()),
        user_properties: match kind {
            Kind::Batch => vec![(CONTENT_ENCODING.to_owned(), ZSTD.to_owned())],
            _ => Vec::new(),
        },
        ..PublishProperties::default()
    };
    client
        .try_publish_with_properties(topic, QoS::AtLeastOnce, kind.is_retained(), body, properties)
        .map_err(|error| error.to_string())
}

/// Polls until the first error.
pub(super) async fn poll(
    mut event_loop: EventLoop,
    broker: Broker,
    signals: mpsc::Sender<Result<Signal, Broken>>,
) {
    loop {
        let polled = event_loop.poll().await;
        let told = polled.map(|event| signal(&event)).map_err(|error| broken(&broker, &error));
        let ended = told.is_err();
        if signals.send(told).await.is_err() || ended {
            return;
        }
    }
}

fn signal(event: &Event) -> Signal {
    match event {
        Event::Incoming(Packet::ConnAck(ack)) => {
            let properties = ack.properties.as_ref();
            Signal::Connected(Limits {
                receive_maximum: properties.and_then(|properties| properties.receive_max),
                largest_packet: properties.and_then(|properties| properties.max_packet_size),
            })
        }
        Event::Incoming(Packet::PubAck(ack)) => {
            Signal::Acknowledged { packet: ack.pkid, answer: answer(ack.reason) }
        }
        Event::Outgoing(Outgoing::Publish(packet)) => Signal::Sent(*packet),
        Event::Incoming(_) => Signal::Heard,
        Event::Outgoing(_) => Signal::Spoke,
    }
}

/// MQTT 5 §3.4.2.1.
fn answer(reason: PubAckReason) -> Ack {
    match reason {
        PubAckReason::Success => Ack::Taken,
        PubAckReason::NoMatchingSubscribers => Ack::Unheard,
        PubAckReason::UnspecifiedError => Ack::Refused(Refusal::Unspecified),
        PubAckReason::ImplementationSpecificError => Ack::Refused(Refusal::Implementation),
        PubAckReason::NotAuthorized => Ack::Refused(Refusal::NotAuthorized),
        PubAckReason::TopicNameInvalid => Ack::Refused(Refusal::TopicName),
        PubAckReason::PacketIdentifierInUse => Ack::Refused(Refusal::PacketId),
        PubAckReason::QuotaExceeded => Ack::Refused(Refusal::Quota),
        PubAckReason::PayloadFormatInvalid => Ack::Refused(Refusal::Payload),
    }
}

/// What went wrong, and what to do.
fn broken(broker: &Broker, error: &ConnectionError) -> Broken {
    let address = mqtt::address(broker);
    let (reason, by_broker) = match error {
        ConnectionError::Io(error) => (mqtt::explain_io(&address, error), is_hang_up(error.kind())),
        ConnectionError::MqttState(StateError::Io(error)) => {
            (format!("{address}: the connection broke: {error}"), is_hang_up(error.kind()))
        }
        ConnectionError::MqttState(StateError::ConnectionAborted) => {
            (format!("{address}: the broker has ended the connection"), true)
        }
        ConnectionError::MqttState(StateError::ServerDisconnect { reason_code, reason_string }) => {
            let said = reason_string.as_deref().map(|said| format!(" ({said})")).unwrap_or_default();
            let reason =
                format!("{address} has ended the connection: {reason_code:?}{said}{}", advice(*reason_code));
            (reason, true)
        }
        ConnectionError::ConnectionRefused(code) => (format!("{address} {}", refusal(*code)), false),
        ConnectionError::Timeout(_) => (mqtt::explain_silence(&address), false),
        ConnectionError::Tls(error) => (mqtt::explain_tls(&address, error), false),
        ConnectionError::NotConnAck(_) => (format!("{address} does not speak MQTT 5"), false),
        ConnectionError::MqttState(StateError::Deserialization(error)) => (
            format!(
                "{address} sends what is no MQTT 5 ({error}); if it knows 3.1.1 only, set protocol = \"3.1.1\""
            ),
            false,
        ),
        other => (format!("{address}: the connection broke: {other}"), false),
    };
    Broken { reason, by_broker }
}

fn advice(reason: DisconnectReasonCode) -> &'static str {
    match reason {
        DisconnectReasonCode::SessionTakenOver => "; somebody else uses the same client id",
        DisconnectReasonCode::NotAuthorized => "; check its access list",
        _ => "",
    }
}

fn refusal(code: ConnectReturnCode) -> String {
    match code {
        ConnectReturnCode::UnsupportedProtocolVersion | ConnectReturnCode::RefusedProtocolVersion => {
            "does not speak MQTT 5; set protocol = \"3.1.1\" in [uplink]".to_owned()
        }
        ConnectReturnCode::BadUserNamePassword => "refuses the user name or password".to_owned(),
        ConnectReturnCode::NotAuthorized => {
            "does not let this client in; check user, password and its access list".to_owned()
        }
        ConnectReturnCode::ClientIdentifierNotValid | ConnectReturnCode::BadClientId => {
            "refuses the client id".to_owned()
        }
        ConnectReturnCode::ServerUnavailable
        | ConnectReturnCode::ServerBusy
        | ConnectReturnCode::ServiceUnavailable => "is not available now".to_owned(),
        other => format!("refuses the connection: {other:?}"),
    }
}
