//! Access units into RTP packets: RFC 3550 (header, sender reports), RFC 6184 (H.264), RFC 7798 (H.265).
//!
//! A NAL unit that fits goes into a packet of its own; a larger one is cut into fragmentation units. Nothing is
//! aggregated. The marker bit ends an access unit.

use std::time::Duration;

use crate::sim::feed::{AccessUnit, Codec, nal_header_bytes};

/// Largest RTP payload, bytes: fits an Ethernet frame with all headers.
const MAX_PAYLOAD_BYTES: usize = 1400;
/// The dynamic payload type that the session description names.
pub(super) const PAYLOAD_TYPE: u8 = 96;
/// RTP clock of video.
const CLOCK_HZ: u64 = 90_000;
/// RFC 6184 §5.4.
const H264_FU_A: u8 = 28;
/// RFC 7798 §4.4.3.
const H265_FU: u8 = 49;
/// Seconds from 1900 to 1970 (RFC 5905).
const NTP_EPOCH_S: u64 = 2_208_988_800;

/// Numbers the packets of one stream to one client.
#[derive(Debug)]
pub(super) struct Packetizer {
    codec: Codec,
    source: u32,
    sequence: u16,
    packets: u32,
    bytes: u32,
}

// === impl Packetizer ===

impl Packetizer {
    pub(super) fn new(codec: Codec, source: u32, first_sequence: u16) -> Self {
        Self { codec, source, sequence: first_sequence, packets: 0, bytes: 0 }
    }

    /// The packets of an access unit.
    pub(super) fn packets(&mut self, unit: &AccessUnit) -> Vec<Vec<u8>> {
        let time = rtp_time(unit.media_time);
        let codec = self.codec;
        let mut payloads: Vec<Vec<u8>> = vec![];
        for nal in unit.nals.iter().filter(|nal| nal.len() > nal_header_bytes(codec)) {
            if nal.len() <= MAX_PAYLOAD_BYTES {
                payloads.push(nal.to_vec());
            } else {
                fragments(codec, nal, &mut payloads);
            }
        }
        let count = payloads.len();
        payloads
            .into_iter()
            .enumerate()
            .map(|(i, payload)| self.packet(time, i + 1 == count, &payload))
            .collect()
    }

    fn packet(&mut self, time: u32, marker: bool, payload: &[u8]) -> Vec<u8> {
        let mut packet = Vec::with_capacity(12 + payload.len());
        packet.extend([0x80, PAYLOAD_TYPE | u8::from(marker) << 7]);
        packet.extend(self.sequence.to_be_bytes());
        packet.extend(time.to_be_bytes());
        packet.extend(self.source.to_be_bytes());
        packet.extend(payload);
        self.sequence = self.sequence.wrapping_add(1);
        self.packets = self.packets.wrapping_add(1);
        self.bytes = self.bytes.wrapping_add(payload.len() as u32);
        packet
    }

    /// A sender report (RFC 3550 §6.4.1): which wall clock time belongs to a media time.
    pub(super) fn sender_report(&self, since_unix_epoch: Duration, media_time: Duration) -> Vec<u8> {
        let fraction = (u64::from(since_unix_epoch.subsec_nanos()) << 32) / 1_000_000_000;
        let mut report = vec![0x80, 200, 0, 6];
        report.extend(self.source.to_be_bytes());
        report.extend(((since_unix_epoch.as_secs() + NTP_EPOCH_S) as u32).to_be_bytes());
        report.extend((fraction as u32).to_be_bytes());
        report.extend(rtp_time(media_time).to_be_bytes());
        report.extend(self.packets.to_be_bytes());
        report.extend(self.bytes.to_be_bytes());
        report
    }
}

/// Media time on the RTP clock; wraps every 13 hours.
fn rtp_time(media_time: Duration) -> u32 {
    (media_time.as_micros() as u64 * CLOCK_HZ / 1_000_000) as u32
}

fn fragments(codec: Codec, nal: &[u8], payloads: &mut Vec<Vec<u8>>) {
    let (header, body) = nal.split_at(nal_header_bytes(codec));
    let prefix = match codec {
        // F and NRI as in the NAL unit, type FU-A; the FU header carries the type.
        Codec::H264 => (vec![header[0] & 0xe0 | H264_FU_A], header[0] & 0x1f),
        // F, layer and temporal id as in the NAL unit, type FU.
        Codec::H265 => (vec![header[0] & 0x81 | H265_FU << 1, header[1]], header[0] >> 1 & 0x3f),
    };
    let pieces = body.chunks(MAX_PAYLOAD_BYTES - 3);
    let last = pieces.len() - 1;
    for (i, piece) in pieces.enumerate() {
        let mut payload = prefix.0.clone();
        payload.push(prefix.1 | u8::from(i == 0) << 7 | u8::from(i == last) << 6);
        payload.extend(piece);
        payloads.push(payload);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;

    /// Puts NAL units back together as the RFCs tell a receiver to.
    fn depacketize(codec: Codec, packets: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let mut nals: Vec<Vec<u8>> = vec![];
        for packet in packets {
            let payload = &packet[12..];
            let (kind, head) = match codec {
                Codec::H264 => (payload[0] & 0x1f, 1),
                Codec::H265 => (payload[0] >> 1 & 0x3f, 2),
            };
            if kind != if codec == Codec::H264 { H264_FU_A } else { H265_FU } {
                nals.push(payload.to_vec());
                continue;
            }
            let fu = payload[head];
            if fu & 0x80 != 0 {
                nals.push(match codec {
                    Codec::H264 => vec![payload[0] & 0xe0 | fu & 0x1f],
                    Codec::H265 => vec![payload[0] & 0x81 | (fu & 0x3f) << 1, payload[1]],
                });
            }
            nals.last_mut().unwrap().extend(&payload[head + 1..]);
        }
        nals
    }

    fn nal(codec: Codec) -> impl Strategy<Value = Vec<u8>> {
        let kind = match codec {
            Codec::H264 => {
                (1u8..24, 0u8..4).prop_map(|(kind, importance)| vec![importance << 5 | kind]).boxed()
            }
            Codec::H265 => (0u8..41).prop_map(|kind| vec![kind << 1, 1]).boxed(),
        };
        (kind, prop::collection::vec(any::<u8>(), 1..6000)).prop_map(|(mut header, body)| {
            header.extend(body);
            header
        })
    }

    fn comes_back(codec: Codec, nals: Vec<Vec<u8>>) {
        let unit = AccessUnit {
            nals: nals.iter().cloned().map(Bytes::from).collect(),
            media_time: Duration::from_millis(40),
            key: true,
        };
        let packets = Packetizer::new(codec, 7, u16::MAX - 1).packets(&unit);
        for (i, packet) in packets.iter().enumerate() {
            assert!(packet.len() <= MAX_PAYLOAD_BYTES + 12);
            assert_eq!(u16::from_be_bytes([packet[2], packet[3]]), (u16::MAX - 1).wrapping_add(i as u16));
            assert_eq!(u32::from_be_bytes(packet[4..8].try_into().unwrap()), 3600);
            assert_eq!(packet[1] >> 7 == 1, i + 1 == packets.len(), "the marker ends the access unit");
        }
        assert_eq!(depacketize(codec, &packets), nals);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn h264_comes_back_whole(nals in prop::collection::vec(nal(Codec::H264), 1..5)) {
            comes_back(Codec::H264, nals);
        }

        #[test]
        fn h265_comes_back_whole(nals in prop::collection::vec(nal(Codec::H265), 1..5)) {
            comes_back(Codec::H265, nals);
        }
    }

    #[test]
    fn a_sender_report_ties_wall_clock_to_media_time() {
        let report = Packetizer::new(Codec::H264, 0x0102_0304, 0)
            .sender_report(Duration::from_millis(1_500), Duration::from_secs(2));
        assert_eq!(report.len(), 28);
        assert_eq!(&report[..8], [0x80, 200, 0, 6, 1, 2, 3, 4]);
        assert_eq!(u32::from_be_bytes(report[8..12].try_into().unwrap()), 2_208_988_801);
        assert_eq!(u32::from_be_bytes(report[12..16].try_into().unwrap()), 1 << 31);
        assert_eq!(u32::from_be_bytes(report[16..20].try_into().unwrap()), 180_000);
    }
}
