//! How well cameras are: kept over restarts, and shown in metrics.

use tracing::{debug, error};

use super::Desk;
use crate::outbox::SavedState;
use crate::quality::defect::Defect;

/// Name of what was learned of cameras in the outbox.
const STATE_KEY: &str = "quality";
/// Turns of the desk between two looks at the metrics: five seconds.
const SHOWN_EACH: u32 = 20;

impl Desk {
    /// Takes up how cameras usually look.
    pub(super) async fn load_quality(&mut self) {
        match self.outbox.load_state(STATE_KEY).await {
            Ok(Some(saved)) => match self.judge.restore_quality(&saved) {
                Ok(()) => debug!("how cameras usually look is known from the last run"),
                Err(error) => error!(%error, "how cameras usually look cannot be read and is learned anew"),
            },
            Ok(None) => {}
            Err(error) => error!(%error, "how cameras usually look cannot be read and is learned anew"),
        }
    }

    /// Keeps how cameras usually look.
    pub(super) async fn keep_quality(&mut self) {
        let state = SavedState { key: STATE_KEY.to_owned(), value: Some(self.judge.quality().save()) };
        if let Err(error) = self.outbox.accept(Vec::new(), Some(state)).await {
            error!(%error, "how cameras usually look cannot be kept; after a restart it is learned anew");
        }
    }

    /// Shows the state of cameras in metrics, every now and then.
    pub(super) fn show_quality(&mut self) {
        self.quality_shown = (self.quality_shown + 1) % SHOWN_EACH;
        if self.quality_shown != 1 {
            return;
        }
        let quality = self.judge.quality();
        for camera in self.config.cameras.iter().filter(|camera| camera.diagnosis.is_on) {
            let id = camera.id.as_str();
            let told = quality.told(id);
            for defect in Defect::ALL {
                let gauge = self.metrics.camera.defect.with_label_values(&[id, defect.as_str()]);
                gauge.set(i64::from(told.contains(&defect)));
            }
        }
        for camera in &self.config.cameras {
            let id = camera.id.as_str();
            let (today, before) = quality.rates(id);
            for (day, rates) in [("today", today), ("yesterday", before)] {
                let Some(rates) = rates else { continue };
                self.metrics.camera.online_ratio.with_label_values(&[id, day]).set(rates.online);
                if let Some(good) = rates.good {
                    self.metrics.camera.good_picture_ratio.with_label_values(&[id, day]).set(good);
                }
            }
        }
        self.window.quality(quality);
    }
}
