//! Whether other pictures refer to a picture, read from its first slice without decoding anything.
//!
//! A camera that sends pictures which none refers to (temporal layers, "SVC", B-pictures) can be decoded in part: such
//! pictures may be left out. Most cameras send none. Sources: ITU-T H.264 7.4.1 (`nal_ref_idc`), ITU-T H.265 table 7-1
//! (sub-layer non-reference pictures).

use super::{AccessUnit, Codec};

/// Whether the picture may be left out without harm to any other. False where that cannot be told.
pub fn is_unreferenced(unit: &AccessUnit) -> bool {
    first_slice(unit).is_some_and(|header| match unit.codec {
        Codec::H264 => header & 0x60 == 0,
        // TRAIL_N, TSA_N, STSA_N, RADL_N, RASL_N and their reserved kin: even types below 16.
        Codec::H265 => h265_type(header) < 16 && h265_type(header).is_multiple_of(2),
    })
}

/// First byte of the first NAL unit that holds a slice.
fn first_slice(unit: &AccessUnit) -> Option<u8> {
    let data = &unit.data;
    let mut at = 0;
    while let Some(start) = data.get(at..)?.windows(3).position(|window| window == [0, 0, 1]) {
        at += start + 3;
        let header = *data.get(at)?;
        let is_slice = match unit.codec {
            Codec::H264 => (1..=5).contains(&(header & 0x1f)),
            Codec::H265 => h265_type(header) < 32,
        };
        if is_slice {
            return Some(header);
        }
    }
    None
}

fn h265_type(header: u8) -> u8 {
    header >> 1 & 0x3f
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn is_free(codec: Codec, data: &[u8]) -> bool {
        is_unreferenced(&AccessUnit {
            data: data.to_vec().into(),
            codec,
            is_key: false,
            lost_packets: 0,
            is_new_sequence: false,
            media_time: Duration::ZERO,
            received_unix_ms: 0,
        })
    }

    #[test]
    fn h264_says_it_in_two_bits_of_the_slice() {
        assert!(is_free(Codec::H264, &[0, 0, 0, 1, 0x01, 0x9a]));
        assert!(!is_free(Codec::H264, &[0, 0, 0, 1, 0x41, 0x9a]));
        assert!(
            !is_free(Codec::H264, &[0, 0, 0, 1, 0x67, 1, 0, 0, 1, 0x68, 2, 0, 0, 1, 0x65, 3]),
            "a key frame"
        );
        assert!(
            is_free(Codec::H264, &[0, 0, 0, 1, 0x09, 0x10, 0, 0, 1, 0x06, 5, 0, 0, 1, 0x01, 3]),
            "a delimiter and SEI, which nothing refers to either, come before the slice"
        );
    }

    #[test]
    fn h265_says_it_in_the_type_of_the_slice() {
        let slice = |kind: u8| [0, 0, 0, 1, kind << 1, 1, 0xaf];
        let free: Vec<u8> = (0..32).filter(|kind| is_free(Codec::H265, &slice(*kind))).collect();
        assert_eq!(free, [0, 2, 4, 6, 8, 10, 12, 14]);
        assert!(
            !is_free(Codec::H265, &[0, 0, 1, 32 << 1, 1, 9, 0, 0, 1, 19 << 1, 1, 9]),
            "parameter sets, then IDR"
        );
    }

    #[test]
    fn what_makes_no_sense_is_kept() {
        for data in [&[][..], &[1, 2, 3], &[0, 0, 1], &[0, 0, 0, 1]] {
            assert!(!is_free(Codec::H264, data) && !is_free(Codec::H265, data));
        }
    }
}
