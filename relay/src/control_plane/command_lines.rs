//! The framing of an admin's lines.

use bytes::BytesMut;
use tokio::io::AsyncRead;
use tokio_util::codec::{Decoder, FramedRead, LinesCodec, LinesCodecError};
use trunkline_protocol::status::REQUEST_BYTES_MAX;

/// Lines of at most [`REQUEST_BYTES_MAX`] bytes. The end of the stream ends no line: half a command
/// must not be executed.
#[derive(Debug)]
pub(super) struct CommandLines(LinesCodec);

/// Reads lines.
pub(super) fn command_lines<R: AsyncRead>(stream: R) -> FramedRead<R, CommandLines> {
    FramedRead::new(stream, CommandLines(LinesCodec::new_with_max_length(REQUEST_BYTES_MAX)))
}

impl Decoder for CommandLines {
    type Item = String;
    type Error = LinesCodecError;

    fn decode(&mut self, bytes: &mut BytesMut) -> Result<Option<String>, LinesCodecError> {
        self.0.decode(bytes)
    }

    fn decode_eof(&mut self, bytes: &mut BytesMut) -> Result<Option<String>, LinesCodecError> {
        let line = self.decode(bytes)?;
        if line.is_none() {
            bytes.clear();
        }
        Ok(line)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;
    use tokio::io::AsyncWriteExt;

    use super::*;

    #[tokio::test]
    async fn unterminated_line_is_dropped() {
        let (mut near, far) = tokio::io::duplex(1);
        let writing = tokio::spawn(async move { near.write_all(b"one\n\ntwo\nhal").await });
        let lines: Vec<_> = command_lines(far).map(Result::unwrap).collect().await;
        assert_eq!(lines, ["one", "", "two"]);
        writing.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn endless_line_is_refused() {
        let endless = vec![b'x'; 2 * REQUEST_BYTES_MAX];
        let line = command_lines(&endless[..]).next().await;
        assert!(matches!(line, Some(Err(LinesCodecError::MaxLineLengthExceeded))));
    }
}
