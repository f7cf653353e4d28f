//! The client's side of RFC 6455, as far as a load generator needs it: frames are built once and
//! parsed in place. The masking key is 0, which is valid and leaves payloads unchanged.

use std::net::SocketAddr;

/// The FIN bit of a frame's first byte.
const FINAL: u8 = 0x80;

/// The MASK bit of a frame's second byte.
const MASKED: u8 = 0x80;

/// The opcode of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opcode {
    Text = 1,
    Binary = 2,
    Close = 8,
    Ping = 9,
    Pong = 10,
}

impl Opcode {
    fn of(byte: u8) -> Option<Self> {
        // No server here fragments messages.
        match byte.checked_sub(FINAL)? {
            1 => Some(Self::Text),
            2 => Some(Self::Binary),
            8 => Some(Self::Close),
            9 => Some(Self::Ping),
            10 => Some(Self::Pong),
            _ => None,
        }
    }
}

/// The request that asks `server` for an upgrade.
pub(super) fn upgrade_request(server: SocketAddr, path: &str) -> Vec<u8> {
    // Any 16 bytes are a valid key. Random ones guard against caching proxies; there are none here.
    let key = "dHJ1bmtsaW5lIGxvYWQxMg==";
    format!(
        "GET {path} HTTP/1.1\r\nHost: {server}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    .into_bytes()
}

/// Appends the header of a client's frame.
pub(super) fn write_header(out: &mut Vec<u8>, opcode: Opcode, payload_bytes: usize) {
    out.push(FINAL | opcode as u8);
    match payload_bytes {
        0..=125 => out.push(MASKED | payload_bytes as u8),
        126..=0xffff => {
            out.push(MASKED | 126);
            out.extend_from_slice(&(payload_bytes as u16).to_be_bytes());
        }
        _ => {
            out.push(MASKED | 127);
            out.extend_from_slice(&(payload_bytes as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&[0; 4]);
}

/// Appends a client's frame.
pub(super) fn write_frame(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8]) {
    write_header(out, opcode, payload.len());
    out.extend_from_slice(payload);
}

/// The header of a server's frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) opcode: Opcode,
    /// The length of the header.
    pub(super) bytes: usize,
    pub(super) payload_bytes: usize,
}

/// A header that no server sends: masked, fragmented or with an unknown opcode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BadHeader;

impl Header {
    /// Parses the header at the front of `bytes`, if it is complete.
    pub(super) fn read(bytes: &[u8]) -> Result<Option<Self>, BadHeader> {
        let [first, second, rest @ ..] = bytes else { return Ok(None) };
        let opcode = Opcode::of(*first).ok_or(BadHeader)?;
        let (bytes, payload_bytes) = match (second, rest) {
            (0..=125, _) => (2, usize::from(*second)),
            (126, [a, b, ..]) => (4, usize::from(u16::from_be_bytes([*a, *b]))),
            (127, [a, b, c, d, e, f, g, h, ..]) => {
                let length = u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]);
                (10, usize::try_from(length).map_err(|_| BadHeader)?)
            }
            (126 | 127, _) => return Ok(None),
            _ => return Err(BadHeader),
        };
        Ok(Some(Self { opcode, bytes, payload_bytes }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payload_lengths_of_all_sizes_round_trip() {
        for length in [0, 1, 125, 126, 0xffff, 0x1_0000] {
            let mut frame = Vec::new();
            write_header(&mut frame, Opcode::Text, length);
            // A server's header is the same without the mask.
            frame[1] &= !MASKED;
            frame.truncate(frame.len() - 4);
            let header = Header { opcode: Opcode::Text, bytes: frame.len(), payload_bytes: length };
            assert_eq!(Header::read(&frame), Ok(Some(header)));
            for short in 0..frame.len() {
                assert_eq!(Header::read(&frame[..short]), Ok(None));
            }
        }
        assert_eq!(Header::read(&[0x81, 0x85]), Err(BadHeader));
        assert_eq!(Header::read(&[0x01, 0x05]), Err(BadHeader));
    }
}
