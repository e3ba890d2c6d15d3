//! The table of the gate, and what stands behind a row.

use moshao_tests::compose::truth::Truth;

use super::Row;
use super::matching::Compared;
use super::replay::Played;
use crate::report::{line, progress};

/// What a row rests on, for whoever looks for the cause of a figure.
pub(crate) fn explain(name: &str, truth: &Truth, compared: &Compared, with: &Played) {
    let moments = |at_s: &[f64]| at_s.iter().map(|s| format!(" {s:.1}")).collect::<String>();
    let begins: Vec<f64> = truth.happenings.iter().map(|happening| happening.from_s).collect();
    let wakes: String =
        with.wakes.iter().map(|wake| format!(" {:.1} ({})", wake.at_s, wake.reason)).collect();
    progress(&format!("{name}: happenings at{}; wakes at{wakes}", moments(&begins)));
    if !compared.missed_at_s.is_empty() {
        progress(&format!("{name}: missed tracks that began at{}", moments(&compared.missed_at_s)));
    }
}

/// One row a composition, and one for all.
pub(crate) fn print(rows: &[Row]) {
    line(
        "\n| composition | incidents found with the gate | distinct tracks | pictures of these tracks | wake latency p50, p99 | quiet part: awake, wakes per hour | CPU seconds per second: gate, without, ratio |",
    );
    line("|---|---|---|---|---|---|---|");
    let mut all = Compared::default();
    let (mut length_s, mut with_s, mut without_s) = (0.0, 0.0, 0.0);
    for row in rows {
        print_row(&row.name, &row.compared, row.length_s, row.cpu_with_s, row.cpu_without_s);
        all.add(&row.compared);
        length_s += row.length_s;
        with_s += row.cpu_with_s;
        without_s += row.cpu_without_s;
    }
    print_row("**all**", &all, length_s, with_s, without_s);
    let late = rows.iter().flat_map(|row| {
        let limit_s = f64::from(row.key_frame_every_s) + 0.5;
        row.compared.wake_latencies_s.iter().filter(move |latency_s| **latency_s > limit_s)
    });
    line(&format!(
        "\nAgainst the same composition with every picture decoded. Wakes later than a key-frame interval and 0.5 s: {} of {}.",
        late.count(),
        all.wake_latencies_s.len()
    ));
}

fn print_row(name: &str, compared: &Compared, length_s: f64, with_s: f64, without_s: f64) {
    let quiet_s = compared.quiet_s.max(f64::MIN_POSITIVE);
    line(&format!(
        "| {name} | {} of {} | {} of {} | {:.1} % | {}, {} | {:.1} %, {:.0} | {:.4}, {:.4}, 1/{:.1} |",
        compared.incidents_found,
        compared.incidents,
        compared.tracks_found,
        compared.tracks,
        compared.coverage * 100.0,
        quantile(&compared.wake_latencies_s, 0.5),
        quantile(&compared.wake_latencies_s, 0.99),
        compared.awake_on_quiet_s / quiet_s * 100.0,
        compared.wakes_on_quiet as f64 / quiet_s * 3600.0,
        with_s / length_s,
        without_s / length_s,
        without_s / with_s.max(f64::MIN_POSITIVE),
    ));
}

/// The smallest value that this share of all does not exceed.
fn quantile(values_s: &[f64], share: f64) -> String {
    let mut sorted = values_s.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).map_or("—".to_owned(), |value_s| format!("{value_s:.2} s"))
}

// === impl Compared ===

impl Compared {
    /// Another composition.
    fn add(&mut self, other: &Compared) {
        let weight = |tracks: usize, coverage: f64| tracks as f64 * coverage;
        let covered = weight(self.tracks, self.coverage) + weight(other.tracks, other.coverage);
        self.incidents += other.incidents;
        self.incidents_found += other.incidents_found;
        self.tracks += other.tracks;
        self.tracks_found += other.tracks_found;
        self.coverage = covered / self.tracks.max(1) as f64;
        self.wake_latencies_s.extend(&other.wake_latencies_s);
        self.quiet_s += other.quiet_s;
        self.awake_on_quiet_s += other.awake_on_quiet_s;
        self.wakes_on_quiet += other.wakes_on_quiet;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_were_measured() {
        let values = [3.0, 1.0, 2.0, 4.0];
        assert_eq!(quantile(&values, 0.5), "2.00 s");
        assert_eq!(quantile(&values, 0.99), "4.00 s");
        assert_eq!(quantile(&[], 0.5), "—");
    }
}
