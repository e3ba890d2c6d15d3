//! On a box that has too much to do.

use super::*;
use crate::camera::gate::Gate;
use crate::camera::place::Place;

/// Access units left out, how late the detector saw a picture at most, and the last one that it saw, where it takes one picture
/// in so many that come from a camera that wakes after 20 s, and the decoder in a hurry comes to as many.
fn look_back(one_in: usize, decodes_in_a_hurry: usize) -> (u64, Duration, Duration) {
    let (mut eye, mut looker) = (Eye::new(&job()), Looker::default());
    let (mut left_out, mut most_late, mut latest) = (0, Duration::ZERO, Duration::ZERO);
    for (n, unit) in film(600, SIZE, 200).into_iter().enumerate() {
        let now = unit.media_time;
        let mut glances = vec![eye.take(unit, &mut looker)];
        if eye.is_behind() && n % one_in == 0 {
            glances.push(eye.catch_up());
        }
        while eye.is_behind() && eye.hurries() && glances.len() <= decodes_in_a_hurry {
            glances.push(eye.catch_up());
        }
        for glance in glances {
            left_out += glance.left_out;
            if let Some(due) = glance.due {
                latest = due.picture.media_time;
                most_late = most_late.max(now - latest);
                // What it sees it tracks, so that the camera stays awake.
                let came = now >= Duration::from_secs(20);
                let tracks = if came { vec![(1, [0.0, 0.0, 1.0, 1.0])] } else { vec![] };
                eye.hear(Findings { tracks, ..answer(&due, Opinion::Clear) });
            }
        }
    }
    (left_out, most_late, latest)
}

#[test]
fn who_cannot_catch_up_goes_on_with_the_newest_key_frame() {
    // Five pictures a second are due, and neither detector nor decoder comes to more than one.
    let (left_out, most_late, latest) = look_back(10, 0);
    assert!(left_out > 200, "{left_out} access units were left out");
    assert!(most_late < Duration::from_secs(8), "{most_late:?} late");
    assert!(latest > Duration::from_secs(52), "it sees the present: {latest:?}");
}

#[test]
fn who_falls_back_does_not_wait_for_the_detector_before_anything_is_left_out() {
    let (left_out, most_late, latest) = look_back(10, 2);
    assert_eq!(left_out, 0);
    assert!(most_late < Duration::from_secs(4), "{most_late:?} late");
    assert!(latest > Duration::from_secs(59), "it sees the present: {latest:?}");
}

#[test]
fn who_keeps_up_leaves_nothing_out() {
    // As many as come.
    assert_eq!(look_back(2, 0).0, 0);
}

#[test]
fn where_not_all_can_be_decoded_the_beginning_of_each_group_is() {
    use Service::{Half, KeyFrames, Quarter, ThreeQuarters};
    for (service, of_a_group) in [(ThreeQuarters, 15), (Half, 10), (Quarter, 5), (KeyFrames, 1)] {
        let mut eye = Eye::new(&CameraJob { gate: false, ..job() });
        let mut looker = Looker::default();
        eye.serve(service);
        let glances: Vec<Glance> = quiet().into_iter().map(|unit| eye.take(unit, &mut looker)).collect();
        let decoded: u64 = glances.iter().map(|glance| glance.decoded).sum();
        assert_eq!(decoded, 1 + 29 * of_a_group, "how long groups are is known after the first");
        assert_eq!(decoded + glances.iter().map(|glance| glance.passed_over).sum::<u64>(), 600);
    }
}

/// Whether something moved in the second of two groups, as far as is known.
fn moved_in_second_group(service: Service, object_from: u64) -> Option<bool> {
    let job = job();
    let mut sight = Sight::new(&job);
    let mut gate = Gate::new(job.sensitivity);
    let mut place = Place::new(job.masks.clone(), job.view.regions.clone());
    sight.serve(service);
    let units = film(2 * GROUP, SIZE, object_from);
    let (first, second) = units.split_at(GROUP as usize);
    first.iter().for_each(|unit| drop(sight.see_moving(unit, &mut gate, &mut place)));
    sight.take_moved();
    second.iter().for_each(|unit| drop(sight.see_moving(unit, &mut gate, &mut place)));
    sight.take_moved()
}

#[test]
fn of_pictures_that_were_left_out_nobody_says_that_nothing_moved() {
    let (early, late, never) = (GROUP + 4, GROUP + 14, u64::MAX);
    assert_eq!(moved_in_second_group(Service::Full, late), Some(true));
    assert_eq!(moved_in_second_group(Service::Full, never), Some(false));
    assert_eq!(moved_in_second_group(Service::Half, late), None);
    assert_eq!(moved_in_second_group(Service::Half, early), Some(true), "what was seen is certain");
}
