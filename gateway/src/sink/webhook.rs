//! A webhook: one CloudEvent a request, structured (CloudEvents 1.0, HTTP binding), signed.
//!
//! | header | what |
//! |---|---|
//! | `Content-Type` | `application/cloudevents+json; charset=utf-8` |
//! | `X-Moshao-Signature` | `t=<Unix seconds>,v1=<hex of HMAC-SHA256 over "<t>." and the body>`, where a secret is configured |
//! | `X-Moshao-Missed` | so many events before this one were given up for this sink; absent where there are none |
//!
//! The receiver computes the same HMAC over the bytes as they came, compares in constant time, and refuses a `t` that
//! is more than a few minutes off: a recorded request cannot be played again later. It removes repeats by `source` and
//! `id`. 2xx says that it has the event.

use jiff::Timestamp;
use moshao_config::{Secret, Sink};
use ring::hmac;

use super::post::Request;

/// The signature header.
pub const SIGNATURE: &str = "X-Moshao-Signature";
/// The header with the number of events given up.
pub const MISSED: &str = "X-Moshao-Missed";

/// The request for one event.
pub(super) fn request(sink: &Sink, event: &[u8], missed: u64, now: Timestamp) -> Request {
    let mut headers = vec![("Content-Type", "application/cloudevents+json; charset=utf-8".to_owned())];
    if let Some(secret) = &sink.secret {
        headers.push((SIGNATURE, signature(secret, now.as_second(), event)));
    }
    if missed > 0 {
        headers.push((MISSED, missed.to_string()));
    }
    Request { url: sink.url.clone(), headers, body: event.to_vec() }
}

/// The value of the signature header for this body at this time.
pub fn signature(secret: &Secret, unix_s: i64, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.reveal().as_bytes());
    let mut context = hmac::Context::with_key(&key);
    context.update(format!("{unix_s}.").as_bytes());
    context.update(body);
    let hex: String = context.sign().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={unix_s},v1={hex}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_one_that_openssl_makes() {
        // printf '1700000000.{"id":"e1"}' | openssl dgst -sha256 -hmac 'a secret'
        let signed = signature(&Secret::new("a secret"), 1_700_000_000, br#"{"id":"e1"}"#);
        assert_eq!(
            signed,
            "t=1700000000,v1=c968b8721863ef0c538179603b67e3eda3ef71b62c6791803e5e14f86304a8f4"
        );
    }
}
