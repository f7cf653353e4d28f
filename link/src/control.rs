use std::{io, marker::PhantomData};

use bytes::{Buf, BytesMut};
use serde::{Serialize, de::DeserializeOwned};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use trunkline_protocol::control::{self, BadControl, LENGTH_BYTES};

/// Why a control stream ended.
#[derive(Debug, Error)]
pub enum ControlError {
    /// The peer sent what makes no sense.
    #[error(transparent)]
    Malformed(#[from] BadControl),
    /// The stream broke, or ended within a message.
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

    /// Writes one message. Not cancel-safe: dropped half-way, it leaves half a message behind.
    pub async fn write(&mut self, message: &M) -> io::Result<()> {
        self.stream.write_all(&control::encode(message)).await?;
        self.stream.flush().await
    }

    /// Gives the stream back.
    pub fn into_inner(self) -> W {
        self.stream
    }
}

/// Reads messages of type `M` from a control stream.
#[derive(Debug)]
pub struct ControlReader<R, M> {
    stream: R,
    buffer: BytesMut,
    messages: PhantomData<fn() -> M>,
}

impl<R: AsyncRead + Unpin, M: DeserializeOwned> ControlReader<R, M> {
    /// Takes over the receiving half of a stream.
    pub fn new(stream: R) -> Self {
        Self { stream, buffer: BytesMut::new(), messages: PhantomData }
    }

    /// The next message; `None` when the peer has finished the stream. Cancel-safe.
    pub async fn read(&mut self) -> Result<Option<M>, ControlError> {
        loop {
            if let Some(message) = self.buffered()? {
                return Ok(Some(message));
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                let whole = self.buffer.is_empty();
                return if whole { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
            }
        }
    }

    fn buffered(&mut self) -> Result<Option<M>, BadControl> {
        let Some(&length) = self.buffer.first_chunk::<LENGTH_BYTES>() else { return Ok(None) };
        let end = LENGTH_BYTES + control::decode_length(length)?;
        let Some(json) = self.buffer.get(LENGTH_BYTES..end) else { return Ok(None) };
        let message = control::decode(json)?;
        self.buffer.advance(end);
        Ok(Some(message))
    }
}

impl From<io::ErrorKind> for ControlError {
    fn from(kind: io::ErrorKind) -> Self {
        Self::Broken(kind.into())
    }
}

#[cfg(test)]
mod tests {
    use trunkline_protocol::control::ToRelay;

    use super::*;

    #[tokio::test]
    async fn messages_arrive_however_the_stream_is_cut() {
        // One byte at a time is the worst a stream can do.
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
    async fn half_a_message_is_an_error() {
        let bytes = control::encode(&ToRelay::Draining);
        for cut in 1..bytes.len() {
            let mut reader = ControlReader::<_, ToRelay>::new(&bytes[..cut]);
            assert!(matches!(reader.read().await, Err(ControlError::Broken(_))), "cut at {cut}");
        }
    }

    #[tokio::test]
    async fn an_endless_message_is_refused_at_its_length() {
        let bytes = [0xff; 4];
        let mut reader = ControlReader::<_, ToRelay>::new(bytes.as_slice());
        assert!(matches!(reader.read().await, Err(ControlError::Malformed(_))));
    }
}
