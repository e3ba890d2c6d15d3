//! What can be wrong with a simulated camera, by request: `silent-after=10s`, `loss=1%`, `audio-only`, …
//!
//! What happens to single packets may be limited to a time after PLAY: `loss=30%@20s-24s`.

use std::str::FromStr;
use std::time::Duration;

/// A way in which cameras misbehave.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// `silent-after=10s`: the connection stays, media stops, this long after PLAY.
    SilentAfter(Duration),
    /// `close-after=10s`: the connection is closed, this long after PLAY.
    CloseAfter(Duration),
    /// `loss=1%`: this share of RTP packets is left out.
    Loss(f64),
    /// `corrupt=1%`: a byte is changed in this share of RTP packets.
    Corrupt(f64),
    /// `corrupt-key-frames`: a byte is changed in every RTP packet of a key frame but its parameter sets.
    CorruptKeyFrames,
    /// `no-key-frames`: key frames are left out.
    NoKeyFrames,
    /// `clock-jump=20s+60m`: the RTP clock leaps ahead (or back, with `-`) by the second time, the first after PLAY.
    ClockJump {
        /// How long after PLAY.
        after: Duration,
        /// By how much.
        by: Duration,
        /// Back instead of ahead.
        back: bool,
    },
    /// `…@20s-24s`: one of the faults of single packets, from so long until so long after PLAY.
    During {
        /// What is wrong.
        fault: Box<Fault>,
        /// Its beginning.
        from: Duration,
        /// Its end.
        to: Duration,
    },
    /// `motion-jpeg`: the session description offers video as Motion JPEG alone.
    MotionJpeg,
    /// `audio-only`: the session description offers no video.
    AudioOnly,
    /// `no-answer=describe`: this request is never answered.
    NoAnswer(String),
    /// `basic-auth`: the password is asked for in the clear (RFC 2617 §2).
    BasicAuth,
    /// `not-rtsp`: the server answers like a web server.
    NotRtsp,
}

/// What is wrong with the text of a fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultError {
    /// No such fault.
    #[error(
        "no fault is called '{0}'; there are silent-after=TIME, close-after=TIME, loss=PERCENT, corrupt=PERCENT, \
         corrupt-key-frames, no-key-frames, clock-jump=TIME+TIME, motion-jpeg, audio-only, no-answer=METHOD, basic-auth and not-rtsp"
    )]
    Unknown(String),
    /// A time that cannot be read.
    #[error("'{0}' is no time; write it as 10s, 500ms or 2m")]
    Time(String),
    /// A share that cannot be read.
    #[error("'{0}' is no share; write it as 1%, from 0% to 100%")]
    Share(String),
    /// A time span that cannot be read, or one where there can be none.
    #[error(
        "'{0}' cannot be limited to a time; write it as loss=30%@20s-24s, with loss, corrupt, corrupt-key-frames or no-key-frames"
    )]
    During(String),
    /// A leap that cannot be read.
    #[error("'{0}' is no leap of a clock; write it as 20s+60m or 20s-5s: when, and by how much")]
    Jump(String),
    /// A fault that needs a value has none, or the other way round.
    #[error("'{0}' {1}")]
    Value(String, &'static str),
}

impl FromStr for Fault {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        if let Some((fault, span)) = text.split_once('@') {
            return during(text, fault.parse()?, span);
        }
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (text, None),
        };
        let needed = || value.ok_or(FaultError::Value(name.to_owned(), "needs a value, as in 'loss=1%'"));
        let fault = match name {
            "silent-after" => Fault::SilentAfter(time(needed()?)?),
            "close-after" => Fault::CloseAfter(time(needed()?)?),
            "loss" => Fault::Loss(share(needed()?)?),
            "corrupt" => Fault::Corrupt(share(needed()?)?),
            "no-answer" => Fault::NoAnswer(needed()?.to_ascii_uppercase()),
            "clock-jump" => jump(needed()?)?,
            "corrupt-key-frames" | "no-key-frames" | "motion-jpeg" | "audio-only" | "basic-auth"
            | "not-rtsp"
                if value.is_some() =>
            {
                return Err(FaultError::Value(name.to_owned(), "takes no value"));
            }
            "corrupt-key-frames" => Fault::CorruptKeyFrames,
            "no-key-frames" => Fault::NoKeyFrames,
            "motion-jpeg" => Fault::MotionJpeg,
            "audio-only" => Fault::AudioOnly,
            "basic-auth" => Fault::BasicAuth,
            "not-rtsp" => Fault::NotRtsp,
            _ => return Err(FaultError::Unknown(name.to_owned())),
        };
        Ok(fault)
    }
}

// === impl Fault ===

impl Fault {
    /// The fault of single packets that is at work so long after PLAY, if it is.
    pub(super) fn at(&self, since_play: Duration) -> Option<&Fault> {
        match self {
            Fault::During { fault, from, to } => (*from..*to).contains(&since_play).then_some(&**fault),
            always => Some(always),
        }
    }
}

/// `20s-24s`.
fn during(text: &str, fault: Fault, span: &str) -> Result<Fault, FaultError> {
    let wrong = || FaultError::During(text.to_owned());
    let (from, to) = span.split_once('-').ok_or_else(wrong)?;
    let (from, to) = (time(from)?, time(to)?);
    let is_of_packets =
        matches!(fault, Fault::Loss(_) | Fault::Corrupt(_) | Fault::CorruptKeyFrames | Fault::NoKeyFrames);
    if !is_of_packets || from >= to {
        return Err(wrong());
    }
    Ok(Fault::During { fault: Box::new(fault), from, to })
}

/// `20s+60m`.
fn jump(text: &str) -> Result<Fault, FaultError> {
    let sign = text.find(['+', '-']).filter(|at| *at > 0).ok_or_else(|| FaultError::Jump(text.to_owned()))?;
    let (after, by) = (time(&text[..sign])?, time(&text[sign + 1..])?);
    Ok(Fault::ClockJump { after, by, back: text[sign..].starts_with('-') })
}

/// `10s`, `500ms`, `2m`.
pub(crate) fn time(text: &str) -> Result<Duration, FaultError> {
    let wrong = || FaultError::Time(text.to_owned());
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
    let number: f64 = text[..digits].parse().map_err(|_| wrong())?;
    let unit_s = match &text[digits..] {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        _ => return Err(wrong()),
    };
    Duration::try_from_secs_f64(number * unit_s).map_err(|_| wrong())
}

fn share(text: &str) -> Result<f64, FaultError> {
    let percent: Option<f64> = text.strip_suffix('%').and_then(|number| number.parse().ok());
    match percent {
        Some(percent) if (0.0..=100.0).contains(&percent) => Ok(percent / 100.0),
        _ => Err(FaultError::Share(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_read_from_their_words() {
        assert_eq!("silent-after=10s".parse(), Ok(Fault::SilentAfter(Duration::from_secs(10))));
        assert_eq!("close-after=500ms".parse(), Ok(Fault::CloseAfter(Duration::from_millis(500))));
        assert_eq!("loss=1%".parse(), Ok(Fault::Loss(0.01)));
        assert_eq!("no-answer=describe".parse(), Ok(Fault::NoAnswer("DESCRIBE".into())));
        assert_eq!("audio-only".parse(), Ok(Fault::AudioOnly));
        let s = Duration::from_secs;
        let loss = Fault::During { fault: Box::new(Fault::Loss(0.3)), from: s(20), to: s(24) };
        assert_eq!("loss=30%@20s-24s".parse(), Ok(loss));
        let back = Fault::ClockJump { after: s(20), by: s(5), back: true };
        assert_eq!("clock-jump=20s-5s".parse(), Ok(back));
    }

    #[test]
    fn a_fault_that_is_limited_is_at_work_from_its_beginning_to_its_end() {
        let fault: Fault = "corrupt-key-frames@20s-24s".parse().unwrap();
        let at = |s| fault.at(Duration::from_secs(s));
        assert_eq!([at(19), at(20), at(24)], [None, Some(&Fault::CorruptKeyFrames), None]);
        assert_eq!(Fault::NoKeyFrames.at(Duration::ZERO), Some(&Fault::NoKeyFrames));
    }

    #[test]
    fn wrong_faults_are_told_apart() {
        let error = |text: &str| text.parse::<Fault>().unwrap_err();
        assert_eq!(error("flood"), FaultError::Unknown("flood".into()));
        assert_eq!(error("silent-after=10"), FaultError::Time("10".into()));
        assert_eq!(error("silent-after=-1s"), FaultError::Time("-1s".into()));
        assert_eq!(error("loss=1"), FaultError::Share("1".into()));
        assert_eq!(error("loss=101%"), FaultError::Share("101%".into()));
        assert_eq!(error("audio-only@1s-2s"), FaultError::During("audio-only@1s-2s".into()));
        assert_eq!(error("loss=1%@2s-1s"), FaultError::During("loss=1%@2s-1s".into()));
        assert_eq!(error("clock-jump=5s"), FaultError::Jump("5s".into()));
        assert!(matches!(error("loss"), FaultError::Value(_, _)));
        assert!(matches!(error("not-rtsp=1"), FaultError::Value(_, _)));
    }
}
