//! Prepares the first line of a request for hyper.

use std::io;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::defaults::HEAD_BYTES_MAX;

/// Reads until the first line is complete, the stream ends, or [`HEAD_BYTES_MAX`] are read. Returns
/// the bytes, with a well-formed query in the line. Does not wait for the rest of input that does not
/// start as HTTP, such as a TLS handshake.
///
/// This node ignores the query. But hyper rejects a request with a byte in it that has to be
/// percent-encoded, and some clients send such bytes (`"`, `<`, Latin-1).
pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut bytes = BytesMut::with_capacity(1024);
    let line = loop {
        if let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            break end;
        }
        let is_http = bytes.first().is_none_or(|first| first.is_ascii_graphic() || *first == b'\r');
        let enough = bytes.len() >= HEAD_BYTES_MAX || !is_http;
        if enough || stream.read_buf(&mut bytes).await? == 0 {
            return Ok(bytes.into());
        }
    };
    let rest = bytes.split_off(line);
    let mut bytes = encode_query(&bytes);
    bytes.extend_from_slice(&rest);
    Ok(bytes)
}

/// Percent-encodes bytes that RFC 3986 forbids in a query (section 3.4).
fn encode_query(line: &[u8]) -> Vec<u8> {
    let begin = line.iter().position(|byte| *byte == b'?').unwrap_or(line.len());
    let end = line.iter().rposition(|byte| *byte == b' ').unwrap_or(line.len()).max(begin);
    let mut encoded = line[..begin].to_vec();
    for &byte in &line[begin..end] {
        match byte {
            b'"' | b'<' | b'>' | 0x80.. => {
                encoded.extend_from_slice(format!("%{byte:02X}").as_bytes());
            }
            _ => encoded.push(byte),
        }
    }
    encoded.extend_from_slice(&line[end..]);
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn line(bytes: &[u8]) -> String {
        String::from_utf8(read(&mut &*bytes).await.unwrap()).unwrap()
    }

    #[tokio::test]
    async fn query_becomes_well_formed() {
        for (sent, seen) in [
            ("GET /ws?a=1 HTTP/1.1\r\n", "GET /ws?a=1 HTTP/1.1\r\n"),
            (
                "GET /ws?q=\"<b>\" HTTP/1.1\r\nA: <\"\r\n",
                "GET /ws?q=%22%3Cb%3E%22 HTTP/1.1\r\nA: <\"\r\n",
            ),
            ("GET /ws?n=ü HTTP/1.1\n", "GET /ws?n=%C3%BC HTTP/1.1\n"),
            ("GET /ws HTTP/1.1\r\n\r\nwhat ? \"", "GET /ws HTTP/1.1\r\n\r\nwhat ? \""),
            ("GET /ws?\"", "GET /ws?\""),
            ("GET ?\" ? HTTP/1.1\n", "GET ?%22 ? HTTP/1.1\n"),
            ("?\n", "?\n"),
        ] {
            assert_eq!(line(sent.as_bytes()).await, seen);
        }
    }

    #[tokio::test]
    async fn tls_handshake_is_not_waited_for() {
        let (mut client, mut server) = tokio::io::duplex(64);
        tokio::io::AsyncWriteExt::write_all(&mut client, b"\x16\x03\x01\x02").await.unwrap();
        assert_eq!(read(&mut server).await.unwrap(), b"\x16\x03\x01\x02");
    }

    #[tokio::test]
    async fn endless_line_is_read_up_to_the_limit() {
        let endless = vec![b'a'; 4 * HEAD_BYTES_MAX];
        let read = read(&mut &*endless).await.unwrap().len();
        assert!((HEAD_BYTES_MAX..=2 * HEAD_BYTES_MAX).contains(&read), "{read}");
    }
}
