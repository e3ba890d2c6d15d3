//! The floor for any gateway that pulls its cameras: receives live streams and throws them away.
//!
//! ```text
//! receive-only URL…
//! ```
//!
//! The RTSP client of the gateway on one thread, without ring, decoder or detector. Runs until it is killed.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use moshao::camera::rtsp::{Endpoint, Session};
use moshao_config::Deadlines;
use retina::client::SessionGroup;

/// Far beyond what a camera on the same machine needs.
const DEADLINE: Duration = Duration::from_secs(30);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let urls: Vec<String> = std::env::args().skip(1).collect();
    if urls.is_empty() {
        return Err("usage: receive-only URL…".into());
    }
    let watching = urls.iter().map(|url| watch(url));
    futures::future::try_join_all(watching).await?;
    Ok(())
}

/// Never ends while the stream plays.
async fn watch(url: &str) -> Result<(), Box<dyn Error>> {
    let endpoint = Endpoint {
        url: url.parse()?,
        username: None,
        password: None,
        allow_basic: false,
        deadlines: Deadlines {
            describe: DEADLINE,
            setup: DEADLINE,
            play: DEADLINE,
            first_key_frame: DEADLINE,
            silence: DEADLINE,
        },
    };
    let mut session = Session::open(&endpoint, &Arc::new(SessionGroup::default())).await?;
    loop {
        drop(session.next().await?);
    }
}
