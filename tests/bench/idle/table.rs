//! The tables of idle cameras.

use super::others::{OTHERS, Other};
use super::ours::Ours;
use crate::contestants::Measured;
use crate::report::line;

const MIB: f64 = 1048576.0;

/// One stream, measured.
pub(crate) struct Column {
    pub(crate) name: &'static str,
    /// CPU seconds per second, in the order of [`OTHERS`]; none where it was not measured.
    pub(crate) others: [Option<f64>; OTHERS.len()],
    /// By rising number of cameras.
    pub(crate) ours: Vec<Ours>,
}

/// One row a contestant, one column a stream; then the gateway by number of cameras.
pub(crate) fn idle(columns: &[Column]) {
    let names: String = columns.iter().map(|column| format!(" {} |", column.name)).collect();
    line(&format!("\n| one idle camera |{names}"));
    line(&format!("|---|{}", "---|".repeat(columns.len())));
    for (number, other) in OTHERS.iter().enumerate() {
        let cells: String =
            columns.iter().map(|column| format!(" {} |", cpu(column.others[number]))).collect();
        line(&format!("| {} |{cells}", other.name()));
    }
    let mut counts: Vec<usize> =
        columns.iter().flat_map(|column| column.ours.iter().map(|ours| ours.cameras)).collect();
    counts.sort_unstable();
    counts.dedup();
    for count in counts {
        let cells: String = columns
            .iter()
            .map(|column| match column.ours.iter().find(|ours| ours.cameras == count) {
                Some(ours) => format!(" **{:.4}**{} |", ours.cpu, against(column, ours)),
                None => " — |".to_owned(),
            })
            .collect();
        line(&format!("| **whole gateway**, each of {count} |{cells}"));
    }
    line("\nCPU seconds for one second of one camera; in brackets the share of Frigate's decode.");

    line(
        "\n| idle cameras | stream | awake | late pictures | memory of all processes | each further camera | simulated cameras, cores |",
    );
    line("|---|---|---|---|---|---|---|");
    for column in columns {
        for ours in &column.ours {
            let further = column.ours.first().filter(|first| first.cameras < ours.cameras).map_or(
                "—".to_owned(),
                |first| {
                    let grown = ours.memory_bytes.saturating_sub(first.memory_bytes) as f64 / MIB;
                    format!("{:.1} MiB", grown / (ours.cameras - first.cameras) as f64)
                },
            );
            line(&format!(
                "| {} | {} | {:.1} % | {:.0} | {:.0} MiB | {further} | {:.2} |",
                ours.cameras,
                column.name,
                ours.awake * 100.0,
                ours.behind,
                ours.memory_bytes as f64 / MIB,
                ours.serving,
            ));
        }
    }
}

/// Many cameras of which a tenth is active.
pub(crate) fn tenth(ours: &Ours) {
    line(
        "\n| 64 cameras, 10 % active | cores in all | CPU per camera | awake | late pictures | detector, pictures/s in all | simulated cameras, cores |",
    );
    line("|---|---|---|---|---|---|---|");
    let all = ours.cameras as f64;
    line(&format!(
        "| whole gateway | {:.2} | {:.4} | {:.1} % | {:.0} | {:.1} | {:.2} |",
        ours.cpu * all,
        ours.cpu,
        ours.awake * 100.0,
        ours.behind,
        ours.inferred * all,
        ours.serving,
    ));
}

/// Cameras that are always active, against decode and bare inference.
pub(crate) fn busy(ours: &Ours, floor: &Measured) {
    line("\n| always active, 1080p25 | CPU per camera | pictures looked at per second |");
    line("|---|---|---|");
    line(&format!("| whole gateway, gate on | {:.3} | {:.2} |", ours.cpu, ours.inferred));
    line(&format!(
        "| decode + bare ONNX Runtime | {:.3} | {:.2} |",
        floor.cpu_per_camera_second,
        floor.pictures_per_camera_second.unwrap_or_default()
    ));
    line(&format!("| gateway / bare | {:.2} | |", ours.cpu / floor.cpu_per_camera_second));
}

fn cpu(value: Option<f64>) -> String {
    value.map_or("—".to_owned(), |value| format!("{value:.4}"))
}

/// How it compares with Frigate's decode of the same stream.
fn against(column: &Column, ours: &Ours) -> String {
    let frigate = OTHERS.iter().position(|other| *other == Other::Frigate).and_then(|at| column.others[at]);
    frigate.map_or(String::new(), |frigate| format!(" (1/{:.0})", frigate / ours.cpu))
}
