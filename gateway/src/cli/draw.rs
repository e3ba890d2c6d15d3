//! A picture with boxes on it, as JPEG.

use std::path::Path;

use ffmpeg_next::format::Pixel;
use ffmpeg_next::frame;
use ffmpeg_next::software::scaling;
use image::{Rgb, RgbImage};

use crate::camera::picture::Picture;

/// Colours by label, in turn.
const COLOURS: [Rgb<u8>; 6] = [
    Rgb([230, 60, 40]),
    Rgb([40, 160, 240]),
    Rgb([60, 190, 80]),
    Rgb([240, 180, 30]),
    Rgb([170, 80, 220]),
    Rgb([20, 190, 190]),
];

/// Width of a line, pixels.
const LINE_PX: u32 = 3;

/// Writes `picture` with the boxes (left, top, right, bottom, pixels) of each label.
pub(super) fn write<'a>(
    picture: &Picture,
    boxes: impl Iterator<Item = ([f32; 4], &'a str)>,
    path: &Path,
) -> Result<(), String> {
    let mut canvas = rgb(picture).map_err(|e| format!("cannot draw {}: {e}", path.display()))?;
    for (area, label) in boxes {
        let colour = COLOURS[label.bytes().map(usize::from).sum::<usize>() % COLOURS.len()];
        outline(&mut canvas, area.map(|v| v.max(0.0) as u32), colour);
    }
    canvas.save(path).map_err(|e| format!("cannot write {}: {e}", path.display()))
}

fn rgb(picture: &Picture) -> Result<RgbImage, ffmpeg_next::Error> {
    let frame = picture.frame();
    let (width, height) = (frame.width(), frame.height());
    let flags = scaling::Flags::BILINEAR;
    let mut context =
        scaling::Context::get(frame.format(), width, height, Pixel::RGB24, width, height, flags)?;
    let mut converted = frame::Video::empty();
    context.run(frame, &mut converted)?;
    let (data, stride) = (converted.data(0), converted.stride(0));
    let rows = data.chunks(stride).take(height as usize).flat_map(|row| &row[..width as usize * 3]);
    Ok(RgbImage::from_raw(width, height, rows.copied().collect())
        .expect("every row has width times three bytes"))
}

fn outline(canvas: &mut RgbImage, [x1, y1, x2, y2]: [u32; 4], colour: Rgb<u8>) {
    let (x2, y2) = (x2.min(canvas.width()), y2.min(canvas.height()));
    for y in y1..y2 {
        for x in x1..x2 {
            let on_edge = x < x1 + LINE_PX || x + LINE_PX >= x2 || y < y1 + LINE_PX || y + LINE_PX >= y2;
            if on_edge {
                canvas.put_pixel(x, y, colour);
            }
        }
    }
}
