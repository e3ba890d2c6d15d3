//! The floor that the gateway is measured against: decode every picture of live streams with FFmpeg, run bare ONNX
//! Runtime on five a second, and nothing else: no tracker, no rules, no events.
//!
//! ```text
//! bare-floor MODEL.onnx URL…
//! ```
//!
//! One thread a stream, one thread a session, as in a camera worker. Prints a line for each picture that the model has
//! looked at. Runs until it is killed.

use std::error::Error;
use std::io::Write;
use std::thread;

use ffmpeg_next as ffmpeg;
use ffmpeg_next::format::Pixel;
use ffmpeg_next::media::Type;
use ffmpeg_next::software::scaling::{Context as Scaler, Flags};
use ffmpeg_next::util::frame::Video;
use ort::environment::Environment;
use ort::session::Session;
use ort::value::TensorRef;

/// Every fifth of 25 pictures a second.
const EVERY: u64 = 5;

/// Side of YOLOX-nano's input, pixels.
const SIDE: usize = 416;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let model = arguments.next().ok_or("usage: bare-floor MODEL.onnx URL…")?;
    let library = std::env::var("ORT_DYLIB_PATH").map_err(|_| "ORT_DYLIB_PATH names no ONNX Runtime")?;
    let environment = ort::init_from(library)?.with_telemetry(false).build()?;
    ffmpeg::init()?;
    thread::scope(|threads| {
        for url in arguments {
            let (environment, model) = (&environment, &model);
            threads.spawn(move || {
                watch(environment, model, &url).expect("the stream plays until the end of the benchmark")
            });
        }
    });
    Ok(())
}

fn watch(environment: &Environment, model: &str, url: &str) -> Result<(), Box<dyn Error>> {
    let mut session = Session::builder(environment)?
        .with_intra_threads(1)
        .map_err(|e| e.to_string())?
        .commit_from_file(model)?;
    let mut options = ffmpeg::Dictionary::new();
    options.set("rtsp_transport", "tcp");
    let mut input = ffmpeg::format::input_with_dictionary(url, options)?;
    let stream = input.streams().best(Type::Video).ok_or("no video")?;
    let stream_index = stream.index();
    let mut decoder = ffmpeg::codec::Context::from_parameters(stream.parameters())?.decoder().video()?;

    let mut scaler = None;
    let mut tensor = vec![0_f32; 3 * SIDE * SIDE];
    let mut picture = Video::empty();
    let mut small = Video::empty();
    let mut number = 0_u64;
    for (stream, packet) in input.packets() {
        if stream.index() != stream_index {
            continue;
        }
        decoder.send_packet(&packet)?;
        while decoder.receive_frame(&mut picture).is_ok() {
            number += 1;
            if !number.is_multiple_of(EVERY) {
                continue;
            }
            if scaler.is_none() {
                scaler = Some(shrink(&picture)?);
            }
            scaler.as_mut().expect("made above").run(&picture, &mut small)?;
            fill(&mut tensor, &small);
            session
                .run(ort::inputs![TensorRef::from_array_view(([1, 3, SIDE, SIDE], tensor.as_slice()))?])?;
            writeln!(std::io::stdout(), "picture")?;
        }
    }
    Err("the stream ended".into())
}

fn shrink(picture: &Video) -> Result<Scaler, ffmpeg::Error> {
    let side = SIDE as u32;
    let (width, height) = (picture.width(), picture.height());
    Scaler::get(picture.format(), width, height, Pixel::BGR24, side, side, Flags::FAST_BILINEAR)
}

/// Interleaved bytes to planes of floats.
fn fill(tensor: &mut [f32], picture: &Video) {
    let (bytes, stride) = (picture.data(0), picture.stride(0));
    let (blue, rest) = tensor.split_at_mut(SIDE * SIDE);
    let (green, red) = rest.split_at_mut(SIDE * SIDE);
    for y in 0..SIDE {
        let line = &bytes[y * stride..][..3 * SIDE];
        for (x, pixel) in line.chunks_exact(3).enumerate() {
            let at = y * SIDE + x;
            (blue[at], green[at], red[at]) = (pixel[0].into(), pixel[1].into(), pixel[2].into());
        }
    }
}
