//! An HTTP GET without a client library: for `/readyz` of an ops port and `/nodes` of a client port.

use std::{io, net::SocketAddr};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::defaults::{HTTP_ANSWER_BYTES_MAX, HTTP_TIMEOUT};

/// How many headers a response may have.
const HEADERS_MAX: usize = 64;

/// A response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpResponse {
    /// The status code.
    pub status: u16,
    /// Header names in lower case, with their values.
    pub headers: Vec<(String, String)>,
    /// The body, as text.
    pub body: String,
}

impl HttpResponse {
    /// The value of the header `name` (in lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Whether it is complete: an upgrade has no body, others may state its length.
    fn is_complete(&self) -> bool {
        let length = self.header("content-length").and_then(|length| length.parse::<usize>().ok());
        self.status == 101 || length.is_some_and(|length| self.body.len() >= length)
    }
}

/// Requests `path` from `address`, which has [`HTTP_TIMEOUT`] to respond.
pub async fn get(address: SocketAddr, path: &str) -> io::Result<HttpResponse> {
    get_with(address, path, &[("connection", "close")]).await
}

/// Requests `path` from `address` with these headers, and reads to the end of the response or of the
/// connection.
pub async fn get_with(
    address: SocketAddr,
    path: &str,
    headers: &[(&str, &str)],
) -> io::Result<HttpResponse> {
    let response = timeout(HTTP_TIMEOUT, exchange(address, path, headers)).await;
    response.map_err(io::Error::other)?
}

async fn exchange(
    address: SocketAddr,
    path: &str,
    headers: &[(&str, &str)],
) -> io::Result<HttpResponse> {
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
            Some(response) if ended || response.is_complete() => return Ok(response),
            None if ended => return Err(io::ErrorKind::UnexpectedEof.into()),
            _ => {}
        }
    }
}

/// The response as far as it has come, once its headers are complete.
fn parse(bytes: &[u8]) -> io::Result<Option<HttpResponse>> {
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
    Ok(Some(HttpResponse { status, headers: headers.collect(), body }))
}
