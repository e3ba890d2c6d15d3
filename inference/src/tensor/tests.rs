//! The one pass against the long way: a full RGB picture of 8 bits a channel, scaled bilinearly afterwards.

use super::*;

/// Most difference on smooth content, of 255.
const ALLOWED: f32 = 2.0;
const VARIANTS: [(Matrix, Range); 4] = [
    (Matrix::Bt601, Range::Limited),
    (Matrix::Bt601, Range::Full),
    (Matrix::Bt709, Range::Limited),
    (Matrix::Bt709, Range::Full),
];

/// Planes of a smooth picture, with rows longer than the picture is wide.
struct Smooth {
    width: usize,
    height: usize,
    stride: usize,
    y: Vec<u8>,
    u: Vec<u8>,
    v: Vec<u8>,
}

impl Smooth {
    fn new(width: usize, height: usize) -> Self {
        let stride = width + 13;
        let wave = |x: usize, y: usize, per_x: f32, per_y: f32| {
            ((x as f32 * per_x).sin() * (y as f32 * per_y).cos() * 40.0 + 128.0) as u8
        };
        let plane = |w: usize, h: usize, per_x: f32, per_y: f32| {
            (0..stride * h)
                .map(|i| if i % stride < w { wave(i % stride, i / stride, per_x, per_y) } else { 0 })
                .collect()
        };
        let (chroma_w, chroma_h) = (width.div_ceil(2), height.div_ceil(2));
        Self {
            width,
            height,
            stride,
            y: plane(width, height, 0.02, 0.03),
            u: plane(chroma_w, chroma_h, 0.03, 0.02),
            v: plane(chroma_w, chroma_h, 0.02, 0.025),
        }
    }

    fn view(&self, (matrix, range): (Matrix, Range)) -> PictureView<'_> {
        let plane = |data| Plane { data, stride: self.stride };
        let (y, u, v) = (plane(&self.y), plane(&self.u), plane(&self.v));
        PictureView {
            width: self.width,
            height: self.height,
            y,
            u,
            v,
            range,
            matrix,
            rotation: Rotation::None,
        }
    }

    /// Red, green and blue of a pixel, 8 bits each, by the formulas as the standards print them.
    fn rgb(&self, x: usize, y: usize, (matrix, range): (Matrix, Range)) -> [f32; 3] {
        let chroma = |plane: &[u8]| {
            let at = |x: usize, y: usize| f32::from(plane[y * self.stride + x]);
            let (w, h) = (self.width.div_ceil(2), self.height.div_ceil(2));
            bilinear(at, w, h, (x as f32 + 0.5) / 2.0 - 0.5, (y as f32 + 0.5) / 2.0 - 0.5)
        };
        let (luma, cb, cr) = (f32::from(self.y[y * self.stride + x]), chroma(&self.u), chroma(&self.v));
        let (luma, cb, cr) = match range {
            Range::Limited => ((luma - 16.0) / 219.0, (cb - 128.0) / 224.0, (cr - 128.0) / 224.0),
            Range::Full => (luma / 255.0, (cb - 128.0) / 255.0, (cr - 128.0) / 255.0),
        };
        let rgb = match matrix {
            Matrix::Bt601 => [luma + 1.402 * cr, luma - 0.344_136 * cb - 0.714_136 * cr, luma + 1.772 * cb],
            Matrix::Bt709 => [luma + 1.5748 * cr, luma - 0.187_324 * cb - 0.468_124 * cr, luma + 1.8556 * cb],
        };
        rgb.map(|v| (v * 255.0).clamp(0.0, 255.0).round())
    }
}

/// Between the four nearest samples; the borders are continued.
fn bilinear(at: impl Fn(usize, usize) -> f32, width: usize, height: usize, x: f32, y: f32) -> f32 {
    let (x, y) = (x.clamp(0.0, (width - 1) as f32), y.clamp(0.0, (height - 1) as f32));
    let (x0, y0) = (x as usize, y as usize);
    let (x1, y1) = ((x0 + 1).min(width - 1), (y0 + 1).min(height - 1));
    let (fx, fy) = (x - x0 as f32, y - y0 as f32);
    let upper = at(x0, y0) * (1.0 - fx) + at(x1, y0) * fx;
    let lower = at(x0, y1) * (1.0 - fx) + at(x1, y1) * fx;
    upper * (1.0 - fy) + lower * fy
}

#[test]
fn one_pass_equals_the_way_over_rgb_for_every_range_matrix_and_odd_size() {
    for (width, height) in [(320, 180), (321, 181), (64, 99)] {
        let smooth = Smooth::new(width, height);
        for variant in VARIANTS {
            let preparation = Preparation::plain(Fit::LetterboxTopLeft { pad: 114 }, Channels::Rgb);
            let mut tensor = InputTensor::new(1, 160, 96, Layout::Nchw, preparation);
            let view = smooth.view(variant);
            let placement = tensor.fill(0, &view, view.area()).placement;
            let scale_x = width as f32 / placement.width as f32;
            let scale_y = height as f32 / placement.height as f32;
            for y in 2..placement.height - 2 {
                for x in 2..placement.width - 2 {
                    let (sx, sy) = ((x as f32 + 0.5) * scale_x - 0.5, (y as f32 + 0.5) * scale_y - 0.5);
                    for channel in 0..3 {
                        let expected =
                            bilinear(|x, y| smooth.rgb(x, y, variant)[channel], width, height, sx, sy);
                        let got = tensor.data()[channel * 160 * 96 + y * 160 + x];
                        let off = (expected - got).abs();
                        assert!(
                            off <= ALLOWED,
                            "{width}x{height} {variant:?} ({x}, {y}) {channel}: {got} for {expected}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn layouts_and_channel_orders_hold_the_same_numbers() {
    let smooth = Smooth::new(100, 60);
    let view = smooth.view(VARIANTS[0]);
    let fill = |layout, channels| {
        let preparation =
            Preparation { mean: [10.0, 20.0, 30.0], ..Preparation::unit(Fit::Stretch, channels) };
        let mut tensor = InputTensor::new(1, 32, 32, layout, preparation);
        tensor.fill(0, &view, view.area());
        tensor.data().to_vec()
    };
    let (planar, packed) = (fill(Layout::Nchw, Channels::Rgb), fill(Layout::Nhwc, Channels::Rgb));
    let reversed = fill(Layout::Nchw, Channels::Bgr);
    for pixel in 0..32 * 32 {
        for channel in 0..3 {
            assert_eq!(planar[channel * 1024 + pixel], packed[pixel * 3 + channel]);
        }
        // The mean belongs to the place in the input, not to the colour.
        let red = planar[pixel] * 255.0 + 10.0;
        assert!((reversed[2 * 1024 + pixel] * 255.0 + 30.0 - red).abs() < 1e-2);
    }
}

#[test]
fn margins_are_padded_and_stay_so() {
    let wide = Smooth::new(128, 32);
    let tall = Smooth::new(32, 128);
    let preparation = Preparation::plain(Fit::LetterboxCentre { pad: 114 }, Channels::Rgb);
    let mut tensor = InputTensor::new(1, 64, 64, Layout::Nchw, preparation);
    for picture in [&wide, &tall, &wide] {
        let view = picture.view(VARIANTS[1]);
        let placement = tensor.fill(0, &view, view.area()).placement;
        for (i, value) in tensor.data()[..64 * 64].iter().enumerate() {
            let (x, y) = (i % 64, i / 64);
            let inside = (placement.left..placement.left + placement.width).contains(&x)
                && (placement.top..placement.top + placement.height).contains(&y);
            assert!(inside || *value == 114.0, "({x}, {y}) is {value}");
        }
    }
}

#[test]
fn a_region_is_what_the_picture_cut_to_it_would_be() {
    let whole = Smooth::new(320, 180);
    let view = whole.view(VARIANTS[2]);
    let preparation = Preparation::plain(Fit::Stretch, Channels::Rgb);
    let mut tensor = InputTensor::new(1, 64, 32, Layout::Nchw, preparation);
    let region = BoxPx { x1: 100.0, y1: 50.0, x2: 228.0, y2: 114.0 };
    tensor.fill(0, &view, region);
    for y in 1..31 {
        for x in 1..63 {
            let (sx, sy) = (100.0 + (x as f32 + 0.5) * 2.0 - 0.5, 50.0 + (y as f32 + 0.5) * 2.0 - 0.5);
            let expected = bilinear(|x, y| whole.rgb(x, y, VARIANTS[2])[1], 320, 180, sx, sy);
            assert!((tensor.data()[64 * 32 + y * 64 + x] - expected).abs() <= ALLOWED);
        }
    }
}

#[test]
fn a_turned_picture_is_what_the_upright_one_would_be_for_every_turn_range_matrix_layout_and_odd_size() {
    const SIDES: [usize; 2] = [96, 64];
    for (width, height) in [(160, 90), (161, 91), (64, 99)] {
        let smooth = Smooth::new(width, height);
        for (variant, degrees) in
            VARIANTS.into_iter().zip([90, 180, 270, 0]).chain(VARIANTS.into_iter().zip([270, 90, 180, 90]))
        {
            let rotation = Rotation::from_degrees(degrees).unwrap();
            // Red of the upright picture, by turning the whole RGB picture first.
            let (upright_w, upright_h) =
                if rotation.swaps_sides() { (height, width) } else { (width, height) };
            let upright = |x: usize, y: usize| match degrees {
                0 => smooth.rgb(x, y, variant),
                90 => smooth.rgb(y, height - 1 - x, variant),
                180 => smooth.rgb(width - 1 - x, height - 1 - y, variant),
                _ => smooth.rgb(width - 1 - y, x, variant),
            };
            for (layout, fit) in [
                (Layout::Nchw, Fit::LetterboxCentre { pad: 114 }),
                (Layout::Nhwc, Fit::LetterboxTopLeft { pad: 114 }),
                (Layout::Nchw, Fit::Stretch),
                (Layout::Nchw, Fit::Crop),
            ] {
                let mut tensor =
                    InputTensor::new(1, SIDES[0], SIDES[1], layout, Preparation::plain(fit, Channels::Rgb));
                let view = PictureView { rotation, ..smooth.view(variant) };
                let image = tensor.fill(0, &view, view.area()).placement;
                let scale_x = (image.source.x2 - image.source.x1) / image.width as f32;
                let scale_y = (image.source.y2 - image.source.y1) / image.height as f32;
                for (x, y) in (2..image.height - 2).flat_map(|y| (2..image.width - 2).map(move |x| (x, y))) {
                    let sx = image.source.x1 + (x as f32 + 0.5) * scale_x - 0.5;
                    let sy = image.source.y1 + (y as f32 + 0.5) * scale_y - 0.5;
                    let pixel = (image.top + y) * SIDES[0] + image.left + x;
                    for channel in 0..3 {
                        let expected = bilinear(|x, y| upright(x, y)[channel], upright_w, upright_h, sx, sy);
                        let got = match layout {
                            Layout::Nchw => tensor.data()[channel * SIDES[0] * SIDES[1] + pixel],
                            Layout::Nhwc => tensor.data()[pixel * 3 + channel],
                        };
                        assert!(
                            (expected - got).abs() <= ALLOWED,
                            "{width}x{height} by {degrees} {variant:?} {fit:?} ({x}, {y}) {channel}: {got} for {expected}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn pictures_of_a_batch_lie_one_after_the_other_and_do_not_touch_each_other() {
    let (wide, tall) = (Smooth::new(128, 32), Smooth::new(32, 128));
    let preparation = Preparation::plain(Fit::LetterboxCentre { pad: 114 }, Channels::Rgb);
    let alone = |picture: &Smooth| {
        let mut tensor = InputTensor::new(1, 64, 64, Layout::Nchw, preparation);
        let view = picture.view(VARIANTS[1]);
        tensor.fill(0, &view, view.area());
        tensor.data().to_vec()
    };
    let mut batch = InputTensor::new(2, 64, 64, Layout::Nchw, preparation);
    for (first, second) in [(&wide, &tall), (&tall, &wide)] {
        for (place, picture) in [first, second].into_iter().enumerate() {
            let view = picture.view(VARIANTS[1]);
            batch.fill(place, &view, view.area());
        }
        assert_eq!(batch.data(), [alone(first), alone(second)].concat());
    }
}

#[test]
fn the_same_region_of_pictures_of_different_sizes_is_sampled_within_each() {
    let (large, small) = (Smooth::new(320, 180), Smooth::new(160, 90));
    let mut tensor =
        InputTensor::new(1, 64, 64, Layout::Nchw, Preparation::plain(Fit::Stretch, Channels::Rgb));
    let region = BoxPx { x1: 0.0, y1: 0.0, x2: 160.0, y2: 90.0 };
    for picture in [&large, &small] {
        tensor.fill(0, &picture.view(VARIANTS[0]), region);
        let corner =
            bilinear(|x, y| picture.rgb(x, y, VARIANTS[0])[0], picture.width, picture.height, 155.75, 0.2);
        assert!((tensor.data()[62] - corner).abs() < 4.0);
    }
}
