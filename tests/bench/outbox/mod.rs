//! `bench outbox`: what it costs to lose nothing. Accepting against the disk's own syncs and a plain append-only file,
//! draining against `mosquitto_pub`, and what goes over the link against the video that does not.

mod draining;
mod storing;
mod thrift;

use crate::report::line;

/// Measures and prints the tables whose names hold one of the parts, all three where none is given.
pub(crate) fn measure(is_short: bool, parts: &[String]) {
    let is_wanted = |table: &str| crate::is_wanted(parts, table);
    if is_wanted("storing") {
        storing::measure(is_short);
    }
    if is_wanted("draining") {
        draining::measure(is_short);
    }
    if is_wanted("thrift") {
        thrift::measure();
    }
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
