//! One HTTP/1.1 request per connection. hyper reads and answers it, except for a WebSocket upgrade.

use std::{
    cell::Cell,
    convert::Infallible,
    future::poll_fn,
    io::{self, Cursor},
    pin::Pin,
    task::Poll,
};

use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, join},
    time,
};

use super::request_line;
use crate::defaults::{CLOSE_WITHIN, HEAD_BYTES_MAX, LINGER_BYTES_MAX, REQUEST_TIMEOUT};

/// The answer to a client that sends no complete request in time (RFC 9110, section 15.5.9).
const TIMED_OUT: &[u8] =
    b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

/// Why a request failed.
#[derive(Debug, Error)]
pub(super) enum HttpError {
    /// The connection broke, or ended within the head of the request.
    #[error("the connection broke: {0}")]
    Broken(#[from] io::Error),
    /// The request took longer than [`REQUEST_TIMEOUT`].
    #[error("no complete request within {} s", REQUEST_TIMEOUT.as_secs())]
    TooSlow,
    /// It is not HTTP, or too large. The client got a 4xx response if it could be written.
    #[error("not a valid HTTP request: {0}")]
    Malformed(#[from] hyper::Error),
}

/// How to answer a request.
pub(super) enum Routed<G> {
    /// A response.
    Respond(Response<String>),
    /// An upgrade: the caller takes the connection, and writes the 101 itself.
    Upgrade(G),
}

/// A connection on which an upgrade was granted.
pub(super) struct Upgraded<R, W, G> {
    pub(super) reading: R,
    pub(super) writing: W,
    /// What the client has sent behind the head.
    pub(super) received: Vec<u8>,
    pub(super) granted: G,
}

/// Reads one request and answers it as `route` decides. Returns the connection of an upgrade; closes
/// any other, after the client could read the answer.
pub(super) async fn serve<R, W, G>(
    mut reading: R,
    writing: W,
    route: impl Fn(&Request<Incoming>) -> Routed<G>,
) -> Result<Option<Upgraded<R, W, G>>, HttpError>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
    G: Unpin,
{
    let deadline = time::Instant::now() + REQUEST_TIMEOUT;
    let Ok(begin) = time::timeout_at(deadline, request_line::read(&mut reading)).await else {
        return time_out(reading, writing).await;
    };
    let granted = Cell::new(None);
    let service = service_fn(|request| {
        let (mut answer, granted) = (Some(route(&request)), &granted);
        poll_fn(move |_| match answer.take() {
            Some(Routed::Respond(response)) => Poll::Ready(Ok::<_, Infallible>(response)),
            // hyper never gets an answer: the same poll takes the connection away from it.
            Some(Routed::Upgrade(grant)) => {
                granted.set(Some(grant));
                Poll::Pending
            }
            None => Poll::Pending,
        })
    });
    let io = TokioIo::new(join(Cursor::new(begin?).chain(reading), writing));
    let mut connection = http1::Builder::new()
        .keep_alive(false)
        .half_close(true)
        .title_case_headers(true)
        .header_read_timeout(None)
        .max_header_size(HEAD_BYTES_MAX)
        .max_buf_size(2 * HEAD_BYTES_MAX)
        .serve_connection(io, service);
    let answered = poll_fn(|cx| {
        let polled = Pin::new(&mut connection).poll_without_shutdown(cx);
        match granted.take() {
            Some(grant) => Poll::Ready(Ok(Some(grant))),
            None => polled.map_ok(|()| None),
        }
    });
    let answered = time::timeout_at(deadline, answered).await;
    let parts = connection.into_parts();
    let (ahead, writing) = parts.io.into_inner().into_inner();
    let (begin, reading) = ahead.into_inner();
    match answered {
        Ok(Ok(Some(granted))) => {
            let mut received = parts.read_buf.to_vec();
            received.extend_from_slice(&begin.get_ref()[begin.position() as usize..]);
            Ok(Some(Upgraded { reading, writing, received, granted }))
        }
        Ok(answered) => {
            linger(reading, writing).await;
            answered.map(|_| None).map_err(HttpError::from)
        }
        Err(_) => time_out(reading, writing).await,
    }
}

async fn time_out<T>(
    reading: impl AsyncRead + Unpin,
    mut writing: impl AsyncWrite + Unpin,
) -> Result<T, HttpError> {
    let _ = time::timeout(CLOSE_WITHIN, writing.write_all(TIMED_OUT)).await;
    linger(reading, writing).await;
    Err(HttpError::TooSlow)
}

/// Closes this side, and discards input for a while: closing a socket with unread input resets the
/// connection, and the client loses the answer (RFC 9112, section 9.6).
async fn linger(reading: impl AsyncRead + Unpin, mut writing: impl AsyncWrite + Unpin) {
    let _ = time::timeout(CLOSE_WITHIN, async {
        writing.shutdown().await?;
        tokio::io::copy(&mut reading.take(LINGER_BYTES_MAX), &mut tokio::io::sink()).await
    })
    .await;
}

#[cfg(test)]
mod tests {
    use hyper::StatusCode;
    use tokio::io::{duplex, split};

    use super::*;

    /// A request for an upgrade that is granted.
    const UPGRADE: &[u8] = b"GET /up?a=\"b\" HTTP/1.1\r\nHost: h\r\n\r\n";

    /// The response to these bytes, and what follows the head of an upgrade.
    async fn exchange(bytes: &[u8]) -> (String, Option<Vec<u8>>) {
        let (mut client, server) = duplex(64 * 1024);
        let (reading, writing) = split(server);
        let route = |request: &Request<Incoming>| match request.uri().path() {
            "/up" => Routed::Upgrade(UPGRADE.len()),
            path => Routed::Respond(Response::new(format!("{} {path}", request.method()))),
        };
        client.write_all(bytes).await.unwrap();
        let serving = async {
            let upgraded = serve(reading, writing, route).await.ok().flatten()?;
            let Upgraded { mut received, reading, granted: head_bytes, .. } = upgraded;
            let more = bytes.len() - head_bytes - received.len();
            reading.take(more as u64).read_to_end(&mut received).await.unwrap();
            Some(received)
        };
        let reading = async {
            let mut response = Vec::new();
            client.read_to_end(&mut response).await.unwrap();
            drop(client);
            String::from_utf8(response).unwrap()
        };
        let (received, response) = tokio::join!(serving, reading);
        (response, received)
    }

    #[tokio::test]
    async fn one_request_per_connection() {
        let (response, received) =
            exchange(b"\r\nGET /a HTTP/1.1\r\nHost: h\r\n\r\nGET /b HTTP/1.1\r\n\r\n").await;
        assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
        assert!(response.contains("\r\nConnection: close\r\n"), "{response}");
        assert!(response.ends_with("\r\n\r\nGET /a"), "{response}");
        assert_eq!(received, None);
    }

    #[tokio::test]
    async fn head_response_has_a_length_and_no_body() {
        let (response, _) = exchange(b"HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n").await;
        assert!(response.contains("\r\nContent-Length: 7\r\n"), "{response}");
        assert!(response.ends_with("\r\n\r\n"), "{response}");
    }

    #[tokio::test]
    async fn upgrade_keeps_bytes_behind_the_head() {
        for frames in [0, 10, 20_000] {
            let frames = vec![b'f'; frames];
            let (response, received) = exchange(&[UPGRADE, &frames[..]].concat()).await;
            assert_eq!((response.as_str(), received), ("", Some(frames)));
        }
    }

    #[tokio::test]
    async fn head_is_bounded_in_bytes_and_lines() {
        let head = |bytes: usize| {
            let begin = "GET /a HTTP/1.1\r\nHost: h\r\nCookie: ";
            format!("{begin}{}\r\n\r\n", "c".repeat(bytes - begin.len() - 4))
        };
        let lines = |count: usize| {
            format!("GET /a HTTP/1.1\r\nHost: h\r\n{}\r\n", "A: b\r\n".repeat(count - 1))
        };
        for (bytes, status) in [
            (head(HEAD_BYTES_MAX), StatusCode::OK),
            (head(HEAD_BYTES_MAX + 1), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
            (head(3 * HEAD_BYTES_MAX), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
            (lines(100), StatusCode::OK),
            (lines(101), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
            ("\x16\x03\x01\x02\r\n\r\n".to_owned(), StatusCode::BAD_REQUEST),
            ("GET /a\r\n\r\n".to_owned(), StatusCode::BAD_REQUEST),
        ] {
            let (response, _) = exchange(bytes.as_bytes()).await;
            assert!(response.starts_with(&format!("HTTP/1.1 {}", status.as_str())), "{response}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn incomplete_request_times_out_with_408() {
        for bytes in [&b""[..], b"GET", b"GET /a HTTP/1.1\r\nHost: h\r\n"] {
            let begin = time::Instant::now();
            let (response, _) = exchange(bytes).await;
            assert!(response.starts_with("HTTP/1.1 408 "), "{response}");
            assert!(begin.elapsed() <= REQUEST_TIMEOUT + CLOSE_WITHIN);
        }
    }
}
