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
}

/// Asks `address` for `path`.
///
/// # Errors
/// If it cannot be reached, does not answer within [`HTTP_TIMEOUT`], or answers something that is
/// not HTTP.
pub async fn get(address: SocketAddr, path: &str) -> io::Result<Answer> {
    timeout(HTTP_TIMEOUT, exchange(address, path)).await.map_err(io::Error::other)?
}

async fn exchange(address: SocketAddr, path: &str) -> io::Result<Answer> {
    let mut socket = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await?;
    let mut bytes = Vec::new();
    socket.take(HTTP_ANSWER_BYTES_MAX).read_to_end(&mut bytes).await?;
    parse(&bytes)
}

fn parse(bytes: &[u8]) -> io::Result<Answer> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut headers);
    let parsed = response.parse(bytes).map_err(io::Error::other)?;
    let (httparse::Status::Complete(head), Some(status)) = (parsed, response.code) else {
        return Err(io::ErrorKind::UnexpectedEof.into());
    };
    let headers = response.headers.iter().map(|header| {
        (header.name.to_ascii_lowercase(), String::from_utf8_lossy(header.value).into_owned())
    });
    let body = String::from_utf8_lossy(&bytes[head..]).into_owned();
    Ok(Answer { status, headers: headers.collect(), body })
}
