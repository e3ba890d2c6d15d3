//! Many gateways that are not there: each with a connection, topics, state, health and events of its own, so that a
//! centre's broker can be tried at its full size.
//!
//! ```text
//! Plan ─▶ conductor (one clock for all) ─▶ Member (one task a gateway): queue ─▶ MQTT, QoS 1
//!                                                    └─▶ Tally ─▶ Summary
//! ```
//! What is made when is a pure function of the [`Plan`]. A [`member`] keeps an event until its PUBACK and sends it again
//! after a broken connection, as a real gateway does; it keeps it in memory only, so it loses it when it ends.

mod member;
mod plan;
mod story;
mod tally;

use std::sync::Arc;
use std::time::Duration;

use moshao_config::Broker;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use self::member::Member;
pub use self::plan::{Burst, Plan};
use self::tally::Tally;
pub use self::tally::{Latencies, Summary};

/// Gateways that begin to connect in a second: a thousand at once would be turned away by the system, not the broker.
const CONNECTS_PER_SECOND: u32 = 200;
/// How long the fleet waits until all are connected before it begins all the same.
const ASSEMBLY: Duration = Duration::from_secs(60);
/// How finely the conductor's clock ticks.
const TICK: Duration = Duration::from_millis(10);
/// Events that wait in one gateway for its connection; what comes then is counted as overflowed.
const QUEUE: usize = 4096;
/// Between two lines of progress.
const PROGRESS: Duration = Duration::from_secs(10);

/// A fleet and what it does.
#[derive(Debug)]
pub struct Fleet {
    /// How many gateways, and what they tell when.
    pub plan: Plan,
    /// The centre's brokers, for the first gateway. A gateway begins with one of them and goes to the next when its
    /// connection breaks. `{division}` and `{gateway}` in the user name stand for the gateway's own.
    pub brokers: Vec<Broker>,
    /// 12-digit code of the division that all belong to.
    pub division: String,
    /// What the ids of the gateways begin with; a number follows.
    pub prefix: String,
    /// How long the fleet waits at the end for the last PUBACKs.
    pub patience: Duration,
}

// === impl Fleet ===

impl Fleet {
    /// Runs the plan to its end or until `stop`, waits for the last PUBACKs, and says how it went.
    pub async fn run(self, stop: CancellationToken) -> Summary {
        let tally = Arc::new(Tally::default());
        let over = CancellationToken::new();
        let mut members = JoinSet::new();
        let mut queues = Vec::new();
        for number in 0..self.plan.gateways {
            let (queue, orders) = mpsc::channel(QUEUE);
            queues.push(queue);
            let member = Member::new(&self, number, tally.clone());
            let wait = Duration::from_secs(1) * number / CONNECTS_PER_SECOND;
            let over = over.clone();
            members.spawn(async move {
                sleep(wait).await;
                member.run(orders, over).await;
            });
        }
        tokio::select! {
            () = assemble(&tally, self.plan.gateways) => {}
            () = stop.cancelled() => {}
        }
        let begin = Instant::now();
        if tally.connected() > 0 {
            self.conduct(&queues, &tally, &stop).await;
        }
        let took = begin.elapsed();
        // Members end when their queue is closed and empty.
        drop(queues);
        let all = async { while members.join_next().await.is_some() {} };
        if timeout(self.patience, all).await.is_err() {
            over.cancel();
            while members.join_next().await.is_some() {}
        }
        tally.summary(self.plan.gateways, took)
    }

    /// Hands out what is due, tick by tick.
    async fn conduct(&self, queues: &[mpsc::Sender<Instant>], tally: &Tally, stop: &CancellationToken) {
        let begin = Instant::now();
        let mut tick = interval(TICK);
        let mut done = Duration::ZERO;
        let mut told = Duration::ZERO;
        while !self.plan.is_over(done) {
            tokio::select! {
                now = tick.tick() => {
                    let until = now.duration_since(begin).max(done);
                    for gateway in self.plan.due(done, until) {
                        // Bounded: a gateway whose link is down for long gives up what does not fit, and it is counted.
                        match queues[gateway as usize].try_send(now) {
                            Ok(()) => tally.made(),
                            Err(_) => tally.overflowed(),
                        }
                    }
                    done = until;
                }
                () = stop.cancelled() => return,
            }
            if done >= told + PROGRESS {
                told = done;
                tally.log_progress();
            }
        }
    }
}

async fn assemble(tally: &Tally, gateways: u32) {
    let connected = async {
        while tally.connected() < u64::from(gateways) {
            sleep(TICK).await;
        }
    };
    if timeout(ASSEMBLY, connected).await.is_err() {
        tracing::warn!(
            connected = tally.connected(),
            gateways,
            "not all gateways are connected; the fleet begins all the same"
        );
    }
}
