//! Things that stand about, among them those that a detector takes for fire: lamps, orange signs, red cloth, tail
//! lights.

use super::backdrop::{Layout, Site, fiery_colour};
use super::canvas::{Area, Colour, blend, capsule, ellipse, inside, scaled, srgb};
use super::facade::{ceiling, lanterns, on_the_wall};
use super::light::Light;
use super::noise::{noise2, smoothstep, turbulence2};
use super::random::Random;
use super::stage::{Stage, Surface};

/// Furnishes a scene, from the back to the front.
pub(super) fn furnish(stage: &mut Stage, site: Site, layout: &Layout, light: &Light, random: &mut Random) {
    if matches!(site, Site::Courtyard | Site::Hall) {
        on_the_wall(stage, layout, light, random);
    }
    if site == Site::Hall {
        ceiling(stage, layout, random);
    }
    if site != Site::Hall && random.chance(0.6) {
        for _ in 0..random.count(1, 3) {
            let foot = (layout.aspect * random.unit(), layout.ground + random.range(0.0, 0.08));
            tree(stage, foot, random.range(0.25, 0.7), random);
        }
    }
    let mut spots: Vec<(f32, f32)> = (0..random.count(1, 6)).map(|_| layout.spot(random)).collect();
    spots.sort_by(|a, b| a.1.total_cmp(&b.1));
    for (x, y) in spots {
        let person = layout.person(y);
        match random.count(0, 9) {
            0..=2 if site != Site::Hall => car(stage, (x, y), person * random.range(2.3, 2.8), light, random),
            3 | 4 => boxes(stage, (x, y), person, random),
            5 => bin(stage, (x, y), person * 0.65, random),
            6 => sign(stage, (x, y), person, random),
            7 => laundry(stage, (x, y), person, layout, random),
            8 if light.lamps_are_on() || random.chance(0.5) => {
                lamp_post(stage, (x, y), person * 2.2, light, random)
            }
            _ => plant(stage, (x, y), person * random.range(0.3, 0.9), random),
        }
    }
    if random.chance(0.25) {
        lanterns(stage, layout, light, random);
    }
}

fn tree(stage: &mut Stage, foot: (f32, f32), height: f32, random: &mut Random) {
    let pixel = stage.pixel();
    let seed = random.seed32();
    let leaf = srgb(random.pick(&[0x3f5a26, 0x55702f, 0x2f4a2c, 0x6b6a2c, 0xb0702a, 0x8a4a22]));
    let bark = srgb(0x4b3d30);
    let crown = (foot.0 + random.range(-0.03, 0.03), foot.1 - height * 0.72);
    let half = (height * random.range(0.25, 0.42), height * random.range(0.26, 0.36));
    stage.contact(foot.0, foot.1, half.0, half.0 * 0.25);
    let radius = height * 0.02;
    stage.paint(Area::new(foot.0 - radius * 3.0, crown.1, foot.0 + radius * 3.0, foot.1), |x, y| {
        Surface::new(
            bark,
            0.6 + (x - foot.0) / radius * 0.3,
            inside(capsule(x, y, foot, crown, radius), pixel),
        )
    });
    stage.paint(Area::around(crown.0, crown.1, half.0 * 1.5, half.1 * 1.5), |x, y| {
        let shape = ellipse(x, y, crown, half) / height;
        let ragged = shape - 0.35 * (turbulence2(x * 9.0, y * 9.0, 5, seed) - 0.45);
        let holes = turbulence2(x * 45.0, y * 45.0, 3, seed ^ 5);
        let opacity = inside(ragged * height, pixel * 2.0) * smoothstep(0.25, 0.4, holes);
        let lit = (0.35 + (holes - 0.3) * 1.5 - (y - crown.1) / half.1 * 0.3).clamp(0.05, 1.0);
        Surface::new(scaled(leaf, 0.5 + holes), lit, opacity)
    });
}

fn plant(stage: &mut Stage, foot: (f32, f32), height: f32, random: &mut Random) {
    let pixel = stage.pixel();
    let pot = Area::new(foot.0 - height * 0.2, foot.1 - height * 0.35, foot.0 + height * 0.2, foot.1);
    let seed = random.seed32();
    let flowers = if random.chance(0.4) { fiery_colour(random) } else { srgb(0x567030) };
    stage.contact(foot.0, foot.1, height * 0.3, height * 0.08);
    stage.paint(pot, |x, y| Surface::new(srgb(0x9a5a3a), 0.7, inside(pot.distance(x, y, 0.0), pixel)));
    let crown = (foot.0, foot.1 - height * 0.65);
    stage.paint(Area::around(crown.0, crown.1, height * 0.5, height * 0.5), |x, y| {
        let leaf = turbulence2(x * 9.0 / height, y * 9.0 / height, 4, seed);
        let shape = ellipse(x, y, crown, (height * 0.32, height * 0.34)) - height * 0.5 * (leaf - 0.45);
        let bloom = noise2(x * 26.0 / height, y * 26.0 / height, seed ^ 3) > 0.75;
        Surface::new(if bloom { flowers } else { srgb(0x46602c) }, leaf, inside(shape, pixel * 2.0))
    });
}

fn car(stage: &mut Stage, foot: (f32, f32), length: f32, light: &Light, random: &mut Random) {
    let pixel = stage.pixel();
    let paint =
        srgb(random.pick(&[0xdadada, 0x22252a, 0x8c9299, 0xb3261e, 0x2d4a7a, 0xe0761c, 0xf1efe8, 0x4b4f3f]));
    let (x0, y0) = foot;
    let side = if random.chance(0.5) { 1.0 } else { -1.0 };
    let seed = random.seed32();
    stage.contact(x0, y0, length * 0.52, length * 0.06);
    let at = |u: f32, v: f32| (x0 + side * u * length, y0 - v * length);
    let area = Area::around(x0, y0 - length * 0.17, length * 0.55, length * 0.22);
    stage.paint(area, |x, y| {
        let (u, v) = ((x - x0) / length * side, (y0 - y) / length);
        let lower = Area::new(-0.5, 0.045, 0.5, 0.2).distance(u, v, 0.05);
        // The cabin: a trapezoid over the middle.
        let narrow = (v - 0.19) * 1.1;
        let cabin = Area::new(-0.34 + narrow, 0.16, 0.22 - narrow * 1.5, 0.34).distance(u, v, 0.03);
        let glass = Area::new(-0.31 + narrow, 0.215, 0.19 - narrow * 1.5, 0.32).distance(u, v, 0.02);
        let body = lower.min(cabin);
        let mirror = noise2(u * 6.0, v * 20.0, seed);
        let colour = if glass < 0.0 && (u + 0.06).abs() > 0.012 {
            scaled([0.08, 0.1, 0.12], 0.5 + mirror)
        } else {
            scaled(paint, 0.75 + 0.5 * (v * 2.5) + 0.15 * (mirror - 0.5))
        };
        Surface::new(colour, (0.35 + v * 2.2).min(1.0), inside(body * length, pixel))
    });
    for u in [-0.3, 0.3] {
        let hub = at(u, 0.07);
        stage.paint(Area::around(hub.0, hub.1, length * 0.09, length * 0.09), |x, y| {
            let distance = (x - hub.0).hypot(y - hub.1);
            let colour = if distance < length * 0.04 { [0.4; 3] } else { [0.02; 3] };
            Surface::new(colour, 0.5, inside(distance - length * 0.075, pixel))
        });
    }
    let lights_on = light.lamps_are_on() && random.chance(0.5);
    for (u, colour) in [(-0.48, [1.0, 0.06, 0.03]), (0.47, [1.0, 0.9, 0.7])] {
        let middle = at(u, 0.15);
        let spot = Area::around(middle.0, middle.1, length * 0.025, length * 0.02);
        stage.paint(spot, |_, _| Surface::new(scaled(colour, 0.5), 0.9, 1.0));
        if lights_on {
            halo(stage, middle, length * 0.03, length * 0.7, scaled(colour, 2.5));
        }
    }
}

fn boxes(stage: &mut Stage, foot: (f32, f32), person: f32, random: &mut Random) {
    let pixel = stage.pixel();
    let mut x = foot.0;
    for _ in 0..random.count(1, 4) {
        let (width, height) = (person * random.range(0.25, 0.6), person * random.range(0.2, 0.6));
        let colour = srgb(random.pick(&[0xb08a5a, 0x9a7648, 0x6e7a80, 0x3b6ea0, 0xc96a2a, 0x8a8a86]));
        let area = Area::new(x, foot.1 - height, x + width, foot.1);
        stage.contact(x + width / 2.0, foot.1, width * 0.7, width * 0.18);
        let shade = random.range(0.4, 0.9);
        stage.paint(area, |px, py| {
            let tape = ((px - x) / width - 0.5).abs() < 0.06;
            let tone = if tape { 1.25 } else { 1.0 - 0.15 * (py - area.top) / height };
            Surface::new(scaled(colour, tone), shade, inside(area.distance(px, py, 0.0), pixel))
        });
        x += width * random.range(0.7, 1.2);
    }
}

fn bin(stage: &mut Stage, foot: (f32, f32), height: f32, random: &mut Random) {
    let pixel = stage.pixel();
    let colour = srgb(random.pick(&[0x2e6b43, 0x2c5f9e, 0x6d6f72, 0xc9302c, 0xd97a1e, 0x3a3c3f]));
    let area = Area::new(foot.0 - height * 0.3, foot.1 - height, foot.0 + height * 0.3, foot.1);
    stage.contact(foot.0, foot.1, height * 0.4, height * 0.1);
    stage.paint(area, |x, y| {
        let lid = y < area.top + height * 0.15;
        let round = 0.9 - ((x - foot.0) / height / 0.3).abs() * 0.5;
        let taper = (y - area.top) / height * height * 0.05;
        let shape = area.distance(x, y, height * 0.05) + taper;
        Surface::new(scaled(colour, if lid { 1.25 } else { 1.0 }), round, inside(shape, pixel))
    });
}

fn sign(stage: &mut Stage, foot: (f32, f32), person: f32, random: &mut Random) {
    let pixel = stage.pixel();
    let colour = fiery_colour(random);
    if random.chance(0.5) {
        // A traffic cone.
        let height = person * random.range(0.35, 0.5);
        stage.contact(foot.0, foot.1, height * 0.4, height * 0.1);
        stage.paint(
            Area::new(foot.0 - height * 0.35, foot.1 - height, foot.0 + height * 0.35, foot.1),
            |x, y| {
                let v = (foot.1 - y) / height;
                let half = height * if v < 0.06 { 0.34 } else { 0.24 * (1.0 - v) + 0.025 };
                let white = (0.4..0.6).contains(&v);
                let fill = if white { [0.8; 3] } else { colour };
                let lit = 0.75 - (x - foot.0) / height;
                Surface::new(fill, lit, inside((x - foot.0).abs() - half, pixel))
            },
        );
    } else {
        let board = Area::around(foot.0, foot.1 - person * 0.9, person * 0.35, person * 0.28);
        stage.contact(foot.0, foot.1, person * 0.1, person * 0.04);
        stage.paint(Area::around(foot.0, foot.1 - person * 0.45, person * 0.025, person * 0.45), |_, _| {
            Surface::new([0.3; 3], 0.6, 1.0)
        });
        stage.paint(board, |x, y| {
            let stripe = ((x + y) / person * 6.0).rem_euclid(2.0) < 1.0;
            let fill = if stripe { colour } else { blend(colour, [0.9; 3], 0.85) };
            Surface::new(fill, 0.85, inside(board.distance(x, y, person * 0.03), pixel))
        });
    }
}

fn laundry(stage: &mut Stage, foot: (f32, f32), person: f32, layout: &Layout, random: &mut Random) {
    let pixel = stage.pixel();
    let line = foot.1 - person * 1.15;
    let span = person * random.range(1.5, 3.0);
    for post in [foot.0, foot.0 + span] {
        stage.paint(
            Area::around(post, (line + foot.1) / 2.0, person * 0.02, (foot.1 - line) / 2.0),
            |_, _| Surface::new([0.2; 3], 0.6, 1.0),
        );
    }
    let mut x = foot.0 + person * 0.1;
    while x < (foot.0 + span).min(layout.aspect) {
        let (width, height) = (person * random.range(0.2, 0.45), person * random.range(0.3, 0.75));
        let plain = srgb(random.pick(&[0xe8e8ea, 0x33508a, 0x8a8f96, 0x2c2c30, 0xd9c8b0]));
        let colour = if random.chance(0.55) { fiery_colour(random) } else { plain };
        let seed = random.seed32();
        let area = Area::new(x, line, x + width, line + height);
        stage.paint(area.grown(0.01), |px, py| {
            let fold = noise2((px - x) / width * 5.0, py * 3.0, seed);
            let hem = area.distance(px, py, width * 0.08) + (fold - 0.5) * height * 0.08;
            Surface::new(scaled(colour, 0.65 + 0.6 * fold), 0.4 + 0.6 * fold, inside(hem, pixel))
        });
        x += width * random.range(1.0, 1.5);
    }
}

fn lamp_post(stage: &mut Stage, foot: (f32, f32), height: f32, light: &Light, random: &mut Random) {
    let top = (foot.0, foot.1 - height);
    let pixel = stage.pixel();
    let radius = (height * 0.012).max(pixel * 0.7);
    stage.paint(Area::new(foot.0 - radius, top.1, foot.0 + radius, foot.1), |x, y| {
        Surface::new([0.12; 3], 0.6, inside(capsule(x, y, foot, top, radius), pixel))
    });
    if light.lamps_are_on() {
        let colour = srgb(random.pick(&[0xffb05a, 0xff9a3c, 0xffe2b8, 0xeaf2ff]));
        halo(
            stage,
            top,
            height * random.range(0.02, 0.05),
            height * 1.2,
            scaled(colour, random.range(1.5, 4.0)),
        );
    }
}

/// A bright lamp and the light that scatters in the lens around it.
fn halo(stage: &mut Stage, middle: (f32, f32), radius: f32, reach: f32, colour: Colour) {
    let pixel = stage.pixel();
    let area = Area::around(middle.0, middle.1, reach, reach);
    stage.lamp(area, reach, scaled(colour, 0.35), |x, y| {
        let distance = (x - middle.0).hypot(y - middle.1);
        let veil = (1.0 - distance / reach).max(0.0).powi(3) * 0.06 / (1.0 + distance / radius * 0.3);
        scaled(colour, inside(distance - radius, pixel * 2.0) * 2.0 + veil)
    });
}
