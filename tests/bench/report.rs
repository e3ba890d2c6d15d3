//! The tables, in Markdown, as the README shows them.

use std::io::Write;

use crate::contestants::Measured;
use crate::latency::Histogram;
use crate::live::Row;

/// A line on standard error, for whoever waits.
pub(crate) fn progress(text: &str) {
    // Where standard error is closed nobody waits.
    drop(writeln!(std::io::stderr(), "==> {text}"));
}

/// Where and when this was measured.
pub(crate) fn machine() {
    let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name =
        cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ").map(|(_, name)| name));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let date = jiff::Zoned::now().date();
    line(&format!("Measured {date} on {} ({cores} cores).", name.unwrap_or(std::env::consts::ARCH)));
}

/// CPU seconds per camera-second.
pub(crate) fn processor_time(rows: &[Row]) {
    line(
        "\n| cameras, 1080p25 | whole gateway | decode + bare ONNX Runtime | gateway / bare | ffmpeg to 5 fps 720p | pictures looked at per second: gateway, bare |",
    );
    line("|---|---|---|---|---|---|");
    for Row { cameras, gateway, ffmpeg, floor } in rows {
        line(&format!(
            "| {cameras} | {:.3} | {:.3} | {:.2} | {:.3} | {}, {} |",
            gateway.cpu_per_camera_second,
            floor.cpu_per_camera_second,
            gateway.cpu_per_camera_second / floor.cpu_per_camera_second,
            ffmpeg.cpu_per_camera_second,
            pictures(gateway),
            pictures(floor),
        ));
    }
    line("\nCPU seconds for one second of one camera.");
}

/// Memory of the gateway's processes and of the others.
pub(crate) fn memory(rows: &[Row]) {
    line(
        "\n| cameras | parent | workers together | decode + bare ONNX Runtime | ffmpeg processes together |",
    );
    line("|---|---|---|---|---|");
    for Row { cameras, gateway, ffmpeg, floor } in rows {
        let mib = |bytes: u64| format!("{:.0} MiB", bytes as f64 / f64::from(1 << 20));
        line(&format!(
            "| {cameras} | {} | {} | {} | {} |",
            mib(gateway.parent_bytes),
            mib(gateway.children_bytes),
            mib(floor.children_bytes),
            mib(ffmpeg.children_bytes),
        ));
    }
    if let (Some(first), Some(last)) = (rows.first(), rows.last())
        && last.cameras > first.cameras
    {
        let total = |row: &Row| (row.gateway.parent_bytes + row.gateway.children_bytes) as f64;
        let each = (total(last) - total(first)) / (last.cameras - first.cameras) as f64 / f64::from(1 << 20);
        line(&format!("\nEach further camera: {each:.0} MiB. Proportional set sizes."));
    }
}

/// From picture or reading to PUBACK.
pub(crate) fn latencies(rows: &[Row], readings: &Histogram) {
    line("\n| from … to the centre's PUBACK | p50 | p99 | events |");
    line("|---|---|---|---|");
    let pictures = rows
        .iter()
        .map(|row| (format!("picture, {} camera(s)", row.cameras), &row.gateway.pictures_to_puback));
    for (name, histogram) in pictures.chain([("sensor reading".to_owned(), readings)]) {
        let ms =
            |share| histogram.quantile(share).map_or("—".to_owned(), |s| format!("{:.1} ms", s * 1000.0));
        line(&format!("| {name} | {} | {} | {} |", ms(0.5), ms(0.99), histogram.count()));
    }
}

fn pictures(measured: &Measured) -> String {
    measured.pictures_per_camera_second.map_or("—".to_owned(), |rate| format!("{rate:.2}"))
}

pub(crate) fn line(text: &str) {
    writeln!(std::io::stdout(), "{text}").expect("standard output takes the table");
}
