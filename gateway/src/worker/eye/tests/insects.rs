//! Insects before the lens at night, in real encoded pictures: they do not keep a camera awake, and whoever walks through
//! them wakes it all the same.

use super::*;
use crate::camera::opinion::Recognised;
use crate::camera::thumb::Area;

/// Two minutes; the object is there in these pictures alone.
const PICTURES: u64 = 1200;
const COMES: u64 = 805;
const LEAVES: u64 = 885;

/// One crawls over the lens and rests now and then, others are here in one picture and there in the next.
fn swarm(n: u64) -> [(usize, usize); 3] {
    let crawled = n / 100 * 60 + (n % 100).min(60);
    let hop = |by: u64| ((n * by % 300) as usize, (n * (by + 6) % 160) as usize);
    [((crawled * 3 % 290) as usize, 20 + (crawled % 100) as usize), hop(97), hop(131)]
}

fn with_insects(pictures: u64) -> Vec<AccessUnit> {
    film_of(pictures, SIZE, |picture, n| {
        draw(picture, (COMES..LEAVES).contains(&n).then(|| object_at(n, SIZE.0)));
        let stride = picture.stride(0);
        let luma = picture.data_mut(0);
        for (x, y) in swarm(n) {
            for line in y..y + 14 {
                luma[line * stride + x..][..16].fill(235);
            }
        }
    })
}

/// A detector that knows the object and nothing of insects.
fn knows_the_object(due: &Due) -> Findings {
    let at = due.picture.media_time;
    let n = at.as_millis() as u64 * FPS / 1000;
    let left = object_at(n, SIZE.0) as f32;
    let object: Area = [left / 320.0, 60.0 / 180.0, (left + 40.0) / 320.0, 140.0 / 180.0];
    let seen: Vec<Area> = (COMES..LEAVES).contains(&n).then_some(object).into_iter().collect();
    match &due.task {
        Task::Judge(suspicion) => {
            let opinion = Some(suspicion.opinion(&Recognised { clear: seen, ..Recognised::default() }));
            Findings { media_time: at, opinion, ..Findings::default() }
        }
        Task::Detect { .. } | Task::Remember => {
            let tracks = seen.into_iter().map(|area| (1, area)).collect();
            Findings { media_time: at, tracks, ..Findings::default() }
        }
    }
}

#[test]
fn insects_do_not_keep_a_camera_awake_and_whoever_walks_through_them_is_seen_from_the_first_picture() {
    let (mut eye, mut looker) = (Eye::new(&job()), Looker::default());
    let (mut awake, mut wakes, mut seen) = ([Duration::ZERO; 2], Vec::new(), Vec::new());
    for unit in with_insects(PICTURES) {
        let at = unit.media_time;
        let mut glance = eye.take(unit, &mut looker);
        loop {
            if let Some(due) = glance.due.take() {
                let findings = knows_the_object(&due);
                seen.extend((!findings.tracks.is_empty()).then_some(findings.media_time.as_millis() as u64));
                eye.hear(findings);
            }
            if !eye.is_behind() {
                break;
            }
            glance = eye.catch_up();
        }
        let tally = eye.tally();
        let is_visited = (COMES..LEAVES + 20).contains(&(at.as_millis() as u64 * FPS / 1000));
        awake[usize::from(is_visited)] += tally.awake;
        wakes.extend(tally.moves.iter().filter_map(|m| Some((m.media_time.as_millis() as u64, m.woke?))));
    }
    // The beginning alone takes 2.5 s.
    assert!(
        awake[0] < Duration::from_millis(4500),
        "awake for {:?} of 110 s of insects: {wakes:?}",
        awake[0]
    );
    assert!(wakes.contains(&(82_000, Wake::Look)), "at the first key frame: {wakes:?}");
    assert!(awake[1] > Duration::from_secs(6), "and stays awake: {awake:?}");
    let first = seen.first().copied();
    assert!(first.is_some_and(|at| at < 80_800), "it looks back to where they came, 80.5 s: {first:?}");
    assert!(seen.len() >= 38, "five a second of eight seconds: {}", seen.len());
}
