//! Batches as a centre reads them: no code of the gateway's, for whoever judges it.

use serde_json::value::RawValue;

/// The events of a batch, each as it stands there.
///
/// # Panics
/// Where it is none.
pub fn unpack(payload: &[u8]) -> Vec<Vec<u8>> {
    let array = zstd::decode_all(payload).expect("a batch is a Zstandard frame");
    let events: Vec<Box<RawValue>> = serde_json::from_slice(&array).expect("a batch is a JSON array");
    events.into_iter().map(|event| event.get().as_bytes().to_vec()).collect()
}
