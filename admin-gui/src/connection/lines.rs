use std::io;

use bytes::{Buf, BytesMut};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt};
use trunkline_protocol::status::StatusLine;

use crate::defaults::LINE_BYTES_MAX;

/// Why a status stream cannot be read further.
#[derive(Debug, Error)]
pub(super) enum LinesError {
    /// The relay wrote what is no status line.
    #[error("the relay wrote what is not a status line: {0}")]
    Malformed(#[from] serde_json::Error),
    /// A line passed the limit.
    #[error("the relay wrote a line of more than {LINE_BYTES_MAX} bytes")]
    TooLong,
    /// The stream broke.
    #[error("{0}")]
    Broken(#[from] io::Error),
}

/// Cuts a stream into status lines.
#[derive(Debug)]
pub(super) struct Lines<R> {
    stream: R,
    buffer: BytesMut,
    /// How far the buffer was searched for a line's end.
    searched: usize,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    /// Takes over a stream.
    pub(super) fn new(stream: R) -> Self {
        Self { stream, buffer: BytesMut::new(), searched: 0 }
    }

    /// The next line; `None` when the stream has ended. Cancel-safe.
    pub(super) async fn next(&mut self) -> Result<Option<StatusLine>, LinesError> {
        loop {
            if let Some(line) = self.buffered()? {
                return Ok(Some(line));
            }
            if self.buffer.len() > LINE_BYTES_MAX {
                return Err(LinesError::TooLong);
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Ok(None);
            }
        }
    }

    fn buffered(&mut self) -> Result<Option<StatusLine>, LinesError> {
        let end = self.buffer[self.searched..].iter().position(|&byte| byte == b'\n');
        let Some(end) = end.map(|at| self.searched + at) else {
            self.searched = self.buffer.len();
            return Ok(None);
        };
        let line = serde_json::from_slice(&self.buffer[..end])?;
        self.buffer.advance(end + 1);
        self.searched = 0;
        Ok(Some(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn all(bytes: &[u8]) -> Result<Vec<StatusLine>, LinesError> {
        let mut lines = Lines::new(bytes);
        let mut all = Vec::new();
        while let Some(line) = lines.next().await? {
            all.push(line);
        }
        Ok(all)
    }

    #[tokio::test]
    async fn lines_come_one_by_one_and_half_a_line_is_dropped() {
        let bytes = b"{\"type\":\"answer\",\"id\":1}\n{\"type\":\"later\"}\n{\"type\":\"ans";
        let expected =
            [StatusLine::Answer { id: 1, error: None, trace: None }, StatusLine::Unknown];
        assert_eq!(all(bytes).await.unwrap(), expected);
    }

    #[tokio::test]
    async fn what_is_no_line_is_refused() {
        assert!(matches!(all(b"HTTP/1.1 400\n").await, Err(LinesError::Malformed(_))));
    }
}
