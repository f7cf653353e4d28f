use super::{Template, UnexpectedBytes, WireEvent, WireProtocol};
use crate::{
    stamp::{KEY_BYTES, read_key},
    websocket::{Header, Opcode, write_frame},
};

/// Trunkline's client protocol, version 1. Frames are recognised by their fixed parts, without a
/// JSON parser.
#[derive(Debug)]
pub enum Trunkline {}

const MESSAGE: &[u8] = br#"{"type":"message","id":""#;
const FROM: &[u8] = br#"","from":""#;
const SENT_AT: &[u8] = br#"","sent_at":"#;
const BODY: &[u8] = br#","body":"#;
const RECEIPT: &[u8] = br#"{"type":"receipt","id":""#;
const MESSAGE_ID: &[u8] = br#"","message":""#;
const OUTCOME: &[u8] = br#"","outcome":""#;
const WELCOME: &[u8] = br#"{"type":"welcome","#;

impl WireProtocol for Trunkline {
    type Reading = ();

    const NAME: &str = "trunkline";
    const PATH: &str = "/ws";

    fn log_in(user: &str, out: &mut Vec<u8>) {
        let login = format!(r#"{{"type":"login","user":"{user}"}}"#);
        write_frame(out, Opcode::Text, login.as_bytes());
    }

    fn template(to: &str, body_bytes: usize) -> Template {
        let name = "0".repeat(KEY_BYTES);
        let before = format!(r#"{{"type":"send","id":"{name}","to":"{to}","body":""#);
        // The quotes are part of the body.
        let mut template = Template::new(Opcode::Text, [&before, "\"}"], body_bytes - 2);
        let payload_at = template.end - template.body_bytes - before.len();
        template.key_at = before.find(&name).map(|at| payload_at + at);
        template
    }

    fn read(
        (): &mut (),
        bytes: &mut [u8],
        on_event: &mut impl FnMut(WireEvent<'_>),
    ) -> Result<usize, UnexpectedBytes> {
        let mut taken = 0;
        loop {
            let rest = &bytes[taken..];
            let header = Header::read(rest).map_err(|_| UnexpectedBytes::new(rest))?;
            let Some(header) = header else { return Ok(taken) };
            let end = header.bytes + header.payload_bytes;
            let Some(payload) = rest.get(header.bytes..end) else { return Ok(taken) };
            on_event(parse_frame(header.opcode, payload)?);
            taken += end;
        }
    }
}

fn parse_frame(opcode: Opcode, payload: &[u8]) -> Result<WireEvent<'_>, UnexpectedBytes> {
    let on_event = match opcode {
        Opcode::Text => text(payload),
        Opcode::Ping => {
            let mut pong = Vec::new();
            write_frame(&mut pong, Opcode::Pong, payload);
            Some(WireEvent::Reply(pong))
        }
        Opcode::Close => Some(WireEvent::Closing(payload)),
        Opcode::Binary | Opcode::Pong => None,
    };
    on_event.ok_or_else(|| UnexpectedBytes::new(payload))
}

fn text(payload: &[u8]) -> Option<WireEvent<'_>> {
    if let Some(rest) = payload.strip_prefix(MESSAGE) {
        return message(rest);
    }
    if let Some(rest) = payload.strip_prefix(RECEIPT) {
        return receipt(rest);
    }
    payload.starts_with(WELCOME).then_some(WireEvent::LoggedIn)
}

/// `<id>","from":"<user>","sent_at":<number>,"body":<body>}`. The bodies of an engine are strings;
/// somebody else's may be anything.
fn message(rest: &[u8]) -> Option<WireEvent<'_>> {
    let rest = after(rest, b'"')?.strip_prefix(FROM)?;
    let rest = after(rest, b'"')?.strip_prefix(SENT_AT)?;
    let rest = after(rest, b',')?.strip_prefix(BODY)?;
    let body = rest.strip_suffix(b"}")?;
    let string = body.strip_prefix(b"\"").and_then(|body| body.strip_suffix(b"\""));
    Some(WireEvent::Message(string.unwrap_or(body)))
}

/// `<name>","message":"<id>","outcome":"<outcome>"}`, optionally with `"missed"`.
fn receipt(rest: &[u8]) -> Option<WireEvent<'_>> {
    let (flow, _) = read_key(rest.get(..KEY_BYTES)?)?;
    let rest = after(&rest[KEY_BYTES..], b'"')?.strip_prefix(MESSAGE_ID)?;
    let rest = after(rest, b'"')?.strip_prefix(OUTCOME)?;
    match &rest[..rest.iter().position(|byte| *byte == b'"')?] {
        b"delivered" => Some(WireEvent::Delivered { flow }),
        // Such a message may still arrive; it is counted when it does.
        b"unconfirmed" => Some(WireEvent::Unconfirmed { flow }),
        _ => Some(WireEvent::Refused { flow }),
    }
}

/// From the first `byte` on.
fn after(bytes: &[u8], byte: u8) -> Option<&[u8]> {
    bytes.iter().position(|other| *other == byte).map(|at| &bytes[at..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stamp::Stamp;

    fn read(payload: &str) -> Vec<String> {
        let mut bytes = vec![0x81, 126];
        bytes.extend_from_slice(&(payload.len() as u16).to_be_bytes());
        bytes.extend_from_slice(payload.as_bytes());
        let whole = bytes.len();
        bytes.extend_from_slice(&bytes.clone()[..7]);
        let mut all = Vec::new();
        let taken =
            Trunkline::read(&mut (), &mut bytes, &mut |heard| all.push(format!("{heard:?}")));
        assert_eq!(taken, Ok(whole));
        all
    }

    #[test]
    fn sends_parse_as_client_frames() {
        let stamp = Stamp { flow: 1, seq: 2, due_ns: 3 };
        let mut frame = Vec::new();
        Trunkline::template("bob", 128).write(stamp, &mut frame);
        let text = std::str::from_utf8(&frame[8..]).unwrap();
        let parsed = trunkline_protocol::client::parse(text);
        let Ok(trunkline_protocol::client::ClientFrame::Send { id, to, body }) = parsed else {
            panic!("{parsed:?}")
        };
        assert_eq!((id.as_ref(), to.as_ref()), ("0000000100000002", "bob"));
        assert_eq!(body.len(), 128);
        assert_eq!(Stamp::at_end_of(&body.as_bytes()[..127]), Some(stamp));
    }

    #[test]
    fn frames_of_a_node_become_events() {
        let id = "01JAV3QK9VE6ZT9Z8T5C1H7R0M-42";
        let message = format!(
            r#"{{"type":"message","id":"{id}","from":"al","sent_at":1790000000000,"body":"xyz"}}"#
        );
        assert_eq!(read(&message), [format!("{:?}", WireEvent::Message(b"xyz"))]);
        let receipt = |end: &str| {
            read(&format!(r#"{{"type":"receipt","id":"00000001000000ff","message":"{id}",{end}}}"#))
        };
        assert_eq!(receipt(r#""outcome":"delivered""#), ["Delivered { flow: 1 }"]);
        assert_eq!(receipt(r#""outcome":"delivered","missed":1"#), ["Delivered { flow: 1 }"]);
        assert_eq!(receipt(r#""outcome":"unconfirmed""#), ["Unconfirmed { flow: 1 }"]);
        assert_eq!(receipt(r#""outcome":"busy""#), ["Refused { flow: 1 }"]);
        assert_eq!(read(r#"{"type":"welcome","user":"al"}"#), ["LoggedIn"]);
        let mut error = *b"\x81\x10{\"type\":\"error\"}";
        assert!(Trunkline::read(&mut (), &mut error, &mut |_| {}).is_err());
    }
}
