//! Damaged and malicious model bytes: an error or a working detector, never a crash, never unbounded memory.

use std::path::Path;

use moshao_inference::detector::{Detector, ModelSource, Settings};

/// Damaged models that are opened.
const ROUNDS: u64 = 200;
/// Most memory that the process may ever take, MiB. ONNX Runtime alone takes about 80.
const MEMORY_MIB: u64 = 1024;

/// A small generator of repeatable numbers (Marsaglia, xorshift64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}

#[test]
fn damaged_models_are_errors_and_nothing_worse() {
    let families = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/families");
    let originals: Vec<Vec<u8>> = ["yolov8_dynamic", "rtdetr", "nanodet", "ssd_tensorflow"]
        .iter()
        .map(|name| std::fs::read(families.join(format!("{name}.onnx"))).unwrap())
        .collect();
    let folder = std::env::temp_dir().join(format!("moshao-hostile-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("damaged.onnx");
    let (mut refused, mut taken) = (0, 0);
    for round in 1..=ROUNDS {
        let mut numbers = Numbers(round.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut bytes = originals[numbers.below(originals.len())].clone();
        damage(&mut bytes, &mut numbers);
        std::fs::write(&path, &bytes).unwrap();
        match Detector::open(&ModelSource::File(path.clone()), &Settings::default()) {
            Ok(_) => taken += 1,
            Err(e) => {
                refused += 1;
                assert!(!e.to_string().is_empty());
            }
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
    println!("{refused} refused, {taken} still detectors, {} MiB at most", most_memory_mib());
    assert!(refused > ROUNDS / 4, "hardly anything was damaged");
    assert!(most_memory_mib() < MEMORY_MIB);
}

/// Cuts, flips or repeats a part.
fn damage(bytes: &mut Vec<u8>, numbers: &mut Numbers) {
    match numbers.below(4) {
        0 => bytes.truncate(numbers.below(bytes.len())),
        1 => {
            let from = numbers.below(bytes.len());
            let part = bytes[from..(from + 40).min(bytes.len())].to_vec();
            let to = numbers.below(bytes.len());
            bytes.splice(to..to, part);
        }
        _ => {
            // The names, shapes and operators stand at the beginning, the weights after them.
            for _ in 0..=numbers.below(8) {
                let at = numbers.below(bytes.len().min(2000));
                bytes[at] ^= 1 << numbers.below(8);
            }
        }
    }
}

/// The largest resident size that this process has had.
fn most_memory_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}
