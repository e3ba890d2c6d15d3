//! Loading ONNX Runtime's shared library, once a process.
//!
//! Only files that look like a shared library are handed to the loader, and telemetry is off.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use ort::environment::Environment;
use ort::logging::LogLevel;

/// First bytes of an ELF file (System V ABI).
const ELF_MAGIC: [u8; 4] = [0x7f, b'E', b'L', b'F'];

/// Why ONNX Runtime could not be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RuntimeError {
    /// No library at any place that was looked at.
    #[error("ONNX Runtime not found, looked at {looked_at:?}; run deploy/setup or set ORT_DYLIB_PATH")]
    NotFound {
        /// The places, in order.
        looked_at: Vec<PathBuf>,
    },
    /// The library is there and does not load.
    #[error("ONNX Runtime at {path} does not load: {reason}")]
    Load {
        /// The library.
        path: PathBuf,
        /// What the loader said.
        reason: String,
    },
}

struct Loaded {
    library: PathBuf,
    environment: Environment,
}

static LOADED: OnceLock<Loaded> = OnceLock::new();
static LOADING: Mutex<()> = Mutex::new(());

/// Loads ONNX Runtime from `library`, or from the first place that has it: `ORT_DYLIB_PATH`, beside the binary
/// (`lib/`), `/usr/lib/moshao`. May be called again; the first success counts. Returns the library's path.
pub fn load(library: Option<&Path>) -> Result<PathBuf, RuntimeError> {
    loaded(library).map(|l| l.library.clone())
}

/// The process's environment; loads the runtime from the usual places where [`load`] was not called before.
pub(crate) fn environment() -> Result<&'static Environment, RuntimeError> {
    loaded(None).map(|l| &l.environment)
}

fn loaded(library: Option<&Path>) -> Result<&'static Loaded, RuntimeError> {
    let _one_at_a_time = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(loaded) = LOADED.get() {
        return Ok(loaded);
    }
    let library = find(library)?;
    let failed = |reason: String| RuntimeError::Load { path: library.clone(), reason };
    check_is_library(&library).map_err(failed)?;
    let environment = ort::init_from(&library)
        .map_err(|e| failed(e.to_string()))?
        .with_name("moshao")
        .with_telemetry(false)
        .build()
        .map_err(|e| failed(e.to_string()))?;
    // What goes wrong comes back as an error; the library's own lines on stderr would only repeat it.
    environment.set_log_level(LogLevel::Fatal);
    Ok(LOADED.get_or_init(|| Loaded { library, environment }))
}

fn find(library: Option<&Path>) -> Result<PathBuf, RuntimeError> {
    let mut looked_at = Vec::new();
    for place in places(library) {
        let found = if place.is_dir() { newest_in(&place) } else { place.is_file().then(|| place.clone()) };
        match found {
            Some(file) => return Ok(file),
            None => looked_at.push(place),
        }
    }
    Err(RuntimeError::NotFound { looked_at })
}

/// Files and folders to look at. Whoever names a library means that one and no other.
fn places(library: Option<&Path>) -> Vec<PathBuf> {
    if let Some(library) = library {
        return vec![library.to_owned()];
    }
    if let Some(library) = std::env::var_os("ORT_DYLIB_PATH").filter(|p| !p.is_empty()) {
        return vec![library.into()];
    }
    let beside = std::env::current_exe().ok().and_then(|exe| Some(exe.parent()?.join("lib")));
    beside.into_iter().chain([PathBuf::from("/usr/lib/moshao")]).collect()
}

fn newest_in(folder: &Path) -> Option<PathBuf> {
    let is_runtime = |path: &PathBuf| {
        path.is_file()
            && path.file_name().is_some_and(|n| n.to_string_lossy().starts_with("libonnxruntime.so"))
    };
    fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path()).filter(is_runtime).max()
}

fn check_is_library(path: &Path) -> Result<(), String> {
    let mut head = [0; 4];
    fs::File::open(path).and_then(|mut file| file.read_exact(&mut head)).map_err(|e| e.to_string())?;
    if head == ELF_MAGIC { Ok(()) } else { Err("it is not a shared library (no ELF header)".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_library_is_named() {
        let missing = Path::new("/nonexistent/libonnxruntime.so");
        match find(Some(missing)) {
            Err(RuntimeError::NotFound { looked_at }) => assert_eq!(looked_at, [missing]),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_text_file_is_not_handed_to_the_loader() {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        assert!(check_is_library(&manifest).unwrap_err().contains("ELF"));
    }
}
