//! Detectors that are known to work: those in the program and those that can be fetched.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

const CATALOGUE: &str = include_str!("../models/catalogue.toml");

/// Models within the program, by name.
pub(crate) const BUILT_IN: [(&str, &[u8]); 1] =
    [("moshao-fire", include_bytes!("../models/moshao-fire.onnx"))];

/// One detector of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// What it is called here.
    pub name: String,
    /// Detector family.
    pub family: String,
    /// Width and height of its input, pixels.
    pub input: String,
    /// What it finds, in words.
    pub labels: String,
    /// SPDX identifier of the weights' licence.
    pub licence: String,
    /// What it is good for.
    #[serde(rename = "use")]
    pub intended_use: String,
    /// Where its file is; none for built-in ones.
    pub download: Option<Download>,
}

/// A file somewhere else.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Download {
    /// Its address.
    pub url: String,
    /// SHA-256 of the file, hexadecimal.
    pub sha256: String,
    /// Its length.
    pub bytes: u64,
}

#[derive(Deserialize)]
struct Catalogue {
    model: Vec<Entry>,
}

/// All entries in the order of the file.
pub fn entries() -> Vec<Entry> {
    let catalogue: Catalogue = toml::from_str(CATALOGUE).expect("the catalogue is parsed by a test");
    catalogue.model
}

/// The entry of this name.
pub fn entry(name: &str) -> Option<Entry> {
    entries().into_iter().find(|entry| entry.name == name)
}

/// Whether a model of this name is within the program.
pub fn is_built_in(name: &str) -> bool {
    BUILT_IN.iter().any(|(built_in, _)| *built_in == name)
}

/// SHA-256 in hexadecimal, as the catalogue has it.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_complete() {
        for entry in entries() {
            assert!(crate::family::Family::by_name(&entry.family).is_some(), "{}", entry.family);
            assert_eq!(entry.download.is_none(), is_built_in(&entry.name), "{}", entry.name);
            let Some(Download { url, sha256, .. }) = entry.download else { continue };
            assert!(url.starts_with("https://"), "{url}");
            assert!(sha256.len() == 64 && sha256.bytes().all(|b| b.is_ascii_hexdigit()), "{sha256}");
        }
    }

    #[test]
    fn hashes_are_those_of_the_standard() {
        // FIPS 180-2, appendix B.1.
        assert_eq!(sha256(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
