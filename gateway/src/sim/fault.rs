//! What can be wrong with a simulated camera, by request: `silent-after=10s`, `loss=1%`, `audio-only`, …

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
    /// `no-key-frames`: key frames are left out.
    NoKeyFrames,
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
         no-key-frames, audio-only, no-answer=METHOD, basic-auth and not-rtsp"
    )]
    Unknown(String),
    /// A time that cannot be read.
    #[error("'{0}' is no time; write it as 10s, 500ms or 2m")]
    Time(String),
    /// A share that cannot be read.
    #[error("'{0}' is no share; write it as 1%, from 0% to 100%")]
    Share(String),
    /// A fault that needs a value has none, or the other way round.
    #[error("'{0}' {1}")]
    Value(String, &'static str),
}

impl FromStr for Fault {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
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
            "no-key-frames" | "audio-only" | "basic-auth" | "not-rtsp" if value.is_some() => {
                return Err(FaultError::Value(name.to_owned(), "takes no value"));
            }
            "no-key-frames" => Fault::NoKeyFrames,
            "audio-only" => Fault::AudioOnly,
            "basic-auth" => Fault::BasicAuth,
            "not-rtsp" => Fault::NotRtsp,
            _ => return Err(FaultError::Unknown(name.to_owned())),
        };
        Ok(fault)
    }
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
    }

    #[test]
    fn wrong_faults_are_told_apart() {
        let error = |text: &str| text.parse::<Fault>().unwrap_err();
        assert_eq!(error("flood"), FaultError::Unknown("flood".into()));
        assert_eq!(error("silent-after=10"), FaultError::Time("10".into()));
        assert_eq!(error("silent-after=-1s"), FaultError::Time("-1s".into()));
        assert_eq!(error("loss=1"), FaultError::Share("1".into()));
        assert_eq!(error("loss=101%"), FaultError::Share("101%".into()));
        assert!(matches!(error("loss"), FaultError::Value(_, _)));
        assert!(matches!(error("not-rtsp=1"), FaultError::Value(_, _)));
    }
}
