//! `bench outbox`: what it costs to lose nothing. Accepting against the disk's own syncs and a plain append-only file,
//! draining against `mosquitto_pub`, and what goes over the link against the video that does not.

mod draining;
mod storing;
mod thrift;

use crate::report::line;

/// Measures and prints the three tables.
pub(crate) fn measure(is_short: bool) {
    storing::measure(is_short);
    draining::measure(is_short);
    thrift::measure();
}

/// Such as `1 : 12 345`.
fn ratio(part: f64, whole: f64) -> String {
    format!("1 : {:.0}", whole / part)
}

/// The middle one.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Heads a table.
fn table(title: &str, columns: &[&str]) {
    line(&format!("\n{title}\n"));
    line(&format!("| {} |", columns.join(" | ")));
    line(&format!("|{}", "---|".repeat(columns.len())));
}
