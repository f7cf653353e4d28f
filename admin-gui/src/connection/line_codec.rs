use std::io;

use bytes::BytesMut;
use thiserror::Error;
use tokio_util::codec::{AnyDelimiterCodec, AnyDelimiterCodecError, Decoder};
use trunkline_protocol::status::StatusLine;

use crate::defaults::LINE_BYTES_MAX;

/// Why a status stream cannot be read further.
#[derive(Debug, Error)]
pub(super) enum LineError {
    /// A line is not JSON, or not a status line.
    #[error("the relay wrote a malformed status line: {0}")]
    Malformed(#[from] serde_json::Error),
    /// A line passes the limit.
    #[error("the relay wrote a line of more than {LINE_BYTES_MAX} bytes")]
    TooLong,
    /// The stream broke.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// Decodes status lines: JSON, one per line.
#[derive(Debug)]
pub(super) struct LineCodec(AnyDelimiterCodec);

impl Default for LineCodec {
    fn default() -> Self {
        Self(AnyDelimiterCodec::new_with_max_length(b"\n".into(), b"\n".into(), LINE_BYTES_MAX))
    }
}

impl Decoder for LineCodec {
    type Item = StatusLine;
    type Error = LineError;

    fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<StatusLine>, LineError> {
        let line = self.0.decode(buffer).map_err(|error| match error {
            AnyDelimiterCodecError::MaxChunkLengthExceeded => LineError::TooLong,
            AnyDelimiterCodecError::Io(error) => error.into(),
        })?;
        Ok(line.map(|line| serde_json::from_slice(&line)).transpose()?)
    }

    fn decode_eof(&mut self, buffer: &mut BytesMut) -> Result<Option<StatusLine>, LineError> {
        let line = self.decode(buffer)?;
        if line.is_none() {
            // A relay that dies cuts its last line. That is a lost relay, not a malformed line.
            buffer.clear();
        }
        Ok(line)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt as _;
    use tokio_util::codec::FramedRead;

    use super::*;

    async fn decode(bytes: &[u8]) -> Result<Vec<StatusLine>, LineError> {
        FramedRead::new(bytes, LineCodec::default()).try_collect().await
    }

    #[tokio::test]
    async fn cut_last_line_is_dropped() {
        let bytes = b"{\"type\":\"answer\",\"id\":1}\n{\"type\":\"later\"}\n{\"type\":\"ans";
        let expected =
            [StatusLine::Answer { id: 1, error: None, trace: None }, StatusLine::Unknown];
        assert_eq!(decode(bytes).await.unwrap(), expected);
    }

    #[tokio::test]
    async fn other_protocols_are_malformed() {
        for bytes in [b"HTTP/1.1 400\n".as_slice(), b"\n", b"\xff\xfe\n"] {
            assert!(matches!(decode(bytes).await, Err(LineError::Malformed(_))), "{bytes:?}");
        }
    }

    #[tokio::test]
    async fn line_past_the_limit_is_refused() {
        let long = vec![b'x'; LINE_BYTES_MAX + 1];
        assert!(matches!(decode(&long).await, Err(LineError::TooLong)));
    }
}
