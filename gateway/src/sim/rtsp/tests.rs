//! A real client, retina, plays the simulated camera and gets what was fed.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use moshao_config::Secret;
use retina::client::{Credentials as ClientCredentials, PlayOptions, Session, SessionOptions, SetupOptions};
use retina::codec::{CodecItem, FrameFormat};

use super::*;
use crate::sim::feed::SceneFeed;
use crate::sim::scene::Story;

const PATIENCE: Duration = Duration::from_secs(20);

async fn camera(
    options: CameraOptions,
) -> (url::Url, tokio_util::task::AbortOnDropHandle<std::io::Result<()>>) {
    let feed = SceneFeed { seed: 5, story: Story::Calm, size_px: (128, 96), fps: 20 };
    let feed = tokio::task::spawn_blocking(move || feed.start()).await.unwrap().unwrap();
    let options = CameraOptions { path: "/stream".into(), ..options };
    let server = CameraServer::bind("127.0.0.1:0".parse().unwrap(), feed, options).await.unwrap();
    let url = format!("rtsp://{}/stream", server.local_addr().unwrap()).parse().unwrap();
    (url, tokio_util::task::AbortOnDropHandle::new(tokio::spawn(server.serve())))
}

fn viewer(password: &str) -> SessionOptions {
    SessionOptions::default()
        .creds(Some(ClientCredentials { username: "viewer".into(), password: password.into() }))
}

fn locked() -> CameraOptions {
    CameraOptions {
        credentials: Some(Credentials { username: "viewer".into(), password: Secret::new("right") }),
        ..CameraOptions::default()
    }
}

/// Plays and returns the first pictures, each as NAL units with start codes, with the packets lost before it.
async fn watch(
    url: url::Url,
    options: SessionOptions,
    count: usize,
) -> Result<Vec<(Vec<u8>, bool, u16)>, String> {
    let mut session = Session::describe(url, options).await.map_err(|error| error.to_string())?;
    let video = session.streams().iter().position(|stream| stream.media() == "video").ok_or("no video")?;
    let setup = SetupOptions::default().frame_format(FrameFormat::SIMPLE);
    session.setup(video, setup).await.map_err(|error| error.to_string())?;
    let mut demuxed = session
        .play(PlayOptions::default())
        .await
        .and_then(|playing| playing.demuxed())
        .map_err(|error| error.to_string())?;
    let mut pictures = vec![];
    while pictures.len() < count {
        let item = demuxed.next().await.ok_or("the stream ended")?.map_err(|error| error.to_string())?;
        if let CodecItem::VideoFrame(frame) = item {
            pictures.push((frame.data().to_vec(), frame.is_random_access_point(), frame.loss()));
        }
    }
    Ok(pictures)
}

async fn in_time<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("within 20 s")
}

#[tokio::test]
async fn a_client_gets_the_access_units_that_were_fed() {
    let feed = SceneFeed { seed: 5, story: Story::Calm, size_px: (128, 96), fps: 20 };
    let feed = tokio::task::spawn_blocking(move || feed.start()).await.unwrap().unwrap();
    let mut fed = feed.subscribe();
    let options = CameraOptions { path: "/stream".into(), ..CameraOptions::default() };
    let server = CameraServer::bind("127.0.0.1:0".parse().unwrap(), feed, options).await.unwrap();
    let url = format!("rtsp://{}/stream", server.local_addr().unwrap()).parse().unwrap();
    let _serving = tokio_util::task::AbortOnDropHandle::new(tokio::spawn(server.serve()));
    let seen = in_time(watch(url, SessionOptions::default(), 12)).await.unwrap();
    assert!(seen[0].1, "the first picture is a key frame");
    // What the feed's other subscriber saw, with 4-byte start codes as retina writes them.
    let mut sent: Vec<Vec<u8>> = vec![];
    while let Ok(unit) = fed.try_recv() {
        sent.push(unit.nals.iter().flat_map(|nal| [&[0, 0, 0, 1], &nal[..]].concat()).collect());
    }
    let begin = sent.iter().position(|unit| *unit == seen[0].0).expect("the first picture was fed");
    for (i, (picture, _, loss)) in seen.iter().enumerate() {
        assert_eq!((picture, *loss), (&sent[begin + i], 0), "picture {i}");
    }
}

#[tokio::test]
async fn the_right_password_opens_and_a_wrong_one_does_not() {
    let (url, _camera) = camera(locked()).await;
    assert_eq!(in_time(watch(url.clone(), viewer("right"), 2)).await.unwrap().len(), 2);
    let refused = in_time(watch(url.clone(), viewer("wrong"), 1)).await.unwrap_err();
    assert!(refused.contains("401"), "{refused}");
    let refused = in_time(watch(url, SessionOptions::default(), 1)).await.unwrap_err();
    assert!(refused.contains("401"), "{refused}");
}

#[tokio::test]
async fn an_unknown_path_is_not_found() {
    let (mut url, _camera) = camera(CameraOptions::default()).await;
    url.set_path("/other");
    let refused = in_time(watch(url, SessionOptions::default(), 1)).await.unwrap_err();
    assert!(refused.contains("404"), "{refused}");
}

#[tokio::test]
async fn faults_show_as_a_client_would_meet_them() {
    let with = |fault: Fault| CameraOptions { faults: vec![fault], ..CameraOptions::default() };

    let (url, _camera) = camera(with(Fault::AudioOnly)).await;
    assert_eq!(in_time(watch(url, SessionOptions::default(), 1)).await.unwrap_err(), "no video");

    let (url, _camera) = camera(with(Fault::CloseAfter(Duration::from_millis(300)))).await;
    let ended = in_time(watch(url, SessionOptions::default(), 1000)).await.unwrap_err();
    assert!(!ended.is_empty());

    let (url, _camera) = camera(with(Fault::NotRtsp)).await;
    assert!(in_time(watch(url, SessionOptions::default(), 1)).await.is_err());

    for fault in [Fault::SilentAfter(Duration::from_millis(300)), Fault::NoAnswer("DESCRIBE".into())] {
        let (url, _camera) = camera(with(fault.clone())).await;
        let watched =
            tokio::time::timeout(Duration::from_secs(2), watch(url, SessionOptions::default(), 1000)).await;
        assert!(watched.is_err(), "{fault:?} keeps the connection and says nothing");
    }

    let (url, _camera) = camera(with(Fault::Loss(0.3))).await;
    let seen = in_time(watch(url, SessionOptions::default(), 15)).await;
    assert!(
        seen.map_or(true, |pictures| pictures.iter().any(|(_, _, loss)| *loss > 0)),
        "losses are noticed"
    );
}

#[tokio::test]
async fn many_clients_share_one_feed() {
    let (url, _camera) = camera(CameraOptions::default()).await;
    let url = Arc::new(url);
    let watching = (0..4).map(|_| watch((*url).clone(), SessionOptions::default(), 10));
    for seen in in_time(futures::future::join_all(watching)).await {
        assert_eq!(seen.unwrap().len(), 10);
    }
}
