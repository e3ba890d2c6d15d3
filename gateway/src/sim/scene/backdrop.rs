//! Where a scene takes place: sky, walls and ground of many kinds of yards, streets, slopes and halls.

use super::canvas::{Area, Colour, blend, inside, scaled, srgb};
use super::light::{Hour, Light};
use super::noise::{hash_unit, noise2, smoothstep, turbulence2};
use super::random::Random;
use super::stage::{Stage, Surface};

/// The planes of a scene, in picture heights.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    /// Height at which the ground would meet the sky.
    pub(super) horizon: f32,
    /// Where the ground meets the wall behind.
    pub(super) ground: f32,
    /// Top of the wall behind.
    pub(super) roof: f32,
    pub(super) aspect: f32,
}

/// Kinds of places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Site {
    /// A house behind a yard, from wall to wall.
    Courtyard,
    /// A low wall, trees and sky behind it.
    OpenYard,
    /// Grass or fields up to hills and trees.
    Slope,
    /// Inside: a hall, a corridor, a kitchen.
    Hall,
}

#[derive(Debug, Clone, Copy)]
enum Pattern {
    Plaster,
    Brick,
    Tile,
    Concrete,
    Corrugated,
}

#[derive(Debug, Clone, Copy)]
enum Ground {
    Paving,
    Asphalt,
    Earth,
    Grass,
}

// === impl Layout ===

impl Layout {
    pub(super) fn draw(site: Site, aspect: f32, random: &mut Random) -> Self {
        let ground = random.range(0.38, 0.66);
        let horizon = match site {
            Site::Slope => ground - random.range(0.06, 0.2),
            _ => ground - random.range(0.12, 0.55),
        };
        let roof = match site {
            Site::Courtyard | Site::Hall => random.range(-0.35, 0.1),
            Site::OpenYard => ground - random.range(0.08, 0.25),
            Site::Slope => ground,
        };
        Self { horizon, ground, roof, aspect }
    }

    /// Height in the picture of a person who stands with the feet at `y`, picture heights.
    pub(super) fn person(&self, y: f32) -> f32 {
        (y - self.horizon) * 0.62
    }

    /// Somewhere on the ground, weighted to the middle.
    pub(super) fn spot(&self, random: &mut Random) -> (f32, f32) {
        let x = self.aspect * random.range(0.06, 0.94);
        (x, random.range(self.ground + 0.02, 0.97))
    }
}

/// Paints sky, wall and ground.
pub(super) fn paint(stage: &mut Stage, site: Site, layout: &Layout, light: &Light, random: &mut Random) {
    sky(stage, layout, light, random);
    match site {
        Site::Slope => hills(stage, layout, random),
        Site::OpenYard => {
            hills(stage, layout, random);
            houses(stage, layout, light, random);
        }
        Site::Courtyard | Site::Hall => {}
    }
    ground(stage, site, layout, random);
    if site != Site::Slope {
        wall(stage, layout, random);
    }
    if light.hour == Hour::Sunny || light.hour == Hour::Sunset {
        cast_shadows(stage, layout, random);
    }
}

fn sky(stage: &mut Stage, layout: &Layout, light: &Light, random: &mut Random) {
    let seed = random.seed32();
    let cloudiness = random.range(0.2, 0.9);
    let (top, low) = light.heaven;
    let everywhere = stage.albedo.everywhere();
    stage.paint(everywhere, |_, _| Surface::new([0.0; 3], 0.0, 1.0));
    stage.emission.add(everywhere, |x, y| {
        let height = (y / layout.ground.max(0.1)).clamp(0.0, 1.0);
        let cloud = smoothstep(0.5, 0.75, turbulence2(x * 1.6, y * 5.0, 5, seed) + 0.2 * (cloudiness - 0.5));
        let colour = blend(top, low, height * height);
        blend(colour, blend(low, [light.sky[0] * 1.6; 3], 0.4), cloud * 0.8)
    });
}

/// Ridges of hills and trees along the horizon.
fn hills(stage: &mut Stage, layout: &Layout, random: &mut Random) {
    for depth in 0..random.count(1, 3) {
        let seed = random.seed32();
        let height = random.range(0.03, 0.2) / (1.0 + depth as f32 * 0.4);
        let green = random.pick(&[0x33431f, 0x4a5a2c, 0x2b3a25, 0x5c5a35, 0x46523a]);
        let colour = blend(srgb(green), [0.35, 0.42, 0.5], 0.35 - 0.15 * depth as f32);
        let pixel = stage.pixel();
        let area = Area::new(0.0, layout.ground - height * 1.6, layout.aspect, layout.ground + 0.01);
        stage.paint(area, |x, y| {
            let ridge = layout.ground - height * (0.3 + 1.2 * turbulence2(x * 2.2, 0.5, 6, seed));
            let leaf = turbulence2(x * 40.0, y * 40.0, 3, seed);
            Surface::new(scaled(colour, 0.5 + leaf), leaf, inside(ridge - y, pixel * 2.0))
        });
    }
}

/// Blocks of houses behind the wall.
fn houses(stage: &mut Stage, layout: &Layout, light: &Light, random: &mut Random) {
    let mut left = random.range(-0.2, 0.3);
    while left < layout.aspect {
        let width = random.range(0.2, 0.5);
        let top = layout.roof - random.range(0.03, 0.3);
        let colour = scaled(srgb(random.pick(&[0xb8b0a4, 0x9a9ea3, 0xc9bfae, 0x8d8478, 0xa86f55])), 0.8);
        let seed = random.seed32();
        let area = Area::new(left, top, left + width, layout.ground);
        let columns = (width / 0.05).floor();
        stage.paint(area, |x, y| {
            let (cx, cy) = (((x - left) / width * columns).fract(), ((y - top) / 0.07).fract());
            let pane = (0.25..0.75).contains(&cx) && (0.25..0.75).contains(&cy);
            Surface::new(if pane { [0.04, 0.05, 0.06] } else { colour }, 0.8, 1.0)
        });
        if light.lamps_are_on() {
            stage.emission.add(area, |x, y| {
                let (column, row) = ((x - left) / width * columns, (y - top) / 0.07);
                let pane = (0.25..0.75).contains(&column.fract()) && (0.25..0.75).contains(&row.fract());
                let on = hash_unit(column as i32, row as i32, 1, seed) > 0.6;
                if pane && on { [0.9, 0.62, 0.3] } else { [0.0; 3] }
            });
        }
        left += width + random.range(0.0, 0.4);
    }
}

fn wall(stage: &mut Stage, layout: &Layout, random: &mut Random) {
    let pattern = random.pick(&[
        Pattern::Plaster,
        Pattern::Brick,
        Pattern::Tile,
        Pattern::Concrete,
        Pattern::Corrugated,
    ]);
    let base = srgb(random.pick(&match pattern {
        Pattern::Plaster => [0xd8cfbd, 0xc7b9a0, 0xe4e0d6, 0xb9c0b8, 0xd9b48c],
        Pattern::Brick => [0x8a4b38, 0x9c6a50, 0x7a7370, 0x6d4036, 0xa98f7c],
        Pattern::Tile => [0xdedfdc, 0xcfd6d8, 0xd6cbb8, 0xb7c4c7, 0xe5e2da],
        Pattern::Concrete => [0x9a9893, 0x85837e, 0xaaa8a0, 0x76767a, 0xb3aea4],
        Pattern::Corrugated => [0x6d8794, 0x8f959a, 0xa5482e, 0x4f6a58, 0xc4c6c6],
    }));
    let scale = random.range(0.8, 1.4);
    let seed = random.seed32();
    // The wall may turn a corner: the part beyond lies in another light.
    let corner = if random.chance(0.4) { layout.aspect * random.range(0.15, 0.85) } else { -1.0 };
    let (left_lit, right_lit) = (random.range(0.35, 1.0), random.range(0.35, 1.0));
    let skirting = if random.chance(0.4) { random.range(0.03, 0.08) } else { 0.0 };
    let area = Area::new(0.0, layout.roof, layout.aspect, layout.ground);
    let pixel = stage.pixel();
    stage.paint(area, |x, y| {
        let grime = turbulence2(x * 5.0, y * 2.0, 5, seed);
        let fine = turbulence2(x * 90.0, y * 90.0, 2, seed ^ 7);
        let mut colour = scaled(base, 0.7 + 0.35 * grime + 0.18 * (fine - 0.5));
        let grid = |width: f32, height: f32, offset: f32, gap: f32| {
            let row = (y / height).floor();
            let u = (x / width + row * offset).fract() * width;
            let v = (y / height).fract() * height;
            let tone = hash_unit((x / width + row * offset).floor() as i32, row as i32, 0, seed);
            (smoothstep(0.0, gap, u) * smoothstep(0.0, gap, v), tone)
        };
        match pattern {
            Pattern::Brick => {
                let (body, tone) = grid(0.05 * scale, 0.019 * scale, 0.5, 0.003);
                colour = blend(srgb(0xa09a90), scaled(colour, 0.75 + 0.5 * tone), 0.35 + 0.65 * body);
            }
            Pattern::Tile => {
                let (body, tone) = grid(0.04 * scale, 0.04 * scale, 0.0, 0.002);
                colour = scaled(colour, (0.8 + 0.2 * body) * (0.96 + 0.08 * tone));
            }
            Pattern::Concrete => {
                let (body, tone) = grid(0.35 * scale, 0.2 * scale, 0.0, 0.004);
                colour = scaled(colour, (0.75 + 0.25 * body) * (0.93 + 0.14 * tone));
            }
            Pattern::Corrugated => colour = scaled(colour, 0.8 + 0.25 * (x / (0.012 * scale)).sin()),
            Pattern::Plaster => {}
        }
        let near_ground = smoothstep(0.0, 0.14, layout.ground - y);
        if layout.ground - y < skirting {
            colour = scaled(colour, 0.6);
        }
        let lit = if x < corner { left_lit } else { right_lit };
        Surface::new(colour, lit * (0.45 + 0.55 * near_ground), inside(layout.roof - y, pixel))
    });
    if layout.roof > 0.0 {
        let tiles = srgb(random.pick(&[0x3f4245, 0x5a3a30, 0x55585a, 0x6a6a68]));
        let thick = random.range(0.015, 0.05);
        stage.paint(Area::new(0.0, layout.roof - thick, layout.aspect, layout.roof), |x, _| {
            Surface::new(scaled(tiles, 0.8 + 0.4 * (x * 160.0).sin().abs()), 0.9, 1.0)
        });
    }
}

fn ground(stage: &mut Stage, site: Site, layout: &Layout, random: &mut Random) {
    let kind = match site {
        Site::Slope => random.pick(&[Ground::Grass, Ground::Earth, Ground::Grass]),
        Site::Hall => random.pick(&[Ground::Paving, Ground::Asphalt]),
        _ => random.pick(&[Ground::Paving, Ground::Paving, Ground::Asphalt, Ground::Earth, Ground::Grass]),
    };
    let base = srgb(random.pick(&match kind {
        Ground::Paving => [0x9d978c, 0xb1aaa0, 0x86817b, 0xa5846f],
        Ground::Asphalt => [0x55565a, 0x6b6b6b, 0x47484b, 0x7c7a76],
        Ground::Earth => [0x8a7355, 0x75634b, 0x9b8a6c, 0x6b5a48],
        Ground::Grass => [0x5b6b35, 0x6f7440, 0x47582d, 0x8a8450],
    }));
    let (tile, turn, seed) = (random.range(0.3, 0.9), random.range(-0.6, 0.6), random.seed32());
    let middle = layout.aspect * random.range(0.3, 0.7);
    let area = Area::new(0.0, layout.ground, layout.aspect, 1.0);
    let pixel = stage.pixel();
    stage.paint(area, |x, y| {
        // Back onto the ground plane: the camera hangs one unit above it.
        let depth = 1.0 / (y - layout.horizon).max(0.01);
        let (gx, gz) = ((x - middle) * depth, depth);
        let (u, v) = (gx + turn * gz, gz - turn * gx);
        let coarse = turbulence2(u * 0.7, v * 0.7, 5, seed);
        // Finer than a pixel is grey: fade the grain out with the distance.
        let grain = turbulence2(u * 14.0, v * 14.0, 3, seed ^ 3);
        let detail = (1.0 - depth * depth * pixel * 14.0).clamp(0.0, 1.0);
        let mut colour = scaled(base, 0.62 + 0.5 * coarse + 0.5 * (grain - 0.5) * detail);
        match kind {
            Ground::Paving => {
                let (a, b) = (u / tile, v / tile);
                let tone = hash_unit(a.floor() as i32, b.floor() as i32, 0, seed);
                let edge = (0.5 - (a.fract().abs() - 0.5).abs()).min(0.5 - (b.fract().abs() - 0.5).abs());
                let width = 0.02 + depth * depth * pixel / tile;
                let joint = smoothstep(0.0, width, edge);
                colour = scaled(colour, (0.86 + 0.22 * tone) * (0.72 + 0.28 * joint));
            }
            Ground::Grass => {
                let blade = noise2(x * 200.0, y * 60.0, seed ^ 9);
                let bare = smoothstep(0.55, 0.7, coarse);
                colour = blend(scaled(colour, 0.7 + 0.6 * blade), srgb(0x7c6a50), bare * 0.6);
            }
            Ground::Asphalt | Ground::Earth => {}
        }
        let under_wall = if site == Site::Slope { 1.0 } else { smoothstep(-0.03, 0.06, y - layout.ground) };
        Surface::new(colour, 0.4 + 0.6 * under_wall, 1.0)
    });
}

/// Shadows of houses and trees that stand outside the picture.
fn cast_shadows(stage: &mut Stage, layout: &Layout, random: &mut Random) {
    let everywhere = stage.albedo.everywhere();
    let seed = random.seed32();
    let (middle, slope) = (layout.aspect * random.range(0.1, 0.9), random.range(-1.5, 1.5));
    let side = if random.chance(0.5) { 1.0 } else { -1.0 };
    let leafy = random.chance(0.5);
    stage.shadow(everywhere, |x, y| {
        let line = side * (x - middle - slope * (y - layout.ground));
        if leafy {
            let leaves = smoothstep(0.45, 0.6, turbulence2(x * 7.0, y * 10.0, 4, seed));
            let covered = smoothstep(-0.2, 0.2, line);
            1.0 - 0.85 * covered * (1.0 - leaves)
        } else {
            1.0 - 0.85 * smoothstep(-0.008, 0.008, line)
        }
    });
}

/// The colour of cloth and paint that a detector might take for fire.
pub(super) fn fiery_colour(random: &mut Random) -> Colour {
    srgb(random.pick(&[0xd8361f, 0xe8601c, 0xf08a1d, 0xc4201c, 0xf5b21f, 0xe04a30]))
}
