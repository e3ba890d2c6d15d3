//! A generated camera picture with known truth: a yard, a street, a slope or a hall, its light and weather, people who
//! walk through, and perhaps a fire that starts small and grows.
//!
//! A scene is a pure function of seed, size, story and time: the same four give the same bytes. It is the picture of
//! the demo's camera and a source of labelled pictures for training. Everything in it is drawn from noise fields and
//! simple shapes in linear light (`canvas`); no footage is used, unless a photograph is given as the backdrop.

mod backdrop;
mod canvas;
mod coarse;
mod facade;
mod figures;
mod fire;
mod flame;
mod lens;
mod light;
mod noise;
mod props;
mod random;
mod smoke;
mod stage;
#[cfg(test)]
mod tests;

use image::RgbImage;

use backdrop::{Layout, Site, paint};
use canvas::{Area, Canvas, Colour, blend, inside};
use figures::Figure;
use fire::{Fire, steam};
use lens::Lens;
use light::{Hour, Light};
use noise::turbulence2;
use random::Random;
use smoke::Smoke;
use stage::Stage;

/// What happens in a scene.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Story {
    /// Whatever the seed says: a fire in six of ten, of any size, with or without smoke, from the start.
    Drawn,
    /// One fire with flames and smoke, well in sight, in daylight.
    Fire {
        /// First flame, seconds.
        start_s: f32,
        /// Put out, seconds.
        out_s: f32,
    },
    /// No fire.
    Calm,
}

/// What is there to be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Label {
    /// Flames.
    Fire,
    /// Smoke.
    Smoke,
}

/// A thing that is really there, in fractions of the picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Truth {
    /// What.
    pub label: Label,
    /// Left, top, right, bottom, 0 to 1.
    pub area: [f32; 4],
}

/// A picture and what is in it.
#[derive(Debug, Clone)]
pub struct Frame {
    /// The picture.
    pub image: RgbImage,
    /// What a detector should find in it.
    pub truth: Vec<Truth>,
}

/// A place and what happens there.
pub struct Scene {
    width_px: usize,
    height_px: usize,
    /// Share of light that the surfaces give back, for the glow of a fire.
    albedo: Canvas,
    /// The still part in its own light.
    still: Canvas,
    layout: Layout,
    light: Light,
    figures: Vec<Figure>,
    fires: Vec<Fire>,
    steam: Option<Smoke>,
    lens: Lens,
}

/// Boxes smaller than this on a side are not worth looking for, picture heights.
const LEAST_SIDE: f32 = 0.012;

// === impl Scene ===

impl Scene {
    /// A scene of `width_px` × `height_px`.
    pub fn new(seed: u64, width_px: u32, height_px: u32, story: Story) -> Self {
        let root = Random::new(seed);
        let mut random = root.fork(1);
        let daylight = matches!(story, Story::Fire { .. });
        let site = match random.unit() {
            kind if daylight || kind < 0.45 => Site::Courtyard,
            kind if kind < 0.7 => Site::OpenYard,
            kind if kind < 0.85 => Site::Slope,
            _ => Site::Hall,
        };
        let hour = match random.unit() {
            kind if daylight || kind < 0.25 => Hour::Overcast,
            kind if kind < 0.5 => Hour::Sunny,
            kind if kind < 0.62 => Hour::Sunset,
            kind if kind < 0.76 => Hour::Dusk,
            _ => Hour::Night,
        };
        let (width_px, height_px) = (width_px as usize, height_px as usize);
        let light = Light::new(hour, &mut random);
        let mut stage = Stage::new(width_px, height_px);
        let layout = Layout::draw(site, stage.aspect(), &mut random);
        paint(&mut stage, site, &layout, &light, &mut root.fork(2));
        props::furnish(&mut stage, site, &layout, &light, &mut root.fork(3));
        let fires = fires(story, &layout, &mut root.fork(4));
        for fire in &fires {
            lay_heap(&mut stage, fire, &mut root.fork(5));
        }
        let (albedo, still) = stage.finish(&light);
        Self::assemble(albedo, still, layout, light, fires, story, &root)
    }

    /// The seed's people, fire and camera in front of a photograph instead of a drawn place.
    pub fn before(photograph: &RgbImage, seed: u64, width_px: u32, height_px: u32, story: Story) -> Self {
        let root = Random::new(seed);
        let mut random = root.fork(1);
        let fitted = image::imageops::thumbnail(photograph, width_px, height_px);
        let mut still = Canvas::new(width_px as usize, height_px as usize, [0.0; 3]);
        for (pixel, bytes) in still.pixels.iter_mut().zip(fitted.pixels()) {
            let [r, g, b] = bytes.0.map(u32::from);
            *pixel = canvas::srgb(r << 16 | g << 8 | b);
        }
        let mean = still.mean();
        let hour = if mean < 0.06 { Hour::Night } else { Hour::Overcast };
        let light = Light::new(hour, &mut random);
        let layout = Layout::draw(Site::Slope, still.aspect(), &mut random);
        let fires = fires(story, &layout, &mut root.fork(4));
        let mut albedo = still.clone();
        albedo
            .pixels
            .iter_mut()
            .flatten()
            .for_each(|value| *value = (*value * 0.4 / mean.max(0.02)).min(0.8));
        let mut scene = Self::assemble(albedo, still, layout, light, fires, story, &root);
        scene.figures.clear();
        scene
    }

    fn assemble(
        albedo: Canvas,
        still: Canvas,
        layout: Layout,
        light: Light,
        fires: Vec<Fire>,
        story: Story,
        root: &Random,
    ) -> Self {
        let mut random = root.fork(6);
        let walkers = if random.chance(0.45) { random.count(1, 3) } else { 0 };
        let figures = (0..walkers).map(|_| Figure::new(&layout, &mut random)).collect();
        let mut random = root.fork(7);
        let steam = (story == Story::Drawn && random.chance(0.08))
            .then(|| steam(layout.spot(&mut random), random.range(0.08, 0.22), &mut random));
        let mean = still.mean();
        let lens = Lens::new(mean, light.lamps_are_on(), &mut root.fork(8));
        let (width_px, height_px) = (still.width_px, still.height_px);
        Self { width_px, height_px, albedo, still, layout, light, figures, fires, steam, lens }
    }

    /// When the first fire starts, seconds; none where nothing burns.
    pub fn first_flame_s(&self) -> Option<f32> {
        self.fires.iter().map(|fire| fire.start_s).min_by(f32::total_cmp)
    }

    /// The picture at `t_s` seconds.
    pub fn render(&self, t_s: f32) -> Frame {
        let mut canvas = self.still.clone();
        let mut truth = vec![];
        self.light_up(&mut canvas, t_s);
        let light = self.light.average();
        let front = self
            .fires
            .iter()
            .filter_map(|fire| fire.flame.as_ref())
            .map(|flame| flame.foot.1)
            .fold(1.0, f32::min);
        let (behind, before): (Vec<_>, Vec<_>) =
            self.figures.iter().partition(|figure| figure.foot(t_s).1 < front);
        for figure in behind {
            figure.render(&mut canvas, &self.layout, t_s, light);
        }
        if let Some(steam) = &self.steam {
            // Vapour is no smoke: nothing to be found here.
            steam.render(&mut canvas, t_s, t_s + 60.0, 1.0, light);
        }
        for fire in &self.fires {
            self.burn(fire, &mut canvas, t_s, &mut truth);
        }
        for figure in before {
            figure.render(&mut canvas, &self.layout, t_s, light);
        }
        let rgb = self.lens.develop(&mut canvas, (t_s * 1000.0).round() as u32);
        let image = RgbImage::from_raw(self.width_px as u32, self.height_px as u32, rgb)
            .expect("the lens gives three bytes for each pixel");
        Frame { image, truth }
    }

    /// Clouds dim the day, and fires light their surroundings.
    fn light_up(&self, canvas: &mut Canvas, t_s: f32) {
        let drift = self.light.drift(t_s);
        let glows: Vec<_> = self
            .fires
            .iter()
            .filter_map(|fire| fire.flame.as_ref().and_then(|flame| flame.glow(t_s, fire.size(t_s))))
            .collect();
        let mut pixels = std::mem::take(&mut canvas.pixels);
        canvas.places(canvas.everywhere(), |x, y, index| {
            let mut fall: Colour = [0.0; 3];
            for glow in &glows {
                for (sum, light) in fall.iter_mut().zip(glow.at(x, y)) {
                    *sum += light;
                }
            }
            let albedo = self.albedo.pixels[index];
            for i in 0..3 {
                pixels[index][i] = pixels[index][i] * drift + albedo[i] * fall[i];
            }
        });
        canvas.pixels = pixels;
    }

    fn burn(&self, fire: &Fire, canvas: &mut Canvas, t_s: f32, truth: &mut Vec<Truth>) {
        let (age_s, size) = (t_s - fire.start_s, fire.size(t_s));
        let mut found =
            |label, area: Option<Area>| truth.extend(area.and_then(|area| self.truth(label, area)));
        if let Some(smoke) = &fire.smoke {
            let glow = fire.flame.as_ref().and_then(|flame| flame.glow(t_s, size));
            let warm = glow.map_or([0.0; 3], |glow| glow.at(smoke.source.0, smoke.source.1 - 0.05));
            let light = self.light.average();
            let light = std::array::from_fn(|i| light[i] + 0.35 * warm[i] + 0.02);
            found(Label::Smoke, smoke.render(canvas, t_s, age_s, fire.smoking(t_s), light));
        }
        if let Some(flame) = &fire.flame {
            found(Label::Fire, flame.render(canvas, t_s, size));
        }
    }

    /// In fractions of the picture, unless too small.
    fn truth(&self, label: Label, area: Area) -> Option<Truth> {
        let aspect = self.still.aspect();
        let (left, right) = (area.left.max(0.0), area.right.min(aspect));
        let (top, bottom) = (area.top.max(0.0), area.bottom.min(1.0));
        let large_enough = right - left >= LEAST_SIDE && bottom - top >= LEAST_SIDE;
        large_enough.then_some(Truth { label, area: [left / aspect, top, right / aspect, bottom] })
    }
}

// === impl Label ===

impl Label {
    /// `fire` or `smoke`.
    pub fn as_str(self) -> &'static str {
        match self {
            Label::Fire => "fire",
            Label::Smoke => "smoke",
        }
    }
}

/// The fires of a story.
fn fires(story: Story, layout: &Layout, random: &mut Random) -> Vec<Fire> {
    match story {
        Story::Calm => vec![],
        Story::Drawn if random.chance(0.4) => vec![],
        Story::Drawn => {
            let count = if random.chance(0.12) { 2 } else { 1 };
            (0..count)
                .map(|_| {
                    let (x, mut y) = layout.spot(random);
                    if random.chance(0.25) {
                        // On the wall, from a window, on the roof.
                        y = random.range(layout.roof.max(0.2), layout.ground + 0.02);
                    }
                    Fire::new((x, y), random.log_range(0.05, 0.75), 0.0, random)
                })
                .collect()
        }
        Story::Fire { start_s, out_s } => {
            let foot = (layout.aspect * random.range(0.4, 0.6), layout.ground + 0.18);
            let mut fire = loop {
                let fire = Fire::new(foot, random.range(0.3, 0.4), start_s, random);
                if fire.flame.is_some() && fire.smoke.is_some() {
                    break fire;
                }
            };
            fire.growth_s = 6.0;
            fire.out_s = Some(out_s);
            vec![fire]
        }
    }
}

fn lay_heap(stage: &mut Stage, fire: &Fire, random: &mut Random) {
    let Some(area) = fire.heap() else { return };
    let (seed, pixel) = (random.seed32(), stage.pixel());
    let (x0, y0) = ((area.left + area.right) / 2.0, area.bottom);
    stage.contact(x0, y0, area.width() * 0.6, area.height() * 0.5);
    stage.paint(area, |x, y| {
        let (u, v) = ((x - x0) / area.width() * 2.0, (y0 - y) / area.height());
        let rubble = turbulence2(u * 3.0, v * 3.0, 4, seed);
        let outline = v - (1.0 - u * u).max(0.0) * (0.35 + 0.9 * rubble);
        let colour =
            blend([0.03, 0.025, 0.02], [0.2, 0.14, 0.09], turbulence2(u * 9.0, v * 6.0, 3, seed ^ 1));
        stage::Surface::new(colour, rubble, inside(outline * area.height(), pixel))
    });
}
