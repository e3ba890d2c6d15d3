//! The table of the gate, and what stands behind a row.

use std::collections::BTreeMap;

use moshao::camera::gate::KEY_INTERVAL_MAX;
use moshao_tests::compose::truth::Truth;

use super::Row;
use super::matching::Compared;
use super::replay::Played;
use crate::report::{line, machine, progress};

/// What a row rests on, for whoever looks for the cause of a figure.
pub(crate) fn explain(name: &str, truth: &Truth, compared: &Compared, with: &Played) {
    let moments = |at_s: &[f64]| at_s.iter().map(|s| format!(" {s:.1}")).collect::<String>();
    let happenings: String =
        truth.happenings.iter().map(|h| format!(" {:.1}-{:.1}", h.from_s, h.to_s)).collect();
    let wakes: String =
        with.wakes.iter().map(|wake| format!(" {:.1} ({})", wake.at_s, wake.reason)).collect();
    progress(&format!("{name}: happenings at{happenings}; wakes at{wakes}"));
    if !compared.missed_at_s.is_empty() {
        progress(&format!("{name}: missed tracks that began at{}", moments(&compared.missed_at_s)));
    }
    if !compared.incidents_missed_at_s.is_empty() {
        let missed = moments(&compared.incidents_missed_at_s);
        progress(&format!("{name}: missed incidents that began at{missed}"));
    }
}

/// A document that stands by itself: what was done, one row a composition, and one for all; of so many rows, measured
/// from one day to another.
pub(crate) fn print(rows: &[&Row], of: usize, days: Option<(&str, &str)>) {
    line(
        "# What a sleeping camera misses\n\n\
         Each footage is composed with long quiet before, between and after what happens in it, under the weather and\n\
         light of a place, and encoded as a camera would. `moshao replay` then plays it with the gate and without; what is\n\
         found without it is what there was to find. Media time is the clock, so that the load of the machine decides\n\
         nothing. Made by `deploy/bench gate`.\n",
    );
    machine();
    let (first, last) = days.unwrap_or(("—", "—"));
    line(&format!("{} of {of} rows, measured from {first} to {last}.", rows.len()));
    line(
        "\n\
         A track counts if it was seen in four pictures, and is found if three of its pictures show it with the gate as\n\
         well. The wake latency counts from a happening's first track to the wake, after which the camera looks back.\n\
         Only what the rule asks for counts: people and vehicles, or fire and smoke. *Quiet* is when nothing happens and\n\
         nothing of that stands in the picture without the gate. *Awake* is every second of it in which all pictures were\n\
         decoded: falling asleep at the beginning and after each happening, and wakes that came to nothing. A camera whose\n\
         key frames are more than 4.5 s apart sleeps only once its sentinel has proven itself, as on a long day.",
    );
    line(
        "\n| footage | camera | incidents found with the gate | distinct tracks | pictures of these tracks | wake latency p50, p99 | quiet part: awake, wakes | pictures decoded | CPU seconds per second: gate, without |",
    );
    line("|---|---|---|---|---|---|---|---|---|");
    for row in rows {
        let name = format!("{} | {}", row.footage, row.camera);
        let per_second = [row.cpu_with_s, row.cpu_without_s].map(|cpu_s| cpu_s / row.length_s);
        print_row(&name, &row.compared, row.decoded_share, per_second);
    }
    let all = print_total("**all** |", rows.iter().copied());
    let sleep = |row: &&Row| f64::from(row.key_frame_every_s) <= KEY_INTERVAL_MAX.as_secs_f64();
    print_total("**those that may sleep** |", rows.iter().copied().filter(sleep));
    let late = rows.iter().flat_map(|row| {
        let limit_s = f64::from(row.key_frame_every_s) + 0.5;
        row.compared.wake_latencies_s.iter().filter(move |latency_s| **latency_s > limit_s)
    });
    line(&format!(
        "\nWakes later than one key-frame interval and 0.5 s: {} of {}. {}",
        late.count(),
        all.wake_latencies_s.len(),
        reasons(&all.quiet_wakes)
    ));
}

/// One row for all of these.
fn print_total<'a>(name: &str, rows: impl Iterator<Item = &'a Row>) -> Compared {
    let mut all = Compared::default();
    let (mut length_s, mut decoded_s, mut with_s, mut without_s) = (0.0, 0.0, 0.0, 0.0);
    for row in rows {
        all.add(&row.compared);
        length_s += row.length_s;
        decoded_s += row.decoded_share * row.length_s;
        with_s += row.cpu_with_s;
        without_s += row.cpu_without_s;
    }
    let per_second = [with_s, without_s].map(|cpu_s| cpu_s / length_s);
    print_row(name, &all, decoded_s / length_s, per_second);
    all
}

fn reasons(wakes: &[String]) -> String {
    let mut by_reason: BTreeMap<&str, usize> = BTreeMap::new();
    for reason in wakes {
        *by_reason.entry(reason).or_default() += 1;
    }
    let counts: Vec<String> = by_reason.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
    if counts.is_empty() {
        return "No wakes on the quiet part.".to_owned();
    }
    format!("Wakes on the quiet part by reason: {}.", counts.join(", "))
}

fn print_row(name: &str, compared: &Compared, decoded_share: f64, [with, without]: [f64; 2]) {
    let awake = match compared.quiet_s {
        0.0 => "—".to_owned(),
        quiet_s => format!("{:.1} %", compared.awake_on_quiet_s / quiet_s * 100.0),
    };
    line(&format!(
        "| {name} | {} of {} | {} of {} | {:.1} % | {}, {} | {awake}, {} | {:.1} % | {with:.4}, {without:.4} |",
        compared.incidents_found,
        compared.incidents,
        compared.tracks_found,
        compared.tracks,
        compared.coverage * 100.0,
        quantile(&compared.wake_latencies_s, 0.5),
        quantile(&compared.wake_latencies_s, 0.99),
        compared.quiet_wakes.len(),
        decoded_share * 100.0,
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
        self.quiet_wakes.extend(other.quiet_wakes.iter().cloned());
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

    #[test]
    fn wakes_on_the_quiet_part_are_counted_by_reason() {
        let wakes = ["look", "switch", "look"].map(str::to_owned);
        assert_eq!(reasons(&wakes), "Wakes on the quiet part by reason: look 2, switch 1.");
    }
}
