//! One HTTP/1.1 request per connection, read and answered by hyper, up to a WebSocket upgrade.

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
use crate::defaults::{CLOSE_WITHIN, LINGER_BYTES_MAX, REQUEST_BYTES_MAX, REQUEST_TIMEOUT};

/// What a client is told that has not sent a request in time (RFC 9110, section 15.5.9).
const TIMED_OUT: &[u8] =
    b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

/// Why a connection came to no answer.
#[derive(Debug, Error)]
pub(super) enum HttpError {
    /// The connection broke, or ended within the head.
    #[error("the connection broke: {0}")]
    Broken(#[from] io::Error),
    /// It took longer than [`REQUEST_TIMEOUT`].
    #[error("no complete request within {} s", REQUEST_TIMEOUT.as_secs())]
    TooSlow,
    /// It is not HTTP, or too long; the client was told where that is possible.
    #[error("no request that can be served: {0}")]
    Malformed(#[from] hyper::Error),
}

/// What a request is to be answered with.
pub(super) enum Answer<G> {
    /// A response.
    Respond(Response<String>),
    /// An upgrade: the caller takes over the connection, and writes the 101 itself.
    Upgrade(G),
}

/// A connection on which an upgrade was granted.
pub(super) struct Upgraded<R, W, G> {
    pub(super) reading: R,
    pub(super) writing: W,
    /// What the client has sent behind the request's head.
    pub(super) rest: Vec<u8>,
    pub(super) granted: G,
}

/// Reads one request and answers it as `route` says. Returns the connection if that is an upgrade;
/// else it is closed, in an order that lets the client read the answer.
pub(super) async fn serve<R, W, G>(
    mut reading: R,
    writing: W,
    route: impl Fn(&Request<Incoming>) -> Answer<G>,
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
            Some(Answer::Respond(response)) => Poll::Ready(Ok::<_, Infallible>(response)),
            // Never answered here: the connection is taken from hyper in this very poll.
            Some(Answer::Upgrade(grant)) => {
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
        .max_header_size(REQUEST_BYTES_MAX)
        .max_buf_size(2 * REQUEST_BYTES_MAX)
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
            let mut rest = parts.read_buf.to_vec();
            rest.extend_from_slice(&begin.get_ref()[begin.position() as usize..]);
            Ok(Some(Upgraded { reading, writing, rest, granted }))
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

/// Closes the connection, but reads on for a while: a socket that is closed with something unread
/// is reset, and takes the answer with it (RFC 9112, section 9.6).
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

    /// A request that is granted an upgrade.
    const UPGRADE: &[u8] = b"GET /up?a=\"b\" HTTP/1.1\r\nHost: h\r\n\r\n";

    /// What comes back for these bytes, and for an upgrade what follows the head.
    async fn exchange(bytes: &[u8]) -> (String, Option<Vec<u8>>) {
        let (mut client, server) = duplex(64 * 1024);
        let (reading, writing) = split(server);
        let route = |request: &Request<Incoming>| match request.uri().path() {
            "/up" => Answer::Upgrade(UPGRADE.len()),
            path => Answer::Respond(Response::new(format!("{} {path}", request.method()))),
        };
        client.write_all(bytes).await.unwrap();
        let serving = async {
            let upgraded = serve(reading, writing, route).await.ok().flatten()?;
            let Upgraded { mut rest, reading, granted: head_bytes, .. } = upgraded;
            let more = bytes.len() - head_bytes - rest.len();
            reading.take(more as u64).read_to_end(&mut rest).await.unwrap();
            Some(rest)
        };
        let hearing = async {
            let mut heard = Vec::new();
            client.read_to_end(&mut heard).await.unwrap();
            drop(client);
            String::from_utf8(heard).unwrap()
        };
        let (rest, heard) = tokio::join!(serving, hearing);
        (heard, rest)
    }

    #[tokio::test]
    async fn request_is_answered_once() {
        let (heard, rest) =
            exchange(b"\r\nGET /a HTTP/1.1\r\nHost: h\r\n\r\nGET /b HTTP/1.1\r\n\r\n").await;
        assert!(heard.starts_with("HTTP/1.1 200 OK\r\n"), "{heard}");
        assert!(heard.contains("\r\nConnection: close\r\n"), "{heard}");
        assert!(heard.ends_with("\r\n\r\nGET /a"), "{heard}");
        assert_eq!(rest, None);
    }

    #[tokio::test]
    async fn head_has_the_length_and_no_body() {
        let (heard, _) = exchange(b"HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n").await;
        assert!(heard.contains("\r\nContent-Length: 7\r\n"), "{heard}");
        assert!(heard.ends_with("\r\n\r\n"), "{heard}");
    }

    #[tokio::test]
    async fn upgrade_keeps_what_follows_the_head() {
        for frames in [0, 10, 20_000] {
            let frames = vec![b'f'; frames];
            let (heard, rest) = exchange(&[UPGRADE, &frames[..]].concat()).await;
            assert_eq!((heard.as_str(), rest), ("", Some(frames)));
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
            (head(REQUEST_BYTES_MAX), StatusCode::OK),
            (head(REQUEST_BYTES_MAX + 1), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
            (head(3 * REQUEST_BYTES_MAX), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
            (lines(100), StatusCode::OK),
            (lines(101), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
            ("\x16\x03\x01\x02\r\n\r\n".to_owned(), StatusCode::BAD_REQUEST),
            ("GET /a\r\n\r\n".to_owned(), StatusCode::BAD_REQUEST),
        ] {
            let (heard, _) = exchange(bytes.as_bytes()).await;
            assert!(heard.starts_with(&format!("HTTP/1.1 {}", status.as_str())), "{heard}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn silent_connection_is_told_and_closed() {
        for bytes in [&b""[..], b"GET", b"GET /a HTTP/1.1\r\nHost: h\r\n"] {
            let begin = time::Instant::now();
            let (heard, _) = exchange(bytes).await;
            assert!(heard.starts_with("HTTP/1.1 408 "), "{heard}");
            assert!(begin.elapsed() <= REQUEST_TIMEOUT + CLOSE_WITHIN);
        }
    }
}
