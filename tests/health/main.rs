//! The faults of cameras, made of real footage: each must be told and cleared, and footage of cameras that are well must
//! raise none.
//!
//! `deploy/test health` runs it and prints the figures that stand in `deploy/faults.md`.

mod films;
mod site;

use std::time::Duration;

use moshao::rules::Edge;
use moshao_tests::skip;

use crate::films::{CAMERAS, LIVE, VIEW, looks};
use crate::site::{Site, Told};

const MINUTE: Duration = Duration::from_secs(60);

/// The camera turned by an eighth of its picture, a little down.
const TURNED: &str = "crop=iw*0.8:ih*0.8:iw*0.2:ih*0.15";
const UPSIDE_DOWN: &str = "crop=iw*0.8:ih*0.8:iw*0.1:ih*0.1,hflip,vflip";
const KNOCKED: &str = "rotate=0.35,crop=iw*0.8:ih*0.8:iw*0.1:ih*0.1";

/// What the camera looks at, what is done to the picture, and the event that must come of it, at most so long after.
const FAULTS: [(&str, &str, &str, u64); 17] = [
    (VIEW, "lutyuv=y=16:u=128:v=128", "camera-black", 15),
    (VIEW, "lutyuv=y=16+(val-16)*0.02:u=128:v=128,noise=alls=3:allf=t", "camera-black", 15),
    (VIEW, "lutyuv=y=16+(val-16)*0.17,noise=alls=5:allf=t", "camera-dark", 600),
    (VIEW, "lutyuv=y=clip(val*1.3+120\\,16\\,235)", "camera-bright", 600),
    // A hand, a bag, a board before the lens.
    (VIEW, "drawbox=color=0x303028:t=fill,noise=alls=5:allf=t", "camera-covered", 60),
    (VIEW, "boxblur=60:3,lutyuv=y=100+val*0.1,noise=alls=5:allf=t", "camera-covered", 60),
    (VIEW, "drawbox=w=iw*0.85:color=0x706050:t=fill,noise=alls=5:allf=t", "camera-covered", 60),
    (VIEW, "gblur=sigma=4,noise=alls=5:allf=t", "camera-blurred", 1000),
    (VIEW, "gblur=sigma=12,noise=alls=5:allf=t", "camera-blurred", 1000),
    (TURNED, LIVE, "camera-moved", 120),
    (UPSIDE_DOWN, LIVE, "camera-moved", 120),
    (KNOCKED, LIVE, "camera-moved", 120),
    (VIEW, "trim=end_frame=1,loop=loop=300:size=1:start=0,setpts=N/5/TB", "camera-frozen", 120),
    (VIEW, "lutyuv=u=val+22:v=val-26,noise=alls=5:allf=t", "camera-cast", 600),
    (VIEW, "noise=alls=60:allf=t", "camera-noise", 600),
    (VIEW, "geq=lum=lum(X\\,Y)+18*sin(2*PI*Y/23+N):cb=cb(X\\,Y):cr=cr(X\\,Y)", "camera-stripes", 600),
    (VIEW, "geq=lum=lum(X\\,Y)+18*sin(2*PI*(X+Y/9)/29):cb=cb(X\\,Y):cr=cr(X\\,Y)", "camera-stripes", 600),
];

/// Bare asphalt has hardly any detail: what blurs or hides it, or another piece of it, cannot be told by its pictures.
fn can_be_told(video: &str, view: &str, filter: &str) -> bool {
    let is_about_detail = view != VIEW || filter.starts_with("gblur") || filter.starts_with("drawbox=w=");
    video != CAMERAS[1] || !is_about_detail
}

#[test]
fn every_fault_of_a_picture_is_told_and_cleared_and_no_other() {
    let (mut missed, mut shown) = (Vec::new(), 0);
    println!("| camera | fault | told after, s | cleared after, s | made by |");
    println!("|---|---|---|---|---|");
    for video in &CAMERAS[..2] {
        let Some(well) = looks(video, VIEW, LIVE) else {
            return skip("needs footage (MOSHAO_TEST_DATA)");
        };
        for (view, filter, kind, within_s) in FAULTS {
            if !can_be_told(video, view, filter) {
                continue;
            }
            let unwell = looks(video, view, filter).expect("the footage is there");
            let mut site = Site::new();
            let before = site.show(&well, 10 * MINUTE);
            let during = site.show(&unwell, 20 * MINUTE);
            let after = site.show(&well, 20 * MINUTE);
            shown += 1;
            let (told, cleared) = (seconds_since(10 * MINUTE, &during), seconds_since(30 * MINUTE, &after));
            println!("| {video} | {kind} | {told} | {cleared} | `{view}` `{filter}` |");
            let is_right = before.is_empty()
                && during.len() == 1
                && during[0].kind == kind
                && during[0].edge == Edge::Raised
                && during[0].at <= 10 * MINUTE + Duration::from_secs(within_s)
                && after.len() == 1
                && after[0].kind == kind
                && after[0].edge == Edge::Cleared;
            if !is_right {
                missed.push(format!(
                    "{video} {view} {filter}: {kind}\n  before {before:?}\n  during {during:?}\n  after {after:?}"
                ));
            }
        }
    }
    println!("{} of {shown} faults told by their own name, and cleared", shown - missed.len());
    assert!(missed.is_empty(), "{} of {shown}:\n{}", missed.len(), missed.join("\n"));
}

/// When the first of what was told was told, as a column of the table.
fn seconds_since(begin: Duration, told: &[Told]) -> String {
    told.first().map_or("never".to_owned(), |told| (told.at - begin).as_secs().to_string())
}

/// The light of a day, and how many minutes it lasts: noon, dusk in steps as an iris and a gain follow it, infrared light.
const DAY: [(&str, u64); 10] = [
    ("noise=alls=5:allf=t", 120),
    ("lutyuv=y=16+(val-16)*0.8,noise=alls=5:allf=t", 20),
    ("lutyuv=y=16+(val-16)*0.6,noise=alls=6:allf=t", 20),
    ("lutyuv=y=16+(val-16)*0.45,noise=alls=8:allf=t", 20),
    ("lutyuv=y=16+(val-16)*0.35,noise=alls=10:allf=t", 10),
    ("hue=s=0,lutyuv=y=16+(val-16)*0.7,vignette=PI/3,noise=c0s=12:c0f=t", 120),
    ("lutyuv=y=16+(val-16)*0.35,noise=alls=10:allf=t", 10),
    ("lutyuv=y=16+(val-16)*0.45,noise=alls=8:allf=t", 15),
    ("lutyuv=y=16+(val-16)*0.6,noise=alls=6:allf=t", 15),
    ("lutyuv=y=16+(val-16)*0.8,noise=alls=5:allf=t", 10),
];
/// Noon and midnight are short; what is difficult lies between them.
const DAYS: u32 = 4;

#[test]
fn cameras_that_are_well_raise_nothing_by_day_dusk_and_night() {
    let mut false_alarms = Vec::new();
    let minutes: u64 = DAY.iter().map(|(_, minutes)| minutes).sum();
    let days = f64::from(DAYS) * minutes as f64 / 1440.0;
    println!("| camera | camera-days | nightfalls | false alarms | a camera-day |");
    println!("|---|---|---|---|---|");
    for video in CAMERAS {
        let before = false_alarms.len();
        let films = DAY.map(|(filter, minutes)| looks(video, VIEW, filter).map(|film| (film, minutes)));
        let Some(films) = films.into_iter().collect::<Option<Vec<_>>>() else {
            return skip("needs footage (MOSHAO_TEST_DATA)");
        };
        let mut site = Site::new();
        for day in 1..=DAYS {
            for (film, minutes) in &films {
                let told = site.show(film, *minutes as u32 * MINUTE);
                false_alarms.extend(
                    told.into_iter()
                        .filter(|told| told.edge == Edge::Raised)
                        .map(|told| format!("{video} day {day}: {} {:?}", told.kind, told.at)),
                );
            }
        }
        let raised = false_alarms.len() - before;
        println!("| {video} | {days:.1} | {DAYS} | {raised} | {:.2} |", raised as f64 / days);
    }
    let camera_days = CAMERAS.len() as f64 * days;
    let rate = false_alarms.len() as f64 / camera_days;
    println!(
        "{} false alarms in {camera_days:.1} camera-days with {} nightfalls: {rate:.2} a camera-day",
        false_alarms.len(),
        CAMERAS.len() as u32 * DAYS
    );
    assert!(false_alarms.is_empty(), "{false_alarms:#?}");
}
