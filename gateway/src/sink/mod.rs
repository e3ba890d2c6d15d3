//! Sinks: where events go besides the centre's broker. An HTTP webhook for programs, group robots for people.
//!
//! ```text
//! outbox ─▶ driver ─▶ webhook: one signed CloudEvent a request      ─▶ post (a thread with an HTTP client)
//!                 └─▶ robot: a message in Chinese about several ones ─┘
//! ```
//!
//! # The promise
//! Each sink has its own place in the outbox (`outbox::sinks`), which moves on only when the sink has taken a request
//! (at least once, in order of the class, alarms first) or when an event is given up visibly:
//!
//! - *refused*: the server said three times that it will not have this one ([`answer::Verdict::Refused`]);
//! - *missed*: more events waited than `backlog` allows, or the disk's quota was needed for the centre. The next request
//!   that gets through tells their number.
//!
//! Both are counted (`moshao_sink_events_total`, `moshao_sink_missed_total`) and told to the centre by an event of code
//! `SINK_REFUSED` or `SINK_DOWN`; a sink that has been failing for five minutes is told too. Events about sinks go to the
//! centre alone: a sink that hears of its own failures would make more of them.
//!
//! A sink that is down costs a bounded number of rows in the outbox, and nothing else: the centre and the other sinks
//! have their own readers, and an event that the centre lacks is never given up for one that a sink lacks.

pub mod answer;
mod driver;
mod post;
pub mod robot;
mod trouble;
pub mod webhook;

use std::sync::Arc;

use moshao_config::{Config, Sink};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;
use crate::outbox::{OutboxHandle, Site, Subscription};

/// Which events each sink wants.
pub fn subscriptions(sinks: &[Sink]) -> Vec<Subscription> {
    let subscription = |sink: &Sink| Subscription {
        sink: sink.id.clone(),
        categories: sink.categories.clone(),
        level: sink.level,
        backlog: sink.backlog,
    };
    sinks.iter().map(subscription).collect()
}

/// Starts one task for each sink. They end with `stop`; a request on its way is not waited for and comes again.
pub fn start(
    config: &Config,
    metrics: &Arc<Metrics>,
    outbox: &OutboxHandle,
    stop: &CancellationToken,
) -> Vec<JoinHandle<()>> {
    let start = |sink: &Sink| {
        let settings =
            driver::Settings { sink: sink.clone(), site: Site::of(config), metrics: metrics.clone() };
        tokio::spawn(driver::run(settings, outbox.clone(), stop.clone()))
    };
    config.sinks.iter().map(start).collect()
}
