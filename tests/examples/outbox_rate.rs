//! Events per second into the outbox, one caller and many, against the rate at which the disk syncs.
//!
//! `cargo run --release -p moshao-tests --example outbox_rate [DIRECTORY]`

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use moshao::metrics::Metrics;
use moshao::outbox::Class;
use moshao_tests::gateway_parts::{new_event, open_outbox};

const MEASURED: Duration = Duration::from_secs(5);
const QUOTA_BYTES: u64 = 1 << 30;

fn main() -> io::Result<()> {
    let parent = std::env::args_os().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let mut out = io::stdout().lock();
    writeln!(out, "{:>8.0} syncs/s of a file that grows by 1 KiB each", sync_rate(&parent)?)?;
    for callers in [1, 4, 32, 128] {
        let rate = accept_rate(&parent, callers)?;
        writeln!(out, "{rate:>8.0} alarms/s accepted from {callers} callers")?;
    }
    Ok(())
}

fn sync_rate(parent: &Path) -> io::Result<f64> {
    let directory = tempfile::tempdir_in(parent)?;
    let mut file = File::create(directory.path().join("log"))?;
    let begin = Instant::now();
    let mut count = 0;
    while begin.elapsed() < MEASURED {
        file.write_all(&[0x5a; 1024])?;
        file.sync_data()?;
        count += 1;
    }
    Ok(f64::from(count) / begin.elapsed().as_secs_f64())
}

fn accept_rate(parent: &Path, callers: usize) -> io::Result<f64> {
    let directory = tempfile::tempdir_in(parent)?;
    let runtime = tokio::runtime::Runtime::new()?;
    Ok(runtime.block_on(async {
        let (outbox, _) = open_outbox(directory.path(), QUOTA_BYTES, &Arc::new(Metrics::new()));
        let begin = Instant::now();
        let tasks: Vec<_> = (0..callers)
            .map(|caller| {
                let outbox = outbox.clone();
                tokio::spawn(async move {
                    let mut count = 0_u32;
                    while begin.elapsed() < MEASURED {
                        let event = new_event(Class::Alarm, &format!("{caller}-{count}"));
                        outbox.accept(vec![event], None).await.expect("accepted");
                        count += 1;
                    }
                    count
                })
            })
            .collect();
        let mut accepted = 0;
        for task in tasks {
            accepted += task.await.expect("no panic");
        }
        f64::from(accepted) / begin.elapsed().as_secs_f64()
    }))
}
