use super::{Template, UnexpectedBytes, WireEvent, WireProtocol};
use crate::websocket::{Header, Opcode, write_frame};

/// NATS' client protocol: each user is a subject that its client subscribes to.
#[derive(Debug)]
pub enum Nats {}

const CONNECT: &str = r#"CONNECT {"verbose":false,"pedantic":false,"lang":"trunkline-load","version":"0","protocol":1,"echo":false}"#;

/// The parser state of one connection. NATS treats WebSocket as a byte stream: a message may span
/// several frames, and a frame may hold several messages.
#[derive(Debug, Default)]
pub struct Reading {
    /// Bytes of unparsed payload at the front of what was carried over, without frame headers.
    payload: usize,
    /// Bytes still to come of the frame whose header was read already.
    frame_left: usize,
}

impl WireProtocol for Nats {
    type Reading = Reading;

    const NAME: &str = "nats";
    const PATH: &str = "/";

    fn log_in(user: &str, out: &mut Vec<u8>) {
        // The PONG confirms that the server has processed what precedes the PING.
        let login = format!("{CONNECT}\r\nSUB {user} 1\r\nPING\r\n");
        write_frame(out, Opcode::Binary, login.as_bytes());
    }

    fn template(to: &str, body_bytes: usize) -> Template {
        let publish = format!("PUB {to} {body_bytes}\r\n");
        Template::new(Opcode::Binary, [&publish, "\r\n"], body_bytes)
    }

    fn read(
        reading: &mut Reading,
        bytes: &mut [u8],
        on_event: &mut impl FnMut(WireEvent<'_>),
    ) -> Result<usize, UnexpectedBytes> {
        let raw = reading.unwrap_frames(bytes, on_event)?;
        let taken = parse_lines(&bytes[..reading.payload], on_event)?;
        // Unparsed payload moves next to the unparsed frames.
        let left = reading.payload - taken;
        bytes.copy_within(taken..reading.payload, raw - left);
        reading.payload = left;
        Ok(raw - left)
    }
}

impl Reading {
    /// Removes frame headers, so that the payload is contiguous at the front. Returns where the
    /// incomplete frames start.
    fn unwrap_frames(
        &mut self,
        bytes: &mut [u8],
        on_event: &mut impl FnMut(WireEvent<'_>),
    ) -> Result<usize, UnexpectedBytes> {
        let mut raw = self.payload;
        loop {
            let here = self.frame_left.min(bytes.len() - raw);
            if raw != self.payload {
                bytes.copy_within(raw..raw + here, self.payload);
            }
            (raw, self.payload, self.frame_left) =
                (raw + here, self.payload + here, self.frame_left - here);
            let rest = &bytes[raw..];
            let header = Header::read(rest).map_err(|_| UnexpectedBytes::new(rest))?;
            let Some(header) = header else { return Ok(raw) };
            if header.opcode == Opcode::Binary {
                (raw, self.frame_left) = (raw + header.bytes, header.payload_bytes);
                continue;
            }
            let end = header.bytes + header.payload_bytes;
            let Some(payload) = rest.get(header.bytes..end) else { return Ok(raw) };
            match header.opcode {
                Opcode::Ping => {
                    let mut pong = Vec::new();
                    write_frame(&mut pong, Opcode::Pong, payload);
                    on_event(WireEvent::Reply(pong));
                }
                Opcode::Close => on_event(WireEvent::Closing(payload)),
                _ => return Err(UnexpectedBytes::new(payload)),
            }
            raw += end;
        }
    }
}

/// Parses complete protocol lines at the front of `payload`. Returns how many bytes they have.
fn parse_lines(
    payload: &[u8],
    on_event: &mut impl FnMut(WireEvent<'_>),
) -> Result<usize, UnexpectedBytes> {
    let mut taken = 0;
    loop {
        let rest = &payload[taken..];
        let Some(end) = rest.iter().position(|byte| *byte == b'\n') else { return Ok(taken) };
        let line = rest[..end].trim_ascii_end();
        let next = end + 1;
        if line.starts_with(b"MSG ") {
            let bytes = body_bytes(line).ok_or_else(|| UnexpectedBytes::new(line))?;
            if rest.len() < next + bytes + 2 {
                return Ok(taken);
            }
            on_event(WireEvent::Message(&rest[next..next + bytes]));
            taken += next + bytes + 2;
            continue;
        }
        match line {
            b"PONG" => on_event(WireEvent::LoggedIn),
            b"PING" => {
                let mut pong = Vec::new();
                write_frame(&mut pong, Opcode::Binary, b"PONG\r\n");
                on_event(WireEvent::Reply(pong));
            }
            line if line.starts_with(b"INFO ") => {}
            line => return Err(UnexpectedBytes::new(line)),
        }
        taken += next;
    }
}

/// The last word of `MSG <subject> <sid> <bytes>`.
fn body_bytes(line: &[u8]) -> Option<usize> {
    let mut words = line.rsplit(|byte| *byte == b' ');
    words.next()?.iter().try_fold(0_usize, |number, digit| {
        let digit = digit.checked_sub(b'0').filter(|digit| *digit < 10)?;
        Some(number * 10 + usize::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The payload in frames of `frame` bytes, as a server writes them.
    fn framed(payload: &[u8], frame: usize) -> Vec<u8> {
        let frames =
            payload.chunks(frame).map(|chunk| [&[0x82, chunk.len() as u8], chunk].concat());
        frames.collect::<Vec<_>>().concat()
    }

    /// The events if `at_a_time` bytes arrive at a time.
    fn heard(wire: &[u8], at_a_time: usize) -> Vec<String> {
        let (mut all, mut reading, mut bytes) = (Vec::new(), Reading::default(), Vec::new());
        for chunk in wire.chunks(at_a_time) {
            bytes.extend_from_slice(chunk);
            let taken = Nats::read(&mut reading, &mut bytes, &mut |heard| {
                all.push(format!("{heard:?}"));
            });
            bytes.drain(..taken.unwrap());
        }
        assert_eq!((bytes.len(), reading.payload, reading.frame_left), (0, 0, 0));
        all
    }

    #[test]
    fn messages_and_frames_need_not_align() {
        let payload = b"INFO {}\r\nPONG\r\nMSG bob 1 5\r\nhello\r\nMSG bob 1 3\r\na\nb\r\n";
        let expected =
            [WireEvent::LoggedIn, WireEvent::Message(b"hello"), WireEvent::Message(b"a\nb")];
        let expected = expected.map(|heard| format!("{heard:?}"));
        for frame in [1, 2, 7, 20, 100] {
            for at_a_time in [1, 2, 3, 10, 1000] {
                assert_eq!(heard(&framed(payload, frame), at_a_time), expected);
            }
        }
    }

    #[test]
    fn websocket_and_nats_pings_are_answered() {
        let wire = [b"\x89\x01!".as_slice(), &framed(b"PING\r\n", 100)].concat();
        let answer = |frame: &[u8]| format!("{:?}", WireEvent::Reply(frame.to_vec()));
        let pong = answer(b"\x82\x86\0\0\0\0PONG\r\n");
        assert_eq!(heard(&wire, 1000), [answer(b"\x8a\x81\0\0\0\0!"), pong]);
    }
}
