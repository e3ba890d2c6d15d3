//! The machine that the gateway runs on: disk, memory, temperature, flash wear, clock.
//!
//! Read from `/proc`, `/sys` and the file system every [`EVERY`]. What a machine does not tell (a virtual machine has
//! no temperature, a hard disk no flash wear) has no metric, rather than a zero that looks like good news.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::metrics::Metrics;

/// How often the machine is looked at.
pub const EVERY: Duration = Duration::from_secs(15);
/// systemd-timesyncd touches this file when it has set the clock.
const TIMESYNCD_MARK: &str = "run/systemd/timesync/synchronized";
/// chrony keeps its control socket here while it runs.
const CHRONY: &str = "run/chrony/chronyd.pid";
/// Wall clock against monotonic clock: a difference beyond this is a step, not a slew.
const STEP: Duration = Duration::from_secs(1);
/// 2026-01-01T00:00:00Z. A clock before the time of this release is one that was never set.
const RELEASED_UNIX_S: u64 = 1_767_225_600;

/// What the machine said at one moment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reading {
    /// Bytes that the gateway may still write below its data directory.
    pub disk_free_bytes: Option<u64>,
    /// Size of that file system.
    pub disk_size_bytes: Option<u64>,
    /// Memory that can be had without swapping.
    pub memory_available_bytes: Option<u64>,
    /// Memory of the machine.
    pub memory_size_bytes: Option<u64>,
    /// Resident memory of this process.
    pub resident_bytes: Option<u64>,
    /// Temperature of each thermal zone by name, degrees Celsius.
    pub temperatures: Vec<(String, f64)>,
    /// How often the processor slowed itself down because of heat, since it was switched on.
    pub throttled: Option<u64>,
    /// Worn share of each eMMC or UFS device by name, 0 to 1.1.
    pub flash_wear: Vec<(String, f64)>,
    /// The wall clock can be believed.
    pub clock_trusted: bool,
}

/// Wall clock against monotonic clock, to see steps.
#[derive(Debug)]
struct Steps {
    wall: SystemTime,
    mono: std::time::Instant,
}

/// Looks at the machine until `stop` and keeps its metrics. `data_dir` is where the outbox lies.
pub async fn watch(data_dir: PathBuf, metrics: Arc<Metrics>, stop: CancellationToken) {
    let mut every = interval(EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut steps = Steps { wall: SystemTime::now(), mono: std::time::Instant::now() };
    let mut trusted = None;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = every.tick() => {}
        }
        let dir = data_dir.clone();
        // A disk that hangs must not hold up a thread of the runtime.
        let looked = tokio::task::spawn_blocking(move || look(Path::new("/"), &dir, SystemTime::now()));
        let Ok(reading) = looked.await else { continue };
        if trusted != Some(reading.clock_trusted) {
            trusted = Some(reading.clock_trusted);
            tell_clock(reading.clock_trusted);
        }
        if let Some(seconds) = steps.step(SystemTime::now(), std::time::Instant::now()) {
            metrics.machine.clock_steps.inc();
            warn!(seconds, "the clock was set");
        }
        keep(&metrics, &reading);
    }
}

fn tell_clock(trusted: bool) {
    if trusted {
        info!("the clock is kept by time synchronisation");
    } else {
        warn!(
            "the clock is not synchronised: times in events may be wrong; start systemd-timesyncd or chrony, or reach an NTP server"
        );
    }
}

/// Reads everything below `root`, `/` outside of tests.
pub fn look(root: &Path, data_dir: &Path, now: SystemTime) -> Reading {
    let disk = nix::sys::statvfs::statvfs(data_dir).ok();
    let (free, size) = disk.map_or((None, None), |disk| {
        let block = disk.fragment_size();
        (Some(disk.blocks_available() * block), Some(disk.blocks() * block))
    });
    let memory = memory(root);
    let own = fs::read_to_string(root.join("proc/self/status")).unwrap_or_default();
    Reading {
        disk_free_bytes: free,
        disk_size_bytes: size,
        memory_available_bytes: kib_line(&memory, "MemAvailable:"),
        memory_size_bytes: kib_line(&memory, "MemTotal:"),
        resident_bytes: kib_line(&own, "VmRSS:"),
        temperatures: temperatures(root),
        throttled: number(&root.join("sys/devices/system/cpu/cpu0/thermal_throttle/package_throttle_count")),
        flash_wear: flash_wear(root),
        clock_trusted: clock_trusted(root, now),
    }
}

/// The box's memory, bytes, as told below `root`.
pub fn memory_size_bytes(root: &Path) -> Option<u64> {
    kib_line(&memory(root), "MemTotal:")
}

fn memory(root: &Path) -> String {
    fs::read_to_string(root.join("proc/meminfo")).unwrap_or_default()
}

/// Sets the metrics of what is known.
fn keep(metrics: &Metrics, reading: &Reading) {
    let known = [
        (&metrics.machine.disk_free_bytes, reading.disk_free_bytes),
        (&metrics.machine.disk_size_bytes, reading.disk_size_bytes),
        (&metrics.machine.memory_available_bytes, reading.memory_available_bytes),
        (&metrics.machine.memory_size_bytes, reading.memory_size_bytes),
    ];
    for (gauge, bytes) in known {
        if let Some(bytes) = bytes {
            gauge.with_label_values(&[] as &[&str]).set(bytes as i64);
        }
    }
    if let Some(bytes) = reading.resident_bytes {
        metrics.machine.process_resident_bytes.set(bytes as i64);
    }
    for (zone, celsius) in &reading.temperatures {
        metrics.machine.temperature_celsius.with_label_values(&[zone]).set(*celsius);
    }
    if let Some(times) = reading.throttled {
        metrics.machine.thermal_throttles.with_label_values(&[] as &[&str]).set(times as f64);
    }
    for (device, share) in &reading.flash_wear {
        metrics.machine.flash_wear_ratio.with_label_values(&[device]).set(*share);
    }
    metrics.machine.clock_trusted.set(i64::from(reading.clock_trusted));
}

fn kib_line(text: &str, key: &str) -> Option<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix(key))?;
    Some(value.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

fn number(path: &Path) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// One temperature for each name of a zone, the hottest where several share it. At most as many as names exist.
fn temperatures(root: &Path) -> Vec<(String, f64)> {
    let mut hottest = std::collections::BTreeMap::new();
    for zone in entries(&root.join("sys/class/thermal"), "thermal_zone") {
        let millidegrees =
            fs::read_to_string(zone.join("temp")).ok().and_then(|text| text.trim().parse::<f64>().ok());
        let name = fs::read_to_string(zone.join("type")).unwrap_or_default().trim().to_owned();
        if let Some(celsius) =
            millidegrees.map(|value| value / 1000.0).filter(|value| (-60.0..200.0).contains(value))
        {
            let entry = hottest.entry(name).or_insert(celsius);
            *entry = f64::max(*entry, celsius);
        }
    }
    hottest.into_iter().collect()
}

/// `life_time` of eMMC (JEDEC eMMC 5.0, EXT_CSD 268 and 269): two estimates in steps of a tenth, `0x0b` beyond the end.
fn flash_wear(root: &Path) -> Vec<(String, f64)> {
    let worn = |device: PathBuf| {
        let text = fs::read_to_string(device.join("device/life_time")).ok()?;
        let steps =
            text.split_whitespace().filter_map(|word| u8::from_str_radix(word.strip_prefix("0x")?, 16).ok());
        let worst = steps.filter(|step| (1..=11).contains(step)).max()?;
        Some((device.file_name()?.to_str()?.to_owned(), f64::from(worst) / 10.0))
    };
    entries(&root.join("sys/block"), "mmcblk").into_iter().filter_map(worn).collect()
}

fn entries(folder: &Path, prefix: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| {
        path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(prefix))
    });
    paths.sort();
    paths
}

/// Not before this release, and a service keeps it.
fn clock_trusted(root: &Path, now: SystemTime) -> bool {
    let plausible = now.duration_since(UNIX_EPOCH).is_ok_and(|since| since.as_secs() >= RELEASED_UNIX_S);
    plausible && (root.join(TIMESYNCD_MARK).exists() || root.join(CHRONY).exists())
}

// === impl Steps ===

impl Steps {
    /// Seconds by which the wall clock was set since the last look, where it was.
    fn step(&mut self, wall: SystemTime, mono: std::time::Instant) -> Option<f64> {
        let passed = mono.duration_since(self.mono).as_secs_f64();
        let shown = match wall.duration_since(self.wall) {
            Ok(forward) => forward.as_secs_f64(),
            Err(back) => -back.duration().as_secs_f64(),
        };
        (self.wall, self.mono) = (wall, mono);
        let stepped = shown - passed;
        (stepped.abs() > STEP.as_secs_f64()).then_some(stepped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("below the root")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    #[test]
    fn a_village_box_tells_heat_wear_memory_and_time() {
        let root = tempfile::tempdir().expect("a root");
        let at = root.path();
        put(at, "proc/meminfo", "MemTotal:        3884604 kB\nMemAvailable:    1024 kB\n");
        put(at, "proc/self/status", "Name:\tmoshao\nVmRSS:\t   20480 kB\n");
        put(at, "sys/class/thermal/thermal_zone0/type", "soc-thermal\n");
        put(at, "sys/class/thermal/thermal_zone0/temp", "71500\n");
        put(at, "sys/class/thermal/thermal_zone1/type", "soc-thermal\n");
        put(at, "sys/class/thermal/thermal_zone1/temp", "40000\n");
        put(at, "sys/class/thermal/thermal_zone2/type", "broken\n");
        put(at, "sys/class/thermal/thermal_zone2/temp", "-274000\n");
        put(at, "sys/block/mmcblk0/device/life_time", "0x02 0x09\n");
        put(at, "sys/block/mmcblk0boot0/size", "8192\n");
        put(at, "sys/block/sda/device/model", "disk\n");
        put(at, TIMESYNCD_MARK, "");

        let reading = look(at, at, SystemTime::now());
        assert_eq!(reading.memory_available_bytes, Some(1024 * 1024));
        assert_eq!(reading.memory_size_bytes, Some(3_884_604 * 1024));
        assert_eq!(reading.resident_bytes, Some(20480 * 1024));
        assert_eq!(reading.temperatures, [("soc-thermal".to_owned(), 71.5)]);
        assert_eq!(reading.flash_wear, [("mmcblk0".to_owned(), 0.9)]);
        assert!(reading.clock_trusted);
        assert!(reading.disk_free_bytes <= reading.disk_size_bytes && reading.disk_size_bytes > Some(0));
    }

    #[test]
    fn what_a_machine_does_not_tell_is_not_made_up() {
        let root = tempfile::tempdir().expect("a root");
        let reading = look(root.path(), &root.path().join("gone"), SystemTime::now());
        assert_eq!(reading, Reading::default());
        let metrics = Metrics::new();
        keep(&metrics, &reading);
        assert!(!metrics.render().contains("moshao_temperature_celsius{"));
        assert!(!metrics.render().contains("moshao_disk_free_bytes 0"), "unknown is not full");
    }

    #[test]
    fn a_clock_of_1970_is_not_believed_even_where_a_service_says_so() {
        let root = tempfile::tempdir().expect("a root");
        put(root.path(), TIMESYNCD_MARK, "");
        assert!(!clock_trusted(root.path(), UNIX_EPOCH + Duration::from_secs(3600)));
    }

    #[test]
    fn setting_the_clock_is_a_step_and_drifting_is_none() {
        let (wall, mono) = (SystemTime::now(), std::time::Instant::now());
        let mut steps = Steps { wall, mono };
        let later = |seconds: f64| Duration::from_secs_f64(seconds);
        assert_eq!(steps.step(wall + later(15.2), mono + later(15.0)), None);
        let forward = steps.step(wall + later(100.2), mono + later(30.0)).expect("70 s forward");
        assert!((forward - 70.0).abs() < 0.01, "{forward}");
        let back = steps.step(wall - later(20.0), mono + later(45.0)).expect("back");
        assert!(back < -100.0, "{back}");
    }
}
