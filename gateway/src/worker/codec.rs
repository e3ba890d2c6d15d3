//! Messages on the wire between parent and worker: a 4-byte little-endian length, then a postcard body.

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::link::MAX_MESSAGE_BYTES;

/// Why a message could not be read or written. The link is of no use afterwards.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The other end is gone, or the socket failed.
    #[error("link to the other process broke: {0}")]
    Io(#[from] std::io::Error),
    /// A length beyond the limit: the other end is not what it should be.
    #[error("message of {bytes} bytes on the link, at most {MAX_MESSAGE_BYTES} are allowed")]
    TooLarge {
        /// Announced or encoded length.
        bytes: usize,
    },
    /// A body that is no message of this version.
    #[error("message on the link makes no sense: {0}")]
    Malformed(#[from] postcard::Error),
}

// === impl LinkError ===

impl LinkError {
    /// Whether it only says that the other end is gone: one that goes without having read everything resets the link.
    pub fn is_end(&self) -> bool {
        use std::io::ErrorKind::{BrokenPipe, ConnectionReset};
        matches!(self, LinkError::Io(error) if matches!(error.kind(), BrokenPipe | ConnectionReset))
    }
}

/// Reads one message; none at the end of the stream between two messages.
///
/// # Errors
/// See [`LinkError`].
pub async fn read_message<T: DeserializeOwned>(
    from: &mut (impl AsyncRead + Unpin),
) -> Result<Option<T>, LinkError> {
    let length = match from.read_u32_le().await {
        Ok(length) => length as usize,
        Err(end) if end.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    if length > MAX_MESSAGE_BYTES {
        return Err(LinkError::TooLarge { bytes: length });
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body).await?;
    Ok(Some(postcard::from_bytes(&body)?))
}

/// Writes one message whole. Not cancel-safe: a caller that gives up must close the link.
///
/// # Errors
/// See [`LinkError`].
pub async fn write_message<T: Serialize>(
    to: &mut (impl AsyncWrite + Unpin),
    message: &T,
) -> Result<(), LinkError> {
    let mut frame = postcard::to_extend(message, vec![0; 4])?;
    let length = frame.len() - 4;
    if length > MAX_MESSAGE_BYTES {
        return Err(LinkError::TooLarge { bytes: length });
    }
    let prefix = u32::try_from(length).expect("MAX_MESSAGE_BYTES fits into 32 bits").to_le_bytes();
    frame[..4].copy_from_slice(&prefix);
    to.write_all(&frame).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::link::{StillRequest, ToWorker};
    use super::*;

    #[tokio::test]
    async fn a_message_comes_out_as_it_went_in() {
        let request = StillRequest {
            request: 7,
            camera: "gate-east".to_owned(),
            picture: Some(42),
            max_side_px: 1280,
            subjects: vec![[0.1, 0.2, 0.3, 0.4]],
        };
        let mut wire = Vec::new();
        write_message(&mut wire, &ToWorker::TakeStill(request.clone())).await.unwrap();
        let mut wire = wire.as_slice();
        let back: Option<ToWorker> = read_message(&mut wire).await.unwrap();
        assert!(matches!(back, Some(ToWorker::TakeStill(r)) if r == request));
        assert!(read_message::<ToWorker>(&mut wire).await.unwrap().is_none(), "end of stream");
    }

    #[tokio::test]
    async fn a_length_beyond_the_limit_is_refused_before_anything_is_allocated() {
        let mut wire: &[u8] = &[0xff, 0xff, 0xff, 0xff, 0];
        let refused = read_message::<ToWorker>(&mut wire).await;
        assert!(matches!(refused, Err(LinkError::TooLarge { bytes: 0xffff_ffff })), "{refused:?}");
    }

    #[tokio::test]
    async fn half_a_message_is_an_error_not_an_end() {
        let mut wire: &[u8] = &[10, 0, 0, 0, 1, 2];
        assert!(matches!(read_message::<ToWorker>(&mut wire).await, Err(LinkError::Io(_))));
    }
}
