//! `moshao simulate fleet`: many gateways at one centre.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{Failure, Outcome, fault, runtime, say};
use crate::cli::broker_url;
use crate::sim::fleet::{Burst, Fleet, Plan};

/// Files that this process needs besides one connection a gateway.
const OTHER_FILES: u64 = 64;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  moshao simulate fleet --url mqtt://127.0.0.1
  moshao simulate fleet --url mqtt://127.0.0.1 --gateways 2000 --rate 1000 --length 5m --burst 5@60s
  moshao simulate fleet --url 'mqtt://{division}-{gateway}:secret@centre-1' --url mqtt://centre-2 --json | jq .latency_p99_ms

Each gateway has a connection of its own, publishes its state, its health each minute and its events with QoS 1, keeps an
event until its PUBACK, and goes to the next broker when its connection breaks. {division} and {gateway} in the user name
stand for the gateway's own; user and password of the first --url hold for all. The password may come from
MOSHAO_MQTT_PASSWORD. Exit code 1 says that a gateway was never connected or an event never acknowledged.")]
pub(super) struct Arguments {
    /// Broker: mqtt://HOST:PORT or mqtts://HOST:PORT; several are shared by the gateways
    #[arg(long = "url", value_name = "URL", required = true)]
    urls: Vec<Url>,
    /// How many gateways
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=50_000))]
    gateways: u32,
    /// Events a second of the whole fleet
    #[arg(long, value_name = "EVENTS", default_value_t = 100.0, value_parser = rate)]
    rate: f64,
    /// Each gateway makes so many events at once at this time, such as 20@30s; can be given several times
    #[arg(long = "burst", value_name = "EVENTS@TIME")]
    bursts: Vec<Burst>,
    /// For how long events are made; 0s for until Ctrl-C
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = fault::time)]
    length: Duration,
    /// How long to wait for the last PUBACKs
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = fault::time)]
    patience: Duration,
    /// Division code of all gateways
    #[arg(long, value_name = "CODE", default_value = "510104001001", value_parser = division)]
    division: String,
    /// What the ids of the gateways begin with
    #[arg(long, value_name = "TEXT", default_value = "fleet-")]
    prefix: String,
    /// PEM file of the CA that signed the brokers' certificates; the system's where absent
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// The summary as one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(super) fn run(arguments: Arguments) -> Outcome {
    let brokers = brokers(&arguments)?;
    room_for(u64::from(arguments.gateways))?;
    let plan = Plan {
        gateways: arguments.gateways,
        rate: arguments.rate,
        length: (!arguments.length.is_zero()).then_some(arguments.length),
        bursts: arguments.bursts,
    };
    let fleet = Fleet {
        plan,
        brokers,
        division: arguments.division,
        prefix: arguments.prefix,
        patience: arguments.patience,
    };
    let summary = runtime()?.block_on(async {
        let stop = CancellationToken::new();
        let asked = stop.clone();
        tokio::spawn(async move {
            // Where Ctrl-C cannot be heard the plan's own end ends it.
            if tokio::signal::ctrl_c().await.is_ok() {
                asked.cancel();
            }
        });
        fleet.run(stop).await
    });
    if arguments.json {
        say(&serde_json::to_string(&summary).expect("a summary has only string keys and numbers"));
    } else {
        say(&summary.to_string());
    }
    if summary.is_good() {
        Ok(())
    } else {
        Err(Failure::failed(format!(
            "{} of {} gateways were connected, {} of {} events were not acknowledged; {}",
            summary.connected,
            summary.gateways,
            summary.unacknowledged + summary.overflowed,
            summary.made + summary.overflowed,
            "see whether the brokers take so many connections and events, or give them more --patience"
        )))
    }
}

/// All brokers have the login of the first one.
fn brokers(arguments: &Arguments) -> Result<Vec<moshao_config::Broker>, Failure> {
    let mut brokers = Vec::new();
    for url in &arguments.urls {
        brokers.push(broker_url::broker(url, arguments.ca_file.clone(), String::new())?);
    }
    let (username, password) = (brokers[0].username.clone(), brokers[0].password.clone());
    for broker in &mut brokers {
        (broker.username, broker.password) = (username.clone(), password.clone());
    }
    Ok(brokers)
}

/// Raises the limit of open files as far as it goes.
fn room_for(gateways: u64) -> Outcome {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).map_err(Failure::failed)?;
    let wanted = gateways + OTHER_FILES;
    if wanted > most {
        return Err(Failure::failed(format!(
            "{gateways} gateways need {wanted} open files, and this process may open {most}; \
             raise the limit with 'ulimit -n {wanted}' or take fewer --gateways"
        )));
    }
    setrlimit(Resource::RLIMIT_NOFILE, most, most).map_err(Failure::failed)
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if (0.0..=1e6).contains(&rate) => Ok(rate),
        _ => Err(format!("'{text}' is no rate; write events a second, 0 to 1000000")),
    }
}

fn division(text: &str) -> Result<String, String> {
    if text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(text.to_owned())
    } else {
        Err(format!("'{text}' is no division code; it has 12 digits, such as 510104001001"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_and_divisions_say_what_they_want() {
        assert_eq!(rate("0.5"), Ok(0.5));
        assert!(rate("-1").unwrap_err().contains("events a second"));
        assert!(rate("NaN").is_err());
        assert!(division("5101").unwrap_err().contains("12 digits"));
        assert_eq!(division("510104001001").unwrap(), "510104001001");
    }
}
