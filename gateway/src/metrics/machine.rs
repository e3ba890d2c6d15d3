//! The machine: disk, memory, heat, flash, clock.

use prometheus::{GaugeVec, IntCounter, IntGauge, IntGaugeVec, Opts, Registry};

use super::register::{counter, gauge, gauge_vec, registered};

/// The machine: disk, memory, heat, flash, clock.
#[derive(Debug)]
pub struct MachineMetrics {
    /// Bytes that may still be written below the data directory. None of the machine's gauges has a sample before the
    /// machine has told its value.
    pub disk_free_bytes: IntGaugeVec,
    /// Size of the file system of the data directory.
    pub disk_size_bytes: IntGaugeVec,
    /// Memory that can be had without swapping.
    pub memory_available_bytes: IntGaugeVec,
    /// Memory of the machine.
    pub memory_size_bytes: IntGaugeVec,
    /// Resident memory of the parent process.
    pub process_resident_bytes: IntGauge,
    /// Temperature. `zone` (names of the kernel's thermal zones)
    pub temperature_celsius: GaugeVec,
    /// Times the processor slowed down because of heat since it was switched on.
    pub thermal_throttles: GaugeVec,
    /// Worn share of flash memory, 1 at the end of its rated life. `device`
    pub flash_wear_ratio: GaugeVec,
    /// The wall clock can be believed (1) or not (0).
    pub clock_trusted: IntGauge,
    /// Times the wall clock was set by more than a second.
    pub clock_steps: IntCounter,
}

// === impl MachineMetrics ===

impl MachineMetrics {
    pub(super) fn new(r: &Registry) -> Self {
        MachineMetrics {
            disk_free_bytes: gauge_vec(
                r,
                "moshao_disk_free_bytes",
                "Bytes that may still be written below the data directory.",
                &[],
            ),
            disk_size_bytes: gauge_vec(
                r,
                "moshao_disk_size_bytes",
                "Size of the file system of the data directory.",
                &[],
            ),
            memory_available_bytes: gauge_vec(
                r,
                "moshao_memory_available_bytes",
                "Memory that can be had without swapping.",
                &[],
            ),
            memory_size_bytes: gauge_vec(r, "moshao_memory_size_bytes", "Memory of the machine.", &[]),
            process_resident_bytes: gauge(
                r,
                "moshao_process_resident_bytes",
                "Resident memory of the parent process.",
            ),
            temperature_celsius: registered(
                r,
                GaugeVec::new(
                    Opts::new("moshao_temperature_celsius", "Temperature by the kernel's thermal zone."),
                    &["zone"],
                ),
            ),
            thermal_throttles: registered(
                r,
                GaugeVec::new(
                    Opts::new(
                        "moshao_thermal_throttles",
                        "Times the processor slowed down because of heat since it was switched on.",
                    ),
                    &[],
                ),
            ),
            flash_wear_ratio: registered(
                r,
                GaugeVec::new(
                    Opts::new(
                        "moshao_flash_wear_ratio",
                        "Worn share of flash memory, 1 at the end of its rated life.",
                    ),
                    &["device"],
                ),
            ),
            clock_trusted: gauge(
                r,
                "moshao_clock_trusted",
                "The wall clock is synchronised and plausible (1) or not (0).",
            ),
            clock_steps: counter(
                r,
                "moshao_clock_steps_total",
                "Times the wall clock was set by more than a second.",
            ),
        }
    }
}
