//! How the configuration changes while the gateway runs.

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

/// `[change]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Whether the file is read as soon as it has been saved.
    pub on_save: bool,
    /// How long a changed configuration is watched before it is kept.
    pub trial: Duration,
    /// Who may push configurations to this gateway.
    pub keys: Vec<CentreKey>,
}

/// Public half of an Ed25519 key of the centre (RFC 8032).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CentreKey(pub [u8; 32]);

/// What a SubjectPublicKeyInfo of Ed25519 begins with (RFC 8410 §4).
const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

// === impl CentreKey ===

impl CentreKey {
    /// From a PEM file's text, or from the line between its first and its last.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.contains("PRIVATE KEY") {
            return Err("this is a private key, which must not leave the centre".to_owned());
        }
        let body: String =
            text.lines().filter(|line| !line.starts_with("-----")).flat_map(str::split_whitespace).collect();
        let bytes = BASE64_STANDARD.decode(body).map_err(|_| "not base64".to_owned())?;
        let key = bytes.strip_prefix(&SPKI).and_then(|key| key.try_into().ok());
        key.map(CentreKey).ok_or_else(|| "not the public half of an Ed25519 key".to_owned())
    }
}

impl fmt::Display for CentreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64_STANDARD.encode([SPKI.as_slice(), &self.0].concat()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_from_a_pem_file_and_from_its_line() {
        let line = "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
        let key = CentreKey::parse(line).unwrap();
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{line}\n-----END PUBLIC KEY-----\n");
        assert_eq!((CentreKey::parse(&pem), key.to_string()), (Ok(key), line.to_owned()));
        assert_eq!(key.0[..3], [0xd7, 0x5a, 0x98]);
        for wrong in ["", "?", "MCowBQYDK2VwAyEA", "-----BEGIN PRIVATE KEY-----\nMC4=\n"] {
            assert!(CentreKey::parse(wrong).is_err(), "{wrong}");
        }
    }
}
