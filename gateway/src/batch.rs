//! Batches: waiting events in one message, for a centre that has said that it takes them.
//!
//! A batch is a JSON array of events as they would go one by one (the JSON Batch Format of CloudEvents 1.0), compressed
//! with Zstandard (RFC 8878). Each event keeps its id and its sequence. The centre says on a retained topic of the box
//! what it takes, such as `{"batch":["zstd"]}`; without that, nothing goes in batches.

use std::io::Read;

use serde_json::Value;
use serde_json::value::RawValue;

/// The only encoding there is so far.
pub const ZSTD: &str = "zstd";
/// Level 3 is what Zstandard's authors take; higher ones cost several times as much for some percent.
const LEVEL: i32 = 3;
/// Largest batch that is unpacked, bytes of JSON. Nothing that a box sends comes near it.
const LARGEST_BYTES: u64 = 16 << 20;

/// Which batches the centre takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Batches {
    /// None: each event goes alone.
    #[default]
    None,
    /// Compressed with Zstandard.
    Zstd,
}

/// Why a message is no batch.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BatchError {
    /// It cannot be decompressed.
    #[error("the batch is no Zstandard frame: {0}")]
    Compression(#[from] std::io::Error),
    /// It would take too much memory.
    #[error("the batch unpacks to more than {LARGEST_BYTES} bytes")]
    TooLarge,
    /// What is in it is no array.
    #[error("the batch is no JSON array of events: {0}")]
    Json(#[from] serde_json::Error),
}

// === impl Batches ===

impl Batches {
    /// What the centre says about it. What cannot be read, or names no encoding that this box knows, takes none.
    pub fn accepted(payload: &[u8]) -> Self {
        let said: Value = serde_json::from_slice(payload).unwrap_or_default();
        let encodings = said["batch"].as_array().into_iter().flatten();
        if encodings.filter_map(Value::as_str).any(|one| one == ZSTD) { Batches::Zstd } else { Batches::None }
    }
}

/// Packs events that are JSON already.
///
/// # Errors
/// No memory.
pub fn pack<'a>(events: impl Iterator<Item = &'a [u8]>) -> std::io::Result<Vec<u8>> {
    let mut array = b"[".to_vec();
    for (number, event) in events.enumerate() {
        if number > 0 {
            array.push(b',');
        }
        array.extend_from_slice(event);
    }
    array.push(b']');
    zstd::bulk::compress(&array, LEVEL)
}

/// The events of a batch, each as JSON.
///
/// # Errors
/// See [`BatchError`].
pub fn unpack(payload: &[u8]) -> Result<Vec<Vec<u8>>, BatchError> {
    let mut array = Vec::new();
    zstd::Decoder::new(payload)?.take(LARGEST_BYTES + 1).read_to_end(&mut array)?;
    if array.len() as u64 > LARGEST_BYTES {
        return Err(BatchError::TooLarge);
    }
    let events: Vec<&RawValue> = serde_json::from_slice(&array)?;
    Ok(events.into_iter().map(|event| event.get().as_bytes().to_vec()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_comes_out_as_it_went_in() {
        let events: Vec<Vec<u8>> =
            (0..32).map(|number| format!(r#"{{"id":"e{number}"}}"#).into_bytes()).collect();
        let packed = pack(events.iter().map(Vec::as_slice)).unwrap();
        assert_eq!(unpack(&packed).unwrap(), events);
        assert_eq!(unpack(&pack(std::iter::empty()).unwrap()).unwrap(), Vec::<Vec<u8>>::new());
    }

    #[test]
    fn what_is_no_batch_is_told_and_what_unpacks_to_too_much_is_not_unpacked() {
        assert!(matches!(unpack(b"[{}]"), Err(BatchError::Compression(_))));
        assert!(matches!(unpack(&zstd::bulk::compress(b"{}", 3).unwrap()), Err(BatchError::Json(_))));
        let bomb = zstd::bulk::compress(&vec![b' '; LARGEST_BYTES as usize + 1], 3).unwrap();
        assert!(bomb.len() < 4096, "{} bytes", bomb.len());
        assert!(matches!(unpack(&bomb), Err(BatchError::TooLarge)));
    }

    #[test]
    fn a_centre_that_says_nothing_of_batches_gets_none() {
        for said in
            ["", "{}", "no json", r#"{"batch":"zstd"}"#, r#"{"batch":["gzip"]}"#, r#"["zstd"]"#, "null"]
        {
            assert_eq!(Batches::accepted(said.as_bytes()), Batches::None, "{said}");
        }
        assert_eq!(Batches::accepted(br#"{"batch":["gzip","zstd"],"more":1}"#), Batches::Zstd);
    }
}
