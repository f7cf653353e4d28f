use std::io;

use bytes::BytesMut;
use thiserror::Error;
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    time,
};
use tokio_tungstenite::tungstenite::http::{self, Request, request};

use crate::defaults::{REQUEST_BYTES_MAX, REQUEST_TIMEOUT};

/// The most headers a request may have.
const HEADERS_MAX: usize = 64;

/// Why a dial did not come to a request.
#[derive(Debug, Error)]
pub(super) enum RequestError {
    /// The connection broke, or ended within the head.
    #[error("the connection broke: {0}")]
    Broken(#[from] io::Error),
    /// It took longer than [`REQUEST_TIMEOUT`].
    #[error("no complete request within {} s", REQUEST_TIMEOUT.as_secs())]
    TooSlow,
    /// The head is longer than [`REQUEST_BYTES_MAX`].
    #[error("the request's head is longer than {REQUEST_BYTES_MAX} bytes")]
    TooLong,
    /// It is not HTTP.
    #[error("the request is not HTTP/1.1: {0}")]
    Malformed(#[from] httparse::Error),
    /// A part of it is not allowed to be what it is.
    #[error("the request is not well-formed: {0}")]
    Invalid(#[from] http::Error),
}

/// Reads an HTTP request's head. What the client has sent after it stays in `buffer`.
pub(super) async fn read_request(
    stream: &mut (impl AsyncRead + Unpin),
    buffer: &mut BytesMut,
) -> Result<Request<()>, RequestError> {
    let reading = async {
        loop {
            if let Some((request, bytes)) = parse(buffer)? {
                let _ = buffer.split_to(bytes);
                return Ok(request);
            }
            if buffer.len() >= REQUEST_BYTES_MAX {
                return Err(RequestError::TooLong);
            }
            if stream.read_buf(buffer).await? == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
        }
    };
    time::timeout(REQUEST_TIMEOUT, reading).await.unwrap_or(Err(RequestError::TooSlow))
}

fn parse(bytes: &[u8]) -> Result<Option<(Request<()>, usize)>, RequestError> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut head = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(length) = head.parse(bytes)? else { return Ok(None) };
    let mut request = request::Builder::new()
        .method(head.method.unwrap_or_default())
        .uri(head.path.unwrap_or_default());
    if head.version == Some(1) {
        request = request.version(http::Version::HTTP_11);
    }
    for header in head.headers.iter() {
        request = request.header(header.name, header.value);
    }
    Ok(Some((request.body(())?, length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(bytes: &[u8]) -> Result<(Request<()>, BytesMut), RequestError> {
        let mut buffer = BytesMut::new();
        let request = read_request(&mut &*bytes, &mut buffer).await?;
        Ok((request, buffer))
    }

    #[tokio::test]
    async fn what_follows_the_head_is_kept() {
        let (request, rest) = read(b"GET /ws?a=1 HTTP/1.1\r\nHost: h\r\n\r\nmore").await.unwrap();
        assert_eq!((request.uri().path(), &rest[..]), ("/ws", &b"more"[..]));
        assert_eq!(request.headers()["host"], "h");
    }

    #[tokio::test]
    async fn what_is_no_request_is_refused() {
        assert!(matches!(read(b"\x16\x03\x01\x02\x00").await, Err(RequestError::Malformed(_))));
        assert!(matches!(read(b"GET /ws HTTP/1.1\r\n").await, Err(RequestError::Broken(_))));
        let endless =
            [b"GET / HTTP/1.1\r\nA: ".as_slice(), &[b'a'; 2 * REQUEST_BYTES_MAX]].concat();
        assert!(matches!(read(&endless).await, Err(RequestError::TooLong)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_dial_that_says_nothing_is_given_up() {
        let (_open, mut far) = tokio::io::duplex(16);
        let error = read_request(&mut far, &mut BytesMut::new()).await.unwrap_err();
        assert!(matches!(error, RequestError::TooSlow));
    }
}
