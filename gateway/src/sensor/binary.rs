//! Numbers within bytes that are written as text: what a LoRaWAN or narrow-band device sends undecoded.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use moshao_config::{Binary, Encoding, Endian};
use serde_json::Value;

use super::reading::Why;

/// The number that `binary` describes within the bytes that `text` stands for.
pub(super) fn read(binary: &Binary, text: &str) -> Result<Value, Why> {
    let bytes = decode(binary.encoding, text).ok_or(Why::NotBinary)?;
    let end = binary.offset + binary.width;
    let Some(number) = bytes.get(binary.offset..end) else {
        return Err(Why::TooShort { bytes: bytes.len(), needed: end });
    };
    let append = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
    let number = match binary.endian {
        Endian::Big => number.iter().fold(0, append),
        Endian::Little => number.iter().rev().fold(0, append),
    };
    if let Some(bit) = binary.bit {
        return Ok(Value::Bool(number >> bit & 1 == 1));
    }
    let unused = 64 - 8 * binary.width as u32;
    Ok(match binary.signed {
        true => Value::from((number << unused).cast_signed() >> unused),
        false => Value::from(number),
    })
}

/// The bytes; none where the text does not stand for any.
pub(super) fn decode(encoding: Encoding, text: &str) -> Option<Vec<u8>> {
    let text = text.trim();
    match encoding {
        Encoding::Base64 => {
            let text = text.trim_end_matches('=');
            STANDARD_NO_PAD.decode(text).or_else(|_| URL_SAFE_NO_PAD.decode(text)).ok()
        }
        Encoding::Hex => {
            let digits: Option<Vec<u8>> =
                text.chars().map(|digit| digit.to_digit(16).map(|digit| digit as u8)).collect();
            let digits = digits.filter(|digits| digits.len().is_multiple_of(2))?;
            Some(digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FIRST_BYTE: Binary = Binary {
        encoding: Encoding::Hex,
        offset: 0,
        width: 1,
        endian: Endian::Big,
        signed: false,
        bit: None,
    };

    fn number(binary: Binary, text: &str) -> Result<f64, Why> {
        read(&binary, text).map(|value| value.as_f64().unwrap_or_else(|| f64::from(u8::from(value == true))))
    }

    #[test]
    fn numbers_have_a_place_a_width_an_order_and_a_sign() {
        let at_one = Binary { offset: 1, width: 2, ..FIRST_BYTE };
        assert_eq!(number(FIRST_BYTE, "01fF0300"), Ok(1.0));
        assert_eq!(number(at_one, "01FF0300"), Ok(65283.0));
        assert_eq!(number(Binary { endian: Endian::Little, ..at_one }, "01ff0300"), Ok(1023.0));
        assert_eq!(number(Binary { signed: true, ..at_one }, "01ff0300"), Ok(-253.0));
        assert_eq!(number(Binary { encoding: Encoding::Base64, ..at_one }, "Af8DAA=="), Ok(65283.0));
        assert_eq!(number(Binary { encoding: Encoding::Base64, ..at_one }, "Af8DAA"), Ok(65283.0));
        let widest = Binary { width: 8, signed: true, ..FIRST_BYTE };
        assert_eq!(number(widest, "ffffffffffffffff"), Ok(-1.0));
    }

    #[test]
    fn a_bit_is_yes_or_no() {
        let third = Binary { bit: Some(2), ..FIRST_BYTE };
        assert_eq!(read(&third, "04"), Ok(Value::Bool(true)));
        assert_eq!(read(&third, "fb"), Ok(Value::Bool(false)));
    }

    #[test]
    fn what_stands_for_no_bytes_or_for_too_few_is_refused() {
        assert_eq!(number(FIRST_BYTE, "zz"), Err(Why::NotBinary));
        assert_eq!(number(FIRST_BYTE, "123"), Err(Why::NotBinary));
        assert_eq!(number(FIRST_BYTE, "é"), Err(Why::NotBinary));
        assert_eq!(number(FIRST_BYTE, ""), Err(Why::TooShort { bytes: 0, needed: 1 }));
    }

    proptest! {
        /// What is written is read back, in either order.
        #[test]
        fn what_is_written_is_read(number in any::<i32>(), before in 0_usize..9) {
            let hex = |bytes: [u8; 4]| {
                let pad = std::iter::repeat_n(0xA5, before).chain(bytes);
                pad.map(|byte| format!("{byte:02x}")).collect::<String>()
            };
            let big = Binary { offset: before, width: 4, signed: true, ..FIRST_BYTE };
            prop_assert_eq!(read(&big, &hex(number.to_be_bytes())), Ok(Value::from(number)));
            let little = Binary { endian: Endian::Little, ..big };
            prop_assert_eq!(read(&little, &hex(number.to_le_bytes())), Ok(Value::from(number)));
        }
    }
}
