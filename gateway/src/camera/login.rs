//! Which login a camera asks for, before any password is given to the RTSP client.
//!
//! The client answers a Basic challenge where the camera offers nothing better, and Basic is the password in clear
//! text. So a camera that has a password and no leave to use Basic is first asked without one: a DESCRIBE on a
//! connection of its own. Whoever can change what the camera says between that answer and the next could still ask for
//! Basic then; against that, only a network of its own helps.
//!
//! Source: RFC 2326 §10.2 (DESCRIBE), §12.44 (WWW-Authenticate), RFC 7616 (Digest).

use http_auth::PasswordClient;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use url::{Host, Url};

use super::fault::{SessionError, peer_of};
use crate::worker::link::StreamFault;

/// Longest head of an answer, bytes.
const HEAD_MAX_BYTES: usize = 16 * 1024;

/// What a camera asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Challenge {
    /// No login, or not yet: it answers with a description or a refusal.
    None,
    /// Digest authentication.
    Digest,
    /// The password in clear text.
    Basic,
    /// Something that no client here can answer.
    Unknown,
}

/// Refuses a camera that wants the password in clear text.
///
/// # Errors
/// [`StreamFault::InsecureLogin`]; or what kept the camera from being asked.
pub async fn require_digest(url: &Url) -> Result<(), SessionError> {
    let peer = peer_of(url);
    match ask(url, &peer).await? {
        Challenge::None | Challenge::Digest | Challenge::Unknown => Ok(()),
        Challenge::Basic => Err(SessionError::new(
            StreamFault::InsecureLogin,
            format!(
                "{peer} takes the password in clear text only (Basic authentication); switch it to Digest, or set \
                 allow_basic = true where nobody else is on its network"
            ),
        )),
    }
}

async fn ask(url: &Url, peer: &str) -> Result<Challenge, SessionError> {
    let broken = |error: std::io::Error| SessionError::unreachable(peer, error);
    let mut connection = connect(url).await.map_err(broken)?;
    let user_agent = super::USER_AGENT;
    let request = format!(
        "DESCRIBE {url} RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: {user_agent}\r\nAccept: application/sdp\r\n\r\n"
    );
    connection.write_all(request.as_bytes()).await.map_err(broken)?;

    let mut head = Vec::new();
    loop {
        let read = (&mut connection).take((HEAD_MAX_BYTES - head.len()) as u64).read_buf(&mut head).await;
        let is_whole = head.windows(4).any(|window| window == b"\r\n\r\n");
        if is_whole {
            break;
        }
        match read {
            Ok(0) if head.is_empty() => {
                return Err(SessionError::new(
                    StreamFault::Unreachable,
                    format!("{peer} closed the connection without an answer; is it an RTSP port?"),
                ));
            }
            // The end, or the limit, in the middle of a head.
            Ok(0) => break,
            Ok(_) => {}
            Err(error) => return Err(broken(error)),
        }
    }
    challenge_in(&String::from_utf8_lossy(&head)).ok_or_else(|| SessionError::not_rtsp(peer))
}

async fn connect(url: &Url) -> std::io::Result<TcpStream> {
    let port = url.port().unwrap_or(554);
    match url.host() {
        Some(Host::Domain(name)) => TcpStream::connect((name, port)).await,
        Some(Host::Ipv4(address)) => TcpStream::connect((address, port)).await,
        Some(Host::Ipv6(address)) => TcpStream::connect((address, port)).await,
        None => Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, "the url names no host")),
    }
}

/// The challenge in the head of an answer; none where it is no RTSP at all.
fn challenge_in(head: &str) -> Option<Challenge> {
    let mut lines = head.split("\r\n");
    let status = lines.next()?.strip_prefix("RTSP/1.")?;
    if status.split(' ').nth(1) != Some("401") {
        return Some(Challenge::None);
    }
    let offers: Vec<&str> = lines
        .filter_map(|line| line.split_once(':'))
        .filter(|(name, _)| name.trim().eq_ignore_ascii_case("www-authenticate"))
        .map(|(_, offer)| offer.trim())
        .collect();
    // The very choice that the RTSP client will make, so that both never differ.
    Some(match PasswordClient::try_from(offers.join(", ").as_str()) {
        Ok(PasswordClient::Digest(_)) => Challenge::Digest,
        Ok(PasswordClient::Basic(_)) => Challenge::Basic,
        _ => Challenge::Unknown,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn challenge(offers: &[&str]) -> Option<Challenge> {
        let lines: String = offers.iter().map(|offer| format!("WWW-Authenticate: {offer}\r\n")).collect();
        challenge_in(&format!("RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\n{lines}\r\n"))
    }

    const DIGEST: &str = r#"Digest realm="IP Camera", nonce="49f7", algorithm="MD5""#;
    const BASIC: &str = r#"Basic realm="IP Camera""#;

    #[test]
    fn digest_wins_in_any_order_and_in_one_line_or_two() {
        assert_eq!(challenge(&[DIGEST]), Some(Challenge::Digest));
        assert_eq!(challenge(&[DIGEST, BASIC]), Some(Challenge::Digest));
        assert_eq!(challenge(&[BASIC, DIGEST]), Some(Challenge::Digest));
        assert_eq!(challenge(&[&format!("{BASIC}, {DIGEST}")]), Some(Challenge::Digest));
    }

    #[test]
    fn basic_alone_is_seen_also_behind_a_digest_that_cannot_be_answered() {
        assert_eq!(challenge(&[BASIC]), Some(Challenge::Basic));
        assert_eq!(
            challenge(&[r#"Digest realm="x", nonce="1", algorithm="ROT13""#, BASIC]),
            Some(Challenge::Basic)
        );
    }

    #[test]
    fn other_answers() {
        assert_eq!(challenge_in("RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n"), Some(Challenge::None));
        assert_eq!(challenge_in("RTSP/1.0 404 Not Found\r\n\r\n"), Some(Challenge::None));
        assert_eq!(challenge(&["Negotiate"]), Some(Challenge::Unknown));
        assert_eq!(challenge(&[]), Some(Challenge::Unknown));
        assert_eq!(challenge_in("HTTP/1.1 400 Bad Request\r\n\r\n"), None);
        assert_eq!(challenge_in("SSH-2.0-OpenSSH_9.2\r\n"), None);
        assert_eq!(challenge_in(""), None);
    }
}
