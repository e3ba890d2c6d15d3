//! From the outbox to the centre: real mosquitto, and a broker that misbehaves by script.

mod hostile_broker;
mod real_broker;
