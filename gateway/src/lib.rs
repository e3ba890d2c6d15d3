//! The Moshao gateway: camera pictures and sensor messages in, events out.
//!
//! Read [`app`] first: it builds the parent process in the order in which data flows. [`worker`] is the other kind of
//! process, the camera worker, from access unit to observation. Everything that depends on time is a pure function of
//! `(now, input)` ([`rules`], [`incident`]); thin drivers own the timers and the channels.

pub mod app;
pub mod backoff;
pub mod batch;
pub mod budget;
pub mod camera;
pub mod cli;
pub mod clock;
pub mod desk;
pub mod disposition;
pub mod downlink;
pub mod event;
pub mod evidence;
pub mod health;
pub mod heartbeat;
pub mod http;
pub mod incident;
pub mod judge;
pub mod language;
pub mod live;
pub mod logging;
pub mod machine;
pub mod metrics;
pub mod mqtt;
pub mod onboard;
pub mod outbox;
pub mod overload;
pub mod page;
pub mod presence;
pub mod quality;
pub mod rehearsal;
pub mod rules;
pub mod sensor;
pub mod sim;
pub mod sink;
pub mod subscriber;
pub mod supervise;
pub mod test_mode;
pub mod topics;
pub mod uplink;
pub mod worker;
