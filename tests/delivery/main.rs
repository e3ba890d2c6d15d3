//! The gateway and its brokers: readings in, events out, against real mosquitto and a broker that misbehaves by script;
//! what the outbox keeps when its process is killed; and the sinks beside the broker.

mod accounts;
mod downlink;
mod encrypted;
mod failover;
mod fleet;
mod hostile_broker;
mod killed;
mod people;
mod real_broker;
mod refusals;
mod sensors;
mod sinks;
