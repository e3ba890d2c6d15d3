//! The gateway and its brokers: readings in, events out, against real mosquitto and a broker that misbehaves by script;
//! and what the outbox keeps when its process is killed.

mod downlink;
mod encrypted;
mod failover;
mod fleet;
mod hostile_broker;
mod killed;
mod people;
mod real_broker;
mod sensors;
