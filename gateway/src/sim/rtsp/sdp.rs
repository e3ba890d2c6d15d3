//! The session description of a simulated camera (RFC 4566, RFC 6184 §8.2, RFC 7798 §7.2).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::rtp::PAYLOAD_TYPE;
use crate::sim::feed::{Codec, ParameterSets};

/// Name of the one track, relative to the stream's URL.
pub(super) const TRACK: &str = "track1";

/// A session with one video track.
pub(super) fn video(codec: Codec, sets: &ParameterSets) -> String {
    let format = match codec {
        Codec::H264 => {
            let profile: String =
                sets.sps.get(1..4).unwrap_or_default().iter().map(|b| format!("{b:02x}")).collect();
            format!(
                "packetization-mode=1;profile-level-id={profile};sprop-parameter-sets={},{}",
                STANDARD.encode(&sets.sps),
                STANDARD.encode(&sets.pps)
            )
        }
        Codec::H265 => format!(
            "sprop-vps={};sprop-sps={};sprop-pps={}",
            STANDARD.encode(&sets.vps),
            STANDARD.encode(&sets.sps),
            STANDARD.encode(&sets.pps)
        ),
    };
    let name = match codec {
        Codec::H264 => "H264",
        Codec::H265 => "H265",
    };
    format!(
        "{}m=video 0 RTP/AVP {PAYLOAD_TYPE}\r\na=rtpmap:{PAYLOAD_TYPE} {name}/90000\r\n\
         a=fmtp:{PAYLOAD_TYPE} {format}\r\na=control:{TRACK}\r\n",
        session()
    )
}

/// A session without video: G.711 only.
pub(super) fn audio() -> String {
    format!("{}m=audio 0 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=control:{TRACK}\r\n", session())
}

/// A session whose video is Motion JPEG (RFC 2435).
pub(super) fn motion_jpeg() -> String {
    format!("{}m=video 0 RTP/AVP 26\r\na=rtpmap:26 JPEG/90000\r\na=control:{TRACK}\r\n", session())
}

fn session() -> &'static str {
    "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=Moshao simulated camera\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\na=control:*\r\n"
}
