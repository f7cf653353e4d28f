use std::{io, marker::PhantomData};

use futures_util::StreamExt;
use serde::{Serialize, de::DeserializeOwned};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio_util::codec::{FramedRead, LengthDelimitedCodec, LengthDelimitedCodecError};
use trunkline_protocol::control::{self, BadControl, CONTROL_BYTES_MAX, LENGTH_BYTES};

/// Why a control stream ended.
#[derive(Debug, Error)]
pub enum ControlError {
    /// The peer sent malformed bytes.
    #[error(transparent)]
    Malformed(#[from] BadControl),
    /// The stream was lost, or ended within a message.
    #[error("the control stream broke: {0}")]
    Broken(#[from] io::Error),
}

/// Writes messages of type `M` to a control stream.
#[derive(Debug)]
pub struct ControlWriter<W, M> {
    stream: W,
    messages: PhantomData<fn(&M)>,
}

impl<W: AsyncWrite + Unpin, M: Serialize> ControlWriter<W, M> {
    /// Takes over the sending half of a stream.
    pub fn new(stream: W) -> Self {
        Self { stream, messages: PhantomData }
    }

    /// Writes one message. Not cancel-safe: a call that is dropped may leave a partial message.
    pub async fn write(&mut self, message: &M) -> io::Result<()> {
        self.stream.write_all(&control::encode(message)).await?;
        self.stream.flush().await
    }

    /// Returns the stream.
    pub fn into_inner(self) -> W {
        self.stream
    }
}

/// Reads messages of type `M` from a control stream.
#[derive(Debug)]
pub struct ControlReader<R, M> {
    frames: FramedRead<R, LengthDelimitedCodec>,
    messages: PhantomData<fn() -> M>,
}

impl<R: AsyncRead + Unpin, M: DeserializeOwned> ControlReader<R, M> {
    /// Takes over the receiving half of a stream.
    pub fn new(stream: R) -> Self {
        // The length stays in the buffer until its message is complete. Otherwise a stream that
        // ends right after a length would pass for a finished one.
        let frames = LengthDelimitedCodec::builder()
            .little_endian()
            .length_field_length(LENGTH_BYTES)
            .length_adjustment(LENGTH_BYTES as isize)
            .num_skip(0)
            .max_frame_length(CONTROL_BYTES_MAX)
            .new_read(stream);
        Self { frames, messages: PhantomData }
    }

    /// The next message; `None` when the peer has finished the stream. Cancel-safe.
    pub async fn read(&mut self) -> Result<Option<M>, ControlError> {
        match self.frames.next().await {
            None => Ok(None),
            Some(Ok(frame)) => Ok(Some(control::decode(&frame[LENGTH_BYTES..])?)),
            Some(Err(error)) if is_too_long(&error) => Err(BadControl::TooLong.into()),
            Some(Err(error)) => Err(error.into()),
        }
    }
}

fn is_too_long(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|source| source.is::<LengthDelimitedCodecError>())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;
    use trunkline_protocol::control::ToRelay;

    use super::*;

    #[tokio::test]
    async fn messages_arrive_in_order_over_a_stream_of_single_bytes() {
        let (near, far) = tokio::io::duplex(1);
        let mut writer = ControlWriter::<_, ToRelay>::new(near);
        let mut reader = ControlReader::<_, ToRelay>::new(far);
        let sent = [ToRelay::Heartbeat { seq: 1 }, ToRelay::Draining, ToRelay::Bye];
        let copies = sent.clone();
        let writing = tokio::spawn(async move {
            for message in &copies {
                writer.write(message).await.unwrap();
            }
        });
        for message in sent {
            assert_eq!(reader.read().await.unwrap(), Some(message));
        }
        writing.await.unwrap();
        assert_eq!(reader.read().await.unwrap(), None);
    }

    #[tokio::test]
    async fn cancelled_read_loses_no_bytes() {
        let (mut near, far) = tokio::io::duplex(64);
        let mut reader = ControlReader::<_, ToRelay>::new(far);
        for byte in control::encode(&ToRelay::Draining) {
            assert!(timeout(Duration::ZERO, reader.read()).await.is_err());
            near.write_all(&[byte]).await.unwrap();
        }
        assert_eq!(reader.read().await.unwrap(), Some(ToRelay::Draining));
    }

    #[tokio::test]
    async fn stream_that_ends_within_a_message_is_broken() {
        let bytes = control::encode(&ToRelay::Draining);
        for cut in 1..bytes.len() {
            let mut reader = ControlReader::<_, ToRelay>::new(&bytes[..cut]);
            assert!(matches!(reader.read().await, Err(ControlError::Broken(_))), "cut at {cut}");
        }
    }

    #[tokio::test]
    async fn excessive_length_is_malformed() {
        let longest = (CONTROL_BYTES_MAX as u32).to_le_bytes();
        let mut reader = ControlReader::<_, ToRelay>::new(longest.as_slice());
        assert!(matches!(reader.read().await, Err(ControlError::Broken(_))));
        let too_long = (CONTROL_BYTES_MAX as u32 + 1).to_le_bytes();
        let mut reader = ControlReader::<_, ToRelay>::new(too_long.as_slice());
        let error = reader.read().await.unwrap_err();
        assert!(matches!(error, ControlError::Malformed(BadControl::TooLong)), "{error}");
    }
}
