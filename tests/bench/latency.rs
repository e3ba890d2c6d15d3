//! From a picture or a reading to the PUBACK: read off the gateway's own histogram, as Prometheus would.

use std::time::Duration;

use moshao_tests::broker::Broker;
use moshao_tests::gateway::Gateway;
use moshao_tests::wait::eventually;

/// Samples below each upper bound, in rising order; the last bound is infinite.
#[derive(Debug, Clone, Default)]
pub(crate) struct Histogram {
    /// (upper bound in seconds, samples at or below it).
    buckets: Vec<(f64, u64)>,
}

// === impl Histogram ===

impl Histogram {
    /// `moshao_source_to_puback_seconds` of one source, out of a scrape.
    pub(crate) fn scraped(metrics: &str, source: &str) -> Self {
        let label = format!("source=\"{source}\"");
        let buckets = metrics
            .lines()
            .filter(|line| {
                line.starts_with("moshao_source_to_puback_seconds_bucket") && line.contains(&label)
            })
            .filter_map(|line| {
                let (series, count) = line.rsplit_once(' ')?;
                let bound = series.split_once("le=\"")?.1.split_once('"')?.0;
                Some((bound.replace("+Inf", "inf").parse().ok()?, count.parse().ok()?))
            })
            .collect();
        Self { buckets }
    }

    /// Number of samples.
    pub(crate) fn count(&self) -> u64 {
        self.buckets.last().map_or(0, |bucket| bucket.1)
    }

    /// The quantile in seconds, interpolated within its bucket like Prometheus' `histogram_quantile`. `None` without
    /// samples, or above the last finite bound.
    pub(crate) fn quantile(&self, share: f64) -> Option<f64> {
        let rank = share * self.count() as f64;
        let index = self.buckets.iter().position(|&(_, count)| count > 0 && count as f64 >= rank)?;
        let (upper, count) = self.buckets[index];
        let (lower, below) = if index == 0 { (0.0, 0) } else { self.buckets[index - 1] };
        let within = (rank - below as f64) / (count - below) as f64;
        upper.is_finite().then_some(lower + (upper - lower) * within)
    }
}

/// Lets `alarms` smoke detectors alarm, ten a second, and returns how long each took to the PUBACK.
pub(crate) fn of_readings(broker: &Broker, alarms: usize) -> Histogram {
    let site = Broker::start();
    let gateway = Gateway::start(&format!(
        "[uplink]\nurl = \"{}\"\n[sensors]\nurl = \"{}\"\n\
         [sensor.smoke]\ntopic = \"site/{{room}}/smoke\"\nvalue = \"/smoke\"\nkind = \"smoke\"\nwatches = [\"smoke\"]\n\
         [rule.smoke]\nstate = {{ is = true }}\nlevel = 1\n",
        broker.url(),
        site.url()
    ));
    let patience = Duration::from_secs(30);
    eventually("the gateway is connected to both brokers", patience, || {
        let up = gateway.metric("moshao_sensor_broker_up", &[]) + gateway.metric("moshao_uplink_up", &[]);
        (up == 2.0).then_some(())
    });
    for room in 0..alarms {
        site.publish(&format!("site/{room}/smoke"), "{\"smoke\": true}");
        std::thread::sleep(Duration::from_millis(100));
    }
    eventually("every alarm is acknowledged", patience, || {
        let histogram = Histogram::scraped(&gateway.metrics(), "reading");
        (histogram.count() >= alarms as u64).then_some(histogram)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_interpolated_within_their_bucket() {
        let metrics = "moshao_source_to_puback_seconds_bucket{source=\"reading\",le=\"0.1\"} 50\n\
                       moshao_source_to_puback_seconds_bucket{source=\"reading\",le=\"0.2\"} 100\n\
                       moshao_source_to_puback_seconds_bucket{source=\"reading\",le=\"+Inf\"} 100\n\
                       moshao_source_to_puback_seconds_bucket{source=\"picture\",le=\"+Inf\"} 7\n";
        let histogram = Histogram::scraped(metrics, "reading");
        assert_eq!(histogram.count(), 100);
        assert_eq!(histogram.quantile(0.5), Some(0.1));
        assert!(histogram.quantile(0.99).is_some_and(|q| (q - 0.198).abs() < 1e-9));
        assert_eq!(Histogram::scraped(metrics, "picture").quantile(0.5), None, "above the last finite bound");
        assert_eq!(Histogram::default().quantile(0.5), None);
    }
}
