pub mod reading { #[derive(Debug,Clone)] pub struct Reading { pub sensor: String, pub config_index: usize, pub value: f64 } }
pub const READINGS_MAX: usize = 1024;
pub mod mqtt {
 use std::sync::Arc;
 pub async fn run(_b: moshao_config::Broker, _c: Arc<moshao_config::Config>, _m: Arc<crate::metrics::Metrics>, _s: tokio::sync::mpsc::Sender<super::reading::Reading>, stop: tokio_util::sync::CancellationToken) { stop.cancelled().await; }
}
