//! The password check: Digest access authentication with MD5, and Basic on request (RFC 2617).

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};
use moshao_config::Secret;

/// Who may look.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// User name.
    pub username: String,
    /// Password.
    pub password: Secret,
}

/// How the password is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    Digest,
    Basic,
}

const REALM: &str = "Moshao simulated camera";

/// The `WWW-Authenticate` header.
pub(super) fn challenge(scheme: Scheme, nonce: &str) -> String {
    match scheme {
        Scheme::Digest => format!("Digest realm=\"{REALM}\", nonce=\"{nonce}\""),
        Scheme::Basic => format!("Basic realm=\"{REALM}\""),
    }
}

/// Whether an `Authorization` header proves knowledge of the password for this request.
pub(super) fn proves(
    credentials: &Credentials,
    scheme: Scheme,
    nonce: &str,
    method: &str,
    authorization: &str,
) -> bool {
    let Some((word, rest)) = authorization.split_once(' ') else { return false };
    match scheme {
        Scheme::Basic => {
            let expected = format!("{}:{}", credentials.username, credentials.password.reveal());
            word.eq_ignore_ascii_case("basic")
                && STANDARD.decode(rest.trim()).is_ok_and(|got| got == expected.as_bytes())
        }
        Scheme::Digest => {
            let fields = fields(rest);
            let field = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
            let expected = response(&Proof {
                username: &credentials.username,
                realm: REALM,
                password: credentials.password.reveal(),
                nonce,
                method,
                uri: field("uri"),
                protection: fields.get("qop").map(|_| (field("nc"), field("cnonce"), field("qop"))),
            });
            word.eq_ignore_ascii_case("digest")
                && field("username") == credentials.username
                && field("nonce") == nonce
                && field("response").eq_ignore_ascii_case(&expected)
        }
    }
}

/// What a Digest response is computed from.
struct Proof<'a> {
    username: &'a str,
    realm: &'a str,
    password: &'a str,
    nonce: &'a str,
    method: &'a str,
    uri: &'a str,
    /// `nc`, `cnonce`, `qop` where the client sends them.
    protection: Option<(&'a str, &'a str, &'a str)>,
}

/// RFC 2617 §3.2.2.1.
fn response(proof: &Proof<'_>) -> String {
    let Proof { username, realm, password, nonce, method, uri, protection } = proof;
    let who = md5_hex(&format!("{username}:{realm}:{password}"));
    let what = md5_hex(&format!("{method}:{uri}"));
    match protection {
        None => md5_hex(&format!("{who}:{nonce}:{what}")),
        Some((count, own_nonce, quality)) => {
            md5_hex(&format!("{who}:{nonce}:{count}:{own_nonce}:{quality}:{what}"))
        }
    }
}

fn md5_hex(text: &str) -> String {
    Md5::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `name="value"` and `name=value`, separated by commas.
fn fields(text: &str) -> HashMap<String, String> {
    let mut fields = HashMap::new();
    let mut rest = text;
    while let Some((name, after)) = rest.split_once('=') {
        let (value, remaining) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => after.split_once(',').unwrap_or((after, "")),
        };
        fields.insert(name.trim_matches([',', ' ']).to_ascii_lowercase(), value.trim().to_owned());
        rest = remaining;
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_2617_holds() {
        let proof = Proof {
            username: "Mufasa",
            realm: "testrealm@host.com",
            password: "Circle Of Life",
            nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093",
            method: "GET",
            uri: "/dir/index.html",
            protection: Some(("00000001", "0a4f113b", "auth")),
        };
        assert_eq!(response(&proof), "6629fae49393a05397450978507c4ef1");
    }

    #[test]
    fn the_vectors_of_gb_t_28181_registration_hold() {
        let mut proof = Proof {
            username: "34020000001320000001",
            realm: "3402000000",
            password: "12345678",
            nonce: "0123456789abcdef0123456789abcdef",
            method: "REGISTER",
            uri: "sip:34020000002000000001@3402000000",
            protection: None,
        };
        assert_eq!(response(&proof), "63bdcb28b804629350801400127d6cd1");
        proof.protection = Some(("00000001", "deadbeef", "auth"));
        assert_eq!(response(&proof), "8c14bd1a471f6139c09a96ffb3cff3ef");
    }

    #[test]
    fn only_the_right_password_proves_itself() {
        let credentials = Credentials { username: "viewer".into(), password: Secret::new("right") };
        let answer = |password: &str| {
            let uri = "rtsp://127.0.0.1/stream";
            let response = response(&Proof {
                username: "viewer",
                realm: REALM,
                password,
                nonce: "n1",
                method: "DESCRIBE",
                uri,
                protection: None,
            });
            format!(
                "Digest username=\"viewer\", realm=\"{REALM}\", nonce=\"n1\", uri=\"{uri}\", response={response}"
            )
        };
        let holds = |header: &str, nonce| proves(&credentials, Scheme::Digest, nonce, "DESCRIBE", header);
        assert!(holds(&answer("right"), "n1"));
        assert!(!holds(&answer("wrong"), "n1"));
        assert!(!holds(&answer("right"), "n2"), "an old nonce must not do");
        assert!(!holds("Basic dmlld2VyOnJpZ2h0", "n1"), "Basic must not do where Digest is asked for");
        assert!(proves(&credentials, Scheme::Basic, "n1", "DESCRIBE", "Basic dmlld2VyOnJpZ2h0"));
        assert!(!holds("", "n1"));
    }
}
