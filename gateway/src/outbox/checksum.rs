//! A checksum over each stored event, because SQLite has none over its pages: a bit that flips inside a body would
//! otherwise reach the centre as another fact.

/// CRC-32 (ISO 3309) over everything that makes the event what it is.
pub(super) fn of(sequence: i64, class: i64, topic: &str, body: &[u8], accepted_unix_ms: i64) -> i64 {
    let mut crc = crc32fast::Hasher::new();
    for number in [sequence, class, accepted_unix_ms, topic.len() as i64] {
        crc.update(&number.to_be_bytes());
    }
    crc.update(topic.as_bytes());
    crc.update(body);
    i64::from(crc.finalize())
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn every_part_counts() {
        let sum = of(1, 0, "ab", b"c", 5);
        for other in [of(2, 0, "ab", b"c", 5), of(1, 1, "ab", b"c", 5), of(1, 0, "ab", b"d", 5)] {
            assert_ne!(sum, other);
        }
        assert_ne!(sum, of(1, 0, "a", b"bc", 5), "the boundary between topic and body counts too");
        assert_ne!(sum, of(1, 0, "ab", b"c", 6));
    }
}
