//! The centre's ear: a subscriber with a persistent session on a real broker, which feeds [`Arrivals`].

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rumqttc::{Client, Event, MqttOptions, Packet, QoS, SubscribeFilter};

use crate::verdict::Arrivals;

const EVENTS: [&str; 2] = ["moshao/v1/+/+/event/#", "moshao/v1/+/+/batch"];

/// A running subscriber; it listens in a thread of its own until the program ends.
#[derive(Debug, Clone)]
pub(crate) struct Centre(Arc<Mutex<Arrivals>>);

// === impl Centre ===

impl Centre {
    /// Subscribes at a broker on this port of loopback; returns when the subscription stands.
    pub(crate) fn listen(port: u16) -> Self {
        let mut options = MqttOptions::new("centre", "127.0.0.1", port);
        options.set_clean_session(false);
        options.set_max_packet_size(1 << 20, 1 << 20);
        options.set_inflight(1000);
        let (client, mut connection) = Client::new(options, 16);
        let arrivals = Arc::new(Mutex::new(Arrivals::default()));
        let ear = Arc::clone(&arrivals);
        let (tell, subscribed) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for packet in connection.iter() {
                match packet {
                    Ok(Event::Incoming(Packet::ConnAck(_))) => {
                        let filters =
                            EVENTS.map(|filter| SubscribeFilter::new(filter.to_owned(), QoS::AtLeastOnce));
                        client.try_subscribe_many(filters).expect("an empty queue");
                    }
                    Ok(Event::Incoming(Packet::SubAck(_))) => drop(tell.send(())),
                    Ok(Event::Incoming(Packet::Publish(publish))) => {
                        ear.lock().expect("no holder panics").take_message(&publish.topic, &publish.payload);
                    }
                    Ok(_) => {}
                    Err(_) => std::thread::sleep(Duration::from_millis(100)),
                }
            }
        });
        subscribed.recv_timeout(Duration::from_secs(30)).expect("the centre subscribes within 30 s");
        Self(arrivals)
    }

    /// What has arrived so far.
    pub(crate) fn with<T>(&self, look: impl FnOnce(&Arrivals) -> T) -> T {
        look(&self.0.lock().expect("no holder panics"))
    }

    /// The gateway has died, and all that it had sent has come.
    pub(crate) fn gateway_died(&self) {
        self.0.lock().expect("no holder panics").died();
    }
}
