//! Lines of bounded length from a stream.

use std::io;

use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt};
use trunkline_protocol::status::REQUEST_BYTES_MAX;

/// Why no line could be read.
#[derive(Debug, Error)]
pub(super) enum BadLine {
    /// It does not end.
    #[error("a line has at most {REQUEST_BYTES_MAX} bytes")]
    TooLong,
    /// The stream broke.
    #[error("the stream broke: {0}")]
    Broken(#[from] io::Error),
}

/// Reads lines.
pub(super) struct Lines<R> {
    stream: R,
    buffer: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(super) fn new(stream: R) -> Self {
        Self { stream, buffer: Vec::new() }
    }

    /// The next line, without its end; `None` when the peer has finished the stream. Cancel-safe.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<u8>>, BadLine> {
        loop {
            if let Some(end) = self.buffer.iter().position(|&byte| byte == b'\n') {
                let rest = self.buffer.split_off(end + 1);
                let mut line = std::mem::replace(&mut self.buffer, rest);
                line.truncate(end);
                return Ok(Some(line));
            }
            if self.buffer.len() > REQUEST_BYTES_MAX {
                return Err(BadLine::TooLong);
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Ok(None);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    #[tokio::test]
    async fn lines_come_one_by_one_however_they_are_cut() {
        let (mut near, far) = tokio::io::duplex(1);
        let writing = tokio::spawn(async move { near.write_all(b"one\n\ntwo\nhal").await });
        let mut lines = Lines::new(far);
        for line in ["one", "", "two"] {
            assert_eq!(lines.next().await.unwrap().unwrap(), line.as_bytes());
        }
        assert!(lines.next().await.unwrap().is_none());
        writing.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_line_without_end_is_refused() {
        let endless = vec![b'x'; 2 * REQUEST_BYTES_MAX];
        assert!(matches!(Lines::new(&endless[..]).next().await, Err(BadLine::TooLong)));
    }
}
