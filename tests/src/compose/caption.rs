//! The date and time that cameras burn into their pictures.

use super::frame::Frame;

/// Height of a character, cells.
const CELLS_HIGH: usize = 7;
/// Width of a character and the gap behind it, cells.
const ADVANCE: usize = 6;

/// Five cells a line from the left (bit 4), seven lines, for `0` to `9`, `-` and `:`.
const FONT: [[u8; CELLS_HIGH]; 12] = [
    [0x0e, 0x11, 0x13, 0x15, 0x19, 0x11, 0x0e],
    [0x04, 0x0c, 0x04, 0x04, 0x04, 0x04, 0x0e],
    [0x0e, 0x11, 0x01, 0x02, 0x04, 0x08, 0x1f],
    [0x1f, 0x02, 0x04, 0x02, 0x01, 0x11, 0x0e],
    [0x02, 0x06, 0x0a, 0x12, 0x1f, 0x02, 0x02],
    [0x1f, 0x10, 0x1e, 0x01, 0x01, 0x11, 0x0e],
    [0x06, 0x08, 0x10, 0x1e, 0x11, 0x11, 0x0e],
    [0x1f, 0x01, 0x02, 0x04, 0x08, 0x08, 0x08],
    [0x0e, 0x11, 0x11, 0x0e, 0x11, 0x11, 0x0e],
    [0x0e, 0x11, 0x11, 0x0f, 0x01, 0x02, 0x0c],
    [0x00, 0x00, 0x00, 0x1f, 0x00, 0x00, 0x00],
    [0x00, 0x0c, 0x0c, 0x00, 0x0c, 0x0c, 0x00],
];

/// White with a black outline in the lower left corner; the first picture is of 22:58:20.
pub(super) fn clock(frame: &mut Frame, at_s: f64) {
    let seconds = at_s as u64 + 22 * 3600 + 58 * 60 + 20;
    let day = 24 + seconds / 86_400;
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    let text = format!("2026-11-{day:02} {hour:02}:{minute:02}:{second:02}");
    let cell = (frame.height / 180).max(1) as i32;
    let (left, top) = (frame.width as i32 / 40, frame.height as i32 - cell * 12);
    for (outline, value) in [(1, 16), (0, 235)] {
        for (number, character) in text.chars().enumerate() {
            let Some(glyph) = glyph(character) else { continue };
            let x = left + (number * ADVANCE) as i32 * cell;
            draw(frame, glyph, x, top, cell, outline, value);
        }
    }
}

fn glyph(character: char) -> Option<&'static [u8; CELLS_HIGH]> {
    let number = match character {
        '-' => 10,
        ':' => 11,
        digit => digit.to_digit(10)? as usize,
    };
    FONT.get(number)
}

fn draw(frame: &mut Frame, glyph: &[u8; CELLS_HIGH], x: i32, y: i32, cell: i32, outline: i32, value: u8) {
    for (row, line) in glyph.iter().enumerate() {
        for column in (0..5).filter(|column| line & (0x10 >> column) != 0) {
            for dy in -outline..cell + outline {
                for dx in -outline..cell + outline {
                    frame.blend(x + column * cell + dx, y + row as i32 * cell + dy, value, 255);
                }
            }
        }
    }
}
