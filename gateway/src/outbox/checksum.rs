//! A checksum over each stored event, because SQLite has none over its pages: a bit that flips inside a body would
//! otherwise reach the centre as another fact, and one that flips in a time as another moment.

use super::row::Row;

/// CRC-32 (ISO 3309) over every column of the event.
pub(super) fn of(row: &Row) -> i64 {
    let mut crc = over_what_is_told(row);
    let (boot, mono_ms, clock_ok) = row.stamp;
    for column in [row.origin.0, row.origin.1, boot, mono_ms, clock_ok] {
        crc.update(&[u8::from(column.is_some())]);
        crc.update(&column.unwrap_or_default().to_be_bytes());
    }
    i64::from(crc.finalize())
}

/// Whether this is the checksum of the event. One that was written before format 4 covers less.
pub(super) fn is_of(sum: i64, row: &Row) -> bool {
    sum == of(row) || sum == of_format_3(row)
}

/// The checksum of formats 2 and 3, in which neither the origin nor the state of the clock was covered.
pub(super) fn of_format_3(row: &Row) -> i64 {
    i64::from(over_what_is_told(row).finalize())
}

fn over_what_is_told(row: &Row) -> crc32fast::Hasher {
    let mut crc = crc32fast::Hasher::new();
    for number in [row.sequence, row.class, row.accepted_unix_ms, row.topic.len() as i64] {
        crc.update(&number.to_be_bytes());
    }
    crc.update(row.topic.as_bytes());
    crc.update(&row.body);
    crc
}

#[cfg(test)]
mod tests {
    use super::super::row::Row;
    use super::{is_of, of, of_format_3};

    fn row() -> Row {
        Row {
            sequence: 1,
            class: 0,
            topic: "ab".to_owned(),
            body: b"c".to_vec(),
            accepted_unix_ms: 5,
            origin: (Some(1), Some(4)),
            stamp: (Some(7), Some(8), Some(1)),
        }
    }

    #[test]
    fn every_column_counts() {
        let changes: [fn(&mut Row); 12] = [
            |row| row.sequence = 2,
            |row| row.class = 1,
            |row| row.topic = "ac".to_owned(),
            |row| row.body = b"d".to_vec(),
            // The boundary between topic and body counts too.
            |row| (row.topic, row.body) = ("a".to_owned(), b"bc".to_vec()),
            |row| row.accepted_unix_ms = 6,
            |row| row.origin.0 = Some(0),
            |row| row.origin.1 = None,
            |row| row.stamp.0 = Some(6),
            |row| row.stamp.1 = Some(9),
            |row| row.stamp.2 = Some(0),
            |row| row.stamp.2 = None,
        ];
        for (number, change) in changes.into_iter().enumerate() {
            let mut changed = row();
            change(&mut changed);
            assert!(!is_of(of(&row()), &changed), "change {number} is seen");
        }
    }

    #[test]
    fn what_an_earlier_format_wrote_is_taken() {
        assert!(is_of(of_format_3(&row()), &row()));
        assert!(!is_of(of_format_3(&row()), &Row { class: 1, ..row() }));
    }
}
