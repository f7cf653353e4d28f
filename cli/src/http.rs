//! One HTTP GET: enough to ask an ops port whether its program is ready, and a node for others.

use std::{io, net::SocketAddr};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::defaults::{HTTP_ANSWER_BYTES_MAX, HTTP_TIMEOUT};

/// How many header lines an answer may have.
const HEADERS_MAX: usize = 64;

/// What a server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Header names in lower case, with their values.
    pub headers: Vec<(String, String)>,
    /// The body, as text.
    pub body: String,
}

impl Answer {
    /// The value of the header `name` (in lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Whether nothing more can come: an upgrade has no body, and others may name its length.
    fn is_whole(&self) -> bool {
        let length = self.header("content-length").and_then(|length| length.parse::<usize>().ok());
        self.status == 101 || length.is_some_and(|length| self.body.len() >= length)
    }
}

/// Asks `address` for `path`.
///
/// # Errors
/// If it cannot be reached, does not answer within [`HTTP_TIMEOUT`], or answers something that is
/// not HTTP.
pub async fn get(address: SocketAddr, path: &str) -> io::Result<Answer> {
    get_with(address, path, &[("connection", "close")]).await
}

/// Asks `address` for `path` with these headers, and reads until the answer ends or the
/// connection does.
///
/// # Errors
/// As [`get`].
pub async fn get_with(
    address: SocketAddr,
    path: &str,
    headers: &[(&str, &str)],
) -> io::Result<Answer> {
    let answer = timeout(HTTP_TIMEOUT, exchange(address, path, headers)).await;
    answer.map_err(io::Error::other)?
}

async fn exchange(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> io::Result<Answer> {
    let mut socket = TcpStream::connect(address).await?;
    let mut request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n");
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    socket.write_all((request + "\r\n").as_bytes()).await?;
    let mut socket = socket.take(HTTP_ANSWER_BYTES_MAX);
    let mut bytes = Vec::new();
    loop {
        let ended = socket.read_buf(&mut bytes).await? == 0;
        match parse(&bytes)? {
            Some(answer) if ended || answer.is_whole() => return Ok(answer),
            None if ended => return Err(io::ErrorKind::UnexpectedEof.into()),
            _ => {}
        }
    }
}

/// The answer so far, once its head is there.
fn parse(bytes: &[u8]) -> io::Result<Option<Answer>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut headers);
    let parsed = response.parse(bytes).map_err(io::Error::other)?;
    let (httparse::Status::Complete(head), Some(status)) = (parsed, response.code) else {
        return Ok(None);
    };
    let headers = response.headers.iter().map(|header| {
        (header.name.to_ascii_lowercase(), String::from_utf8_lossy(header.value).into_owned())
    });
    let body = String::from_utf8_lossy(&bytes[head..]).into_owned();
    Ok(Some(Answer { status, headers: headers.collect(), body }))
}
