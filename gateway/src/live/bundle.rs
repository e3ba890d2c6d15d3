//! A configuration that the centre has signed.
//!
//! ```json
//! {"version": 7, "config": "[gateway]\nid = …", "signature": "base64 of 64 bytes"}
//! ```
//!
//! Signed with Ed25519 (RFC 8032) are the bytes of `moshao configuration bundle 1`, a line feed, the version in decimal, a
//! line feed, and the configuration's text in UTF-8. Keys are PEM files as `openssl genpkey -algorithm ed25519` makes them
//! (PKCS #8, and SubjectPublicKeyInfo for the public half; RFC 8410).

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use moshao_config::CentreKey;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Largest text, bytes: what a command can carry.
pub const TEXT_MAX_BYTES: usize = 160 * 1024;
/// What every signed text begins with, so that a signature never counts for anything else.
const CONTEXT: &str = "moshao configuration bundle 1";

/// A configuration that the centre has signed: written into the file, applied, and taken back where it fails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    /// Rises with each bundle; one that is not higher than the last is refused.
    #[schemars(range(min = 1, max = 9_007_199_254_740_991_u64))]
    pub version: u64,
    /// The whole configuration file, TOML. Secrets stand in it as `${file:…}` or `${env:…}` only.
    #[schemars(length(max = 163_840))]
    pub config: String,
    /// Ed25519 signature over version and text, base64; `moshao bundle sign` makes it.
    pub signature: String,
}

/// The centre's private key.
pub struct SigningKey(Ed25519KeyPair);

/// Why a bundle is no bundle of the centre's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// Nobody may push bundles to this gateway.
    #[error("this gateway takes no bundles: `change.keys` names no key of the centre")]
    NoKeys,
    /// The signature is none.
    #[error("`signature` is no base64 of 64 bytes; `moshao bundle sign` makes one")]
    NoSignature,
    /// Signed by somebody else, or changed since.
    #[error(
        "the signature fits none of the {0} keys of `change.keys`: the bundle was signed with another key, or its text \
         or version was changed afterwards"
    )]
    BadSignature(usize),
    /// It does not fit into a command.
    #[error("the configuration has {0} bytes; a bundle carries at most {TEXT_MAX_BYTES}")]
    TooLarge(usize),
    /// Passwords stand in it.
    #[error(
        "secrets are written out in {0}; a bundle carries none: put them into files on the box and write `${{file:NAME}}`"
    )]
    Secrets(String),
    /// The key cannot be used.
    #[error(
        "the key cannot be used: {0}; expected is a PEM file as `openssl genpkey -algorithm ed25519` makes it"
    )]
    Key(String),
}

// === impl Bundle ===

impl Bundle {
    /// Signs a configuration.
    ///
    /// # Errors
    /// It is too large, or carries secrets.
    pub fn sign(version: u64, config: String, key: &SigningKey) -> Result<Self, BundleError> {
        let signature = key.0.sign(&signed_bytes(version, &config));
        let bundle = Bundle { version, config, signature: BASE64_STANDARD.encode(signature) };
        bundle.check_text()?;
        Ok(bundle)
    }

    /// Whether one of these keys has signed it, and whether it may travel.
    ///
    /// # Errors
    /// It does not come from the centre as it is.
    pub fn verify(&self, keys: &[CentreKey]) -> Result<(), BundleError> {
        if keys.is_empty() {
            return Err(BundleError::NoKeys);
        }
        let signature = BASE64_STANDARD.decode(&self.signature).map_err(|_| BundleError::NoSignature)?;
        if signature.len() != 64 {
            return Err(BundleError::NoSignature);
        }
        let signed = signed_bytes(self.version, &self.config);
        let fits =
            |key: &CentreKey| UnparsedPublicKey::new(&ED25519, key.0).verify(&signed, &signature).is_ok();
        if !keys.iter().any(fits) {
            return Err(BundleError::BadSignature(keys.len()));
        }
        self.check_text()
    }

    fn check_text(&self) -> Result<(), BundleError> {
        if self.config.len() > TEXT_MAX_BYTES {
            return Err(BundleError::TooLarge(self.config.len()));
        }
        let secrets = moshao_config::plain_secrets(&self.config);
        if secrets.is_empty() {
            Ok(())
        } else {
            Err(BundleError::Secrets(format!("`{}`", secrets.join("`, `"))))
        }
    }
}

fn signed_bytes(version: u64, config: &str) -> Vec<u8> {
    format!("{CONTEXT}\n{version}\n{config}").into_bytes()
}

// === impl SigningKey ===

impl SigningKey {
    /// From the text of a PEM file.
    ///
    /// # Errors
    /// It is none, or of another kind.
    pub fn from_pem(text: &str) -> Result<Self, BundleError> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(text.as_bytes())
            .map_err(|error| BundleError::Key(format!("no private key in PEM ({error:?})")))?;
        // OpenSSL leaves the public half out, which the other way of reading insists on.
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der.secret_pkcs8_der())
            .map_err(|error| BundleError::Key(format!("not Ed25519 ({error})")))?;
        Ok(SigningKey(pair))
    }

    /// The public half.
    pub fn public(&self) -> CentreKey {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(self.0.public_key().as_ref());
        CentreKey(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> SigningKey {
        let random = ring::rand::SystemRandom::new();
        let document = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
        SigningKey(Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap())
    }

    const TEXT: &str = "[gateway]\nid = \"gw\"\n";

    #[test]
    fn only_what_a_known_key_has_signed_as_it_is_counts() {
        let (own, other) = (key(), key());
        let bundle = Bundle::sign(7, TEXT.to_owned(), &own).unwrap();
        assert_eq!(bundle.verify(&[other.public(), own.public()]), Ok(()));
        assert_eq!(bundle.verify(&[other.public()]), Err(BundleError::BadSignature(1)));
        assert_eq!(bundle.verify(&[]), Err(BundleError::NoKeys));
        for changed in [
            Bundle { version: 8, ..bundle.clone() },
            Bundle { config: format!("{TEXT} "), ..bundle.clone() },
            // The line between version and text is not to be moved.
            Bundle { version: 71, config: TEXT[1..].to_owned(), ..bundle.clone() },
        ] {
            assert_eq!(changed.verify(&[own.public()]), Err(BundleError::BadSignature(1)));
        }
        for signature in ["", "?", "AAAA"] {
            let changed = Bundle { signature: signature.to_owned(), ..bundle.clone() };
            assert_eq!(changed.verify(&[own.public()]), Err(BundleError::NoSignature));
        }
    }

    #[test]
    fn secrets_do_not_travel() {
        let text = "[uplink]\npassword = \"geheim\"\n";
        let error = Bundle::sign(7, text.to_owned(), &key()).unwrap_err();
        assert!(
            error.to_string().contains("`uplink.password`") && !error.to_string().contains("geheim"),
            "{error}"
        );
    }

    #[test]
    fn the_key_that_openssl_makes_can_be_used() {
        // openssl genpkey -algorithm ed25519; openssl pkey -pubout
        let pem = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";
        let key = SigningKey::from_pem(pem).unwrap();
        // RFC 8032 §7.1, test 1.
        let public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
        let hex: String = key.public().0.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, public);
        assert!(SigningKey::from_pem("").is_err());
    }
}
