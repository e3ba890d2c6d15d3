//! Fetching a model: resumes where it broke off, keeps the file only if its hash is the catalogue's.
//!
//! What has come so far lies beside the target as `NAME.onnx.part`; a later try asks only for the rest (HTTP range request,
//! RFC 9110 section 14). Never more than the catalogue's length is read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use moshao_inference::catalogue::{self, Download};
use ureq::http::StatusCode;
use ureq::http::header::RANGE;

/// Tries without any progress before it is given up.
const TRIES: u32 = 5;
/// Pause after the first failed try; doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// For the connection, and for the beginning of the answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why a model was not fetched.
#[derive(Debug, thiserror::Error)]
pub(super) enum PullError {
    /// The file system refused.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// No progress in several tries.
    #[error(
        "{url}: {got} of {bytes} bytes after {TRIES} tries without progress, last: {reason}; the part is kept, run it \
         again to go on"
    )]
    Broken {
        /// From where.
        url: String,
        /// Bytes that have come.
        got: u64,
        /// Bytes that are wanted.
        bytes: u64,
        /// The last failure.
        reason: String,
    },
    /// Another file.
    #[error(
        "{url}: SHA-256 is {found}, the catalogue has {expected}; the file upstream was changed, or somebody tampers \
         with it; nothing was kept"
    )]
    WrongHash {
        /// From where.
        url: String,
        /// What came.
        found: String,
        /// What should have come.
        expected: String,
    },
}

/// Fetches `download` to `path`. `pause` waits between tries.
pub(super) fn pull(download: &Download, path: &Path, pause: impl Fn(Duration)) -> Result<(), PullError> {
    let Download { url, sha256, bytes } = download;
    let part = path.with_extension("onnx.part");
    let refused = |path: &Path| {
        let path = path.to_owned();
        move |source| PullError::Write { path, source }
    };
    let mut failures = 0;
    loop {
        let before = length(&part);
        if before >= *bytes {
            break;
        }
        let outcome = fetch(url, &part, before, *bytes).map_err(refused(&part))?;
        let got = length(&part);
        failures = if got > before { 0 } else { failures + 1 };
        if let Err(reason) = outcome {
            if failures == TRIES {
                return Err(PullError::Broken { url: url.clone(), got, bytes: *bytes, reason });
            }
            pause(FIRST_PAUSE * 2_u32.pow(failures));
        }
    }
    let found = catalogue::sha256(&fs::read(&part).map_err(refused(&part))?);
    if found != *sha256 {
        fs::remove_file(&part).map_err(refused(&part))?;
        return Err(PullError::WrongHash { url: url.clone(), found, expected: sha256.clone() });
    }
    fs::rename(&part, path).map_err(refused(path))
}

/// One request for what is missing, appended to `part`. The outer error is the disk's, the inner one the network's.
fn fetch(url: &str, part: &Path, from: u64, bytes: u64) -> io::Result<Result<(), String>> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_connect(Some(PATIENCE))
        .timeout_recv_response(Some(PATIENCE))
        .build()
        .into();
    let request = agent.get(url);
    let request = if from > 0 { request.header(RANGE, format!("bytes={from}-")) } else { request };
    let response = match request.call() {
        Ok(response) => response,
        Err(e) => return Ok(Err(e.to_string())),
    };
    // A server that does not know ranges sends everything again.
    let resumes = response.status() == StatusCode::PARTIAL_CONTENT;
    let (mut file, missing) = if resumes {
        (OpenOptions::new().create(true).append(true).open(part)?, bytes - from)
    } else {
        (File::create(part)?, bytes)
    };
    let mut body = response.into_body().into_reader().take(missing);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match body.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => file.write_all(&buffer[..read])?,
            Err(e) => {
                file.sync_all()?;
                return Ok(Err(e.to_string()));
            }
        }
    }
    file.sync_all()?;
    let got = length(part);
    Ok(if got == bytes { Ok(()) } else { Err(format!("the connection ended at {got} of {bytes} bytes")) })
}

fn length(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |m| m.len())
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::net::{TcpListener, TcpStream};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// A server that sends at most `at_once` bytes of `file` and then hangs up.
    fn serve(file: Vec<u8>, at_once: usize, knows_ranges: bool) -> (String, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/model.onnx", listener.local_addr().unwrap());
        let requests = Arc::new(AtomicUsize::new(0));
        let count = requests.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                count.fetch_add(1, Ordering::SeqCst);
                // A client that has gone is the client's business.
                drop(answer(stream, &file, at_once, knows_ranges));
            }
        });
        (url, requests)
    }

    fn answer(mut stream: TcpStream, file: &[u8], at_once: usize, knows_ranges: bool) -> io::Result<()> {
        let mut from = 0;
        for line in BufReader::new(stream.try_clone()?).lines() {
            let line = line?.to_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(range) = line.strip_prefix("range: bytes=").filter(|_| knows_ranges) {
                from = range.trim_end_matches('-').parse().unwrap();
            }
        }
        let status = if from > 0 { "206 Partial Content" } else { "200 OK" };
        let rest = &file[from..];
        write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", rest.len())?;
        stream.write_all(&rest[..rest.len().min(at_once)])
    }

    fn model() -> Vec<u8> {
        (0..100_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
    }

    fn download(url: String, file: &[u8]) -> Download {
        Download { url, sha256: catalogue::sha256(file), bytes: file.len() as u64 }
    }

    #[test]
    fn a_connection_that_breaks_off_is_resumed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.onnx");
        let (url, requests) = serve(model(), 30_000, true);
        pull(&download(url, &model()), &path, |_| {}).unwrap();
        assert_eq!(fs::read(&path).unwrap(), model());
        assert_eq!(requests.load(Ordering::SeqCst), 4, "30,000 bytes each time");
        assert!(!path.with_extension("onnx.part").exists());
    }

    #[test]
    fn a_part_from_an_earlier_run_is_used() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.onnx");
        fs::write(path.with_extension("onnx.part"), &model()[..90_000]).unwrap();
        let (url, requests) = serve(model(), 10_000, true);
        pull(&download(url, &model()), &path, |_| {}).unwrap();
        assert_eq!(requests.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_server_without_ranges_that_always_breaks_off_is_given_up_with_what_came() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.onnx");
        let (url, _) = serve(model(), 30_000, false);
        let error = pull(&download(url, &model()), &path, |_| {}).unwrap_err();
        assert!(matches!(error, PullError::Broken { got: 30_000, bytes: 100_000, .. }), "{error}");
        assert!(!path.exists());
    }

    #[test]
    fn another_file_is_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.onnx");
        let mut changed = model();
        changed[5] ^= 1;
        let (url, _) = serve(changed, usize::MAX, true);
        let error = pull(&download(url, &model()), &path, |_| {}).unwrap_err();
        assert!(matches!(error, PullError::WrongHash { .. }), "{error}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
