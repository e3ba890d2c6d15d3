//! From light to a picture: bloom, blur, exposure, colour cast, noise. What a cheap camera does.

use super::canvas::{Canvas, Colour};
use super::noise::hash;
use super::random::Random;

/// How one camera sees.
#[derive(Debug, Clone)]
pub(super) struct Lens {
    /// Factor on the light.
    exposure: f32,
    /// White balance that is a little off.
    cast: Colour,
    /// Standard deviation of the noise in dark parts, of 255.
    noise: f32,
    vignette: f32,
    /// 0 grey, 1 as it is.
    saturation: f32,
    blur: bool,
    bloom: f32,
    seed: u32,
}

// === impl Lens ===

impl Lens {
    /// Adapted to the mean light of a place; `dark` at night.
    pub(super) fn new(mean: f32, dark: bool, random: &mut Random) -> Self {
        let warm = random.range(-0.09, 0.09);
        let adapted = (0.2 / mean.max(1e-4)).powf(0.65).clamp(0.7, 9.0);
        Self {
            exposure: random.range(0.75, 1.3) * adapted,
            cast: [1.0 + warm, 1.0 + random.range(-0.03, 0.03), 1.0 - warm],
            noise: if dark { random.range(2.0, 9.0) } else { random.range(0.8, 4.0) },
            vignette: random.range(0.0, 0.4),
            saturation: random.range(0.65, 1.15),
            blur: random.chance(0.6),
            bloom: random.range(0.03, 0.1) * if dark { 2.0 } else { 1.0 },
            seed: random.seed32(),
        }
    }

    /// The picture in 8 bits, sRGB; `frame` varies the noise.
    pub(super) fn develop(&self, canvas: &mut Canvas, frame: u32) -> Vec<u8> {
        let bloom = self.bloom(canvas);
        if self.blur {
            soften(canvas);
        }
        let (width, height) = (canvas.width_px, canvas.height_px);
        let mut bytes = Vec::with_capacity(width * height * 3);
        let curve = curve();
        let steps = (CURVE_STEPS - 1) as f32 / BRIGHTEST.sqrt();
        let seed = self.seed ^ frame.wrapping_mul(0x9e37_79b1);
        for row in 0..height {
            let dy = row as f32 / height as f32 - 0.5;
            for column in 0..width {
                let dx = column as f32 / width as f32 - 0.5;
                let shade = self.exposure * (1.0 - self.vignette * (dx * dx + dy * dy) * 1.6);
                let glare = bloom.at(column, row);
                let pixel = canvas.pixels[row * width + column];
                let light: Colour = std::array::from_fn(|i| (pixel[i] + glare[i]) * shade * self.cast[i]);
                let grey = 0.25 * light[0] + 0.65 * light[1] + 0.1 * light[2];
                let bits = hash(column as i32, row as i32, 0, seed);
                for (i, light) in light.into_iter().enumerate() {
                    let toned = (grey + (light - grey) * self.saturation).clamp(0.0, BRIGHTEST);
                    let value = curve[(toned.sqrt() * steps + 0.5) as usize];
                    // The sum of two bytes is near enough to a bell; all channels share half of it.
                    let own = ((bits >> (8 * i)) & 0xff) as f32 + ((bits >> 24) & 0xff) as f32 - 255.0;
                    let grain = own / 104.0 * self.noise * (1.25 - value * 0.9);
                    bytes.push((value * 255.0 + grain + 0.5).clamp(0.0, 255.0) as u8);
                }
            }
        }
        bytes
    }

    /// Light of what is overexposed, scattered around it.
    fn bloom(&self, canvas: &Canvas) -> Bloom {
        const STEP: usize = 8;
        let (width, height) = (canvas.width_px.div_ceil(STEP), canvas.height_px.div_ceil(STEP));
        let mut small = Canvas::new(width, height, [0.0; 3]);
        for (index, pixel) in canvas.pixels.iter().enumerate() {
            let (column, row) = (index % canvas.width_px, index / canvas.width_px);
            let cell = &mut small.pixels[row / STEP * width + column / STEP];
            for (sum, value) in cell.iter_mut().zip(pixel) {
                *sum += (value - 0.85).clamp(0.0, 4.0) * self.bloom / (STEP * STEP) as f32 * 6.0;
            }
        }
        for _ in 0..3 {
            soften(&mut small);
            soften(&mut small);
        }
        Bloom { small, step: STEP as f32 }
    }
}

struct Bloom {
    small: Canvas,
    step: f32,
}

// === impl Bloom ===

impl Bloom {
    fn at(&self, column: usize, row: usize) -> Colour {
        let (x, y) = ((column as f32 + 0.5) / self.step - 0.5, (row as f32 + 0.5) / self.step - 0.5);
        let (u, v) = (x - x.floor(), y - y.floor());
        let pick = |dx: f32, dy: f32| {
            let cx = (x.floor() + dx).clamp(0.0, self.small.width_px as f32 - 1.0) as usize;
            let cy = (y.floor() + dy).clamp(0.0, self.small.height_px as f32 - 1.0) as usize;
            self.small.pixels[cy * self.small.width_px + cx]
        };
        let (a, b, c, d) = (pick(0.0, 0.0), pick(1.0, 0.0), pick(0.0, 1.0), pick(1.0, 1.0));
        std::array::from_fn(|i| (a[i] * (1.0 - u) + b[i] * u) * (1.0 - v) + (c[i] * (1.0 - u) + d[i] * u) * v)
    }
}

/// Blurs by one pixel: 1 2 1 along both axes.
fn soften(canvas: &mut Canvas) {
    let (width, height) = (canvas.width_px, canvas.height_px);
    if width < 3 || height < 3 {
        return;
    }
    let blur3 = |a: Colour, b: Colour, c: Colour| -> Colour {
        std::array::from_fn(|i| (a[i] + 2.0 * b[i] + c[i]) * 0.25)
    };
    for row in canvas.pixels.chunks_exact_mut(width) {
        let mut before = row[0];
        for column in 0..width - 1 {
            let here = row[column];
            row[column] = blur3(before, here, row[column + 1]);
            before = here;
        }
    }
    let mut above: Vec<Colour> = canvas.pixels[..width].to_vec();
    for row in 0..height - 1 {
        for (column, above) in above.iter_mut().enumerate() {
            let index = row * width + column;
            let here = canvas.pixels[index];
            canvas.pixels[index] = blur3(*above, here, canvas.pixels[index + width]);
            *above = here;
        }
    }
}

/// Steps of the table of [`encode`] for light from 0 to [`BRIGHTEST`], finer in the dark: by the square root.
const CURVE_STEPS: usize = 1024;
/// More light than this is white.
const BRIGHTEST: f32 = 4.0;

/// [`encode`] for all light.
fn curve() -> Vec<f32> {
    let root = BRIGHTEST.sqrt() / (CURVE_STEPS - 1) as f32;
    (0..CURVE_STEPS).map(|step| encode((step as f32 * root).powi(2))).collect()
}

/// The sRGB curve with a shoulder: highlights roll off instead of clipping hard. 0 to 1.
fn encode(light: f32) -> f32 {
    let rolled = if light < 0.6 { light } else { 1.0 - 0.4 * (-(light - 0.6) / 0.4).exp() };
    if rolled <= 0.003_130_8 { rolled * 12.92 } else { 1.055 * rolled.powf(1.0 / 2.4) - 0.055 }
}
