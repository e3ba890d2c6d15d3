//! The tables of idle cameras, a whole document: deploy/idle.md is made of it.

use super::figures::Figures;
use super::others::{OTHERS, Other};
use super::row::{Row, Scene, Who, rows};
use crate::record::Record;
use crate::report::{line, machine};

const MIB: f64 = 1048576.0;

const HEAD: &str = "\
# What an idle camera costs

Written by `deploy/bench idle`. Streams are real footage's background with the noise of a sensor and a ticking clock, encoded
as cameras do, key frames 2 s apart, played over RTSP by simulated cameras in processes that do not count. A dash is a row
that was not measured.
";

/// Everything that is in the record.
pub(super) fn print(record: &Record<Figures>, is_short: bool) {
    line(HEAD);
    machine();
    if let Some((first, last)) = record.days() {
        line(&format!(
            "Rows measured from {first} to {last}; of each the median of several windows, all processes of a contestant counted."
        ));
    }
    idle(record, is_short);
    gateway(record, is_short);
    proven(record, is_short);
    tenth(record, is_short);
    busy(record, is_short);
}

/// One row a contestant, one column a stream.
fn idle(record: &Record<Figures>, is_short: bool) {
    let mut who: Vec<Who> = OTHERS.into_iter().map(Who::Other).collect();
    let ours = rows(is_short).into_iter().filter(|row| row.scene == Scene::H264Cbr).map(|row| row.who);
    who.extend(ours.filter(|who| !matches!(who, Who::Other(_))));
    let title = |scene: &Scene| {
        let measured =
            rows(false).into_iter().filter(|row| row.scene == *scene).find_map(|row| record.get(row));
        let sent = measured.map(|figures| format!(", {:.2} Mbit/s sent", figures.sent_kbit_s / 1000.0));
        format!(" {}{} |", scene.title(), sent.unwrap_or_default())
    };
    let titles: String = Scene::IDLE.iter().map(title).collect();
    line(
        "\n## One idle camera\n\nCPU seconds for one second of one camera; in brackets the share of Frigate's decode of the same stream.\n",
    );
    line(&format!("| |{titles}"));
    line(&format!("|---|{}", "---|".repeat(Scene::IDLE.len())));
    for who in who {
        let cells: String = Scene::IDLE.iter().map(|scene| cell(record, *scene, who)).collect();
        line(&format!("| {} |{cells}", name(who)));
    }
}

fn name(who: Who) -> String {
    match who {
        Who::Other(other) => other.name().to_owned(),
        Who::ReceiveOnly(cameras) => format!("receive only, each of {cameras}"),
        Who::Gateway(cameras) => format!("**whole gateway**, each of {cameras}"),
        Who::Bare(cameras) => format!("decode + bare ONNX Runtime, each of {cameras}"),
    }
}

fn cell(record: &Record<Figures>, scene: Scene, who: Who) -> String {
    let Some(figures) = record.get(Row { scene, who }) else { return " — |".to_owned() };
    let frigate = record.get(Row { scene, who: Who::Other(Other::Frigate) });
    match (who, frigate) {
        (Who::Gateway(_), Some(frigate)) => {
            format!(" **{:.4}** (1/{:.0}) |", figures.cpu, frigate.cpu / figures.cpu)
        }
        (Who::Gateway(_), None) => format!(" **{:.4}** |", figures.cpu),
        _ => format!(" {:.4} |", figures.cpu),
    }
}

/// What sleeping cameras did and took.
fn gateway(record: &Record<Figures>, is_short: bool) {
    line("\n## Idle cameras of the gateway\n");
    line(
        "| cameras | stream | awake | looks a second | dropped | memory of all processes | each further camera | simulated cameras, cores |",
    );
    line("|---|---|---|---|---|---|---|---|");
    for row in rows(is_short).into_iter().filter(|row| row.scene.is_idle()) {
        let (Who::Gateway(cameras), Some(figures)) = (row.who, record.get(row)) else { continue };
        let one = record.get(Row { who: Who::Gateway(1), ..row }).filter(|_| cameras > 1);
        let further = one.map_or("—".to_owned(), |one| {
            let grown = figures.memory_bytes.saturating_sub(one.memory_bytes) as f64 / MIB;
            format!("{:.1} MiB", grown / (cameras - 1) as f64)
        });
        let gate = figures.gate.clone().unwrap_or_default();
        line(&format!(
            "| {cameras} | {} | {:.1} % | {:.2} | {:.0} | {:.0} MiB | {further} | {:.2} |",
            row.scene.title(),
            gate.awake * 100.0,
            gate.looks,
            gate.behind,
            figures.memory_bytes as f64 / MIB,
            figures.serving,
        ));
    }
    line("\nMemory with rings, parent and detector; proportional set sizes.");
}

/// Sleeping cameras that have seen enough for their sentinels to be believed.
fn proven(record: &Record<Figures>, is_short: bool) {
    for row in rows(is_short).into_iter().filter(|row| row.scene == Scene::Proven) {
        let Some(figures) = record.get(row) else { continue };
        let gate = figures.gate.clone().unwrap_or_default();
        line(&format!("\n## {} cameras, {}\n", figures.cameras, row.scene.title()));
        line(
            "| CPU per camera | awake | looks a second | dropped | memory of all processes | simulated cameras, cores |",
        );
        line("|---|---|---|---|---|---|");
        line(&format!(
            "| {:.4} | {:.1} % | {:.2} | {:.0} | {:.0} MiB | {:.2} |",
            figures.cpu,
            gate.awake * 100.0,
            gate.looks,
            gate.behind,
            figures.memory_bytes as f64 / MIB,
            figures.serving,
        ));
    }
}

/// Many cameras of which a tenth is active.
fn tenth(record: &Record<Figures>, is_short: bool) {
    let of = |row: &Row| row.scene == Scene::Tenth;
    for row in rows(is_short).into_iter().filter(of) {
        let Some(figures) = record.get(row) else { continue };
        let all = figures.cameras as f64;
        let gate = figures.gate.clone().unwrap_or_default();
        line(&format!("\n## {} cameras, {}\n", figures.cameras, row.scene.title()));
        line(
            "| cores in all | CPU per camera | incidents opened, happenings | awake | dropped | detector, pictures/s in all | simulated cameras, cores |",
        );
        line("|---|---|---|---|---|---|---|");
        line(&format!(
            "| {:.2} | {:.4} | {:.0}, {:.0} | {:.1} % | {:.0} | {:.1} | {:.2} |",
            figures.cpu * all,
            figures.cpu,
            gate.incidents,
            gate.happenings,
            gate.awake * 100.0,
            gate.behind,
            figures.inferred.unwrap_or_default() * all,
            figures.serving,
        ));
    }
}

/// Cameras that are always active, against decode and bare inference.
fn busy(record: &Record<Figures>, is_short: bool) {
    let of_busy = rows(is_short).into_iter().filter(|row| row.scene == Scene::Busy);
    let measured: Vec<(Row, &Figures)> = of_busy.filter_map(|row| Some((row, record.get(row)?))).collect();
    if measured.is_empty() {
        return;
    }
    line(&format!("\n## {}\n", Scene::Busy.title()));
    line("| | CPU per camera | pictures looked at a second |");
    line("|---|---|---|");
    for (row, figures) in &measured {
        line(&format!(
            "| {} | {:.3} | {:.2} |",
            name(row.who),
            figures.cpu,
            figures.inferred.unwrap_or_default()
        ));
    }
    let of = |wanted: fn(&Who) -> bool| measured.iter().find(|(row, _)| wanted(&row.who)).map(|(_, f)| f.cpu);
    if let (Some(ours), Some(bare)) =
        (of(|who| matches!(who, Who::Gateway(_))), of(|who| matches!(who, Who::Bare(_))))
    {
        line(&format!("| gateway / bare | {:.2} | |", ours / bare));
    }
}
