use super::format::{BODY_BYTES_MAX, BadLane, part};
use crate::names::User;

/// The size of an encoded message without its names and its body.
pub(super) const FIXED_BYTES: usize = 24;

/// Set on a traced message.
const FLAG_TRACED: u8 = 1;

/// One message to a node where the recipient has a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// Its number at the node that accepted it.
    pub seq: u64,
    /// Whether it is traced hop by hop.
    pub traced: bool,
    /// The accepting node's clock, in Unix milliseconds.
    pub sent_at_ms: u64,
    /// The recipient's user key.
    pub to: &'a str,
    /// The sender's user key.
    pub from: &'a str,
    /// One JSON value, exactly as the sender wrote it; at most [`BODY_BYTES_MAX`] bytes.
    pub body: &'a [u8],
}

impl<'a> Message<'a> {
    /// How many bytes [`Self::encode`] appends.
    pub fn encoded_bytes(&self) -> usize {
        FIXED_BYTES + self.to.len() + self.from.len() + self.body.len()
    }

    /// Appends the message.
    ///
    /// # Panics
    /// If a name is longer than a [`User`] key can be, or the body over [`BODY_BYTES_MAX`].
    pub fn encode(&self, out: &mut Vec<u8>) {
        assert!(self.body.len() <= BODY_BYTES_MAX, "a body of {} bytes", self.body.len());
        let length = |name: &str| u8::try_from(name.len()).expect("user keys are short");
        let mut fixed = [0; FIXED_BYTES];
        fixed[0..8].copy_from_slice(&self.seq.to_le_bytes());
        fixed[8..16].copy_from_slice(&self.sent_at_ms.to_le_bytes());
        fixed[16] = length(self.to);
        fixed[17] = length(self.from);
        fixed[18] = if self.traced { FLAG_TRACED } else { 0 };
        fixed[20..24].copy_from_slice(&(self.body.len() as u32).to_le_bytes());
        out.reserve(self.encoded_bytes());
        out.extend_from_slice(&fixed);
        out.extend_from_slice(self.to.as_bytes());
        out.extend_from_slice(self.from.as_bytes());
        out.extend_from_slice(self.body);
    }

    /// Takes the first message off `frames`. Unknown flags are ignored.
    pub fn decode(frames: &mut &'a [u8]) -> Result<Self, BadLane> {
        let (fixed, rest) = frames.split_at_checked(FIXED_BYTES).ok_or(BadLane::Frames)?;
        let body_bytes = u32::from_le_bytes(part(fixed, 20)) as usize;
        if body_bytes > BODY_BYTES_MAX {
            return Err(BadLane::Frames);
        }
        let (to, rest) = user(rest, fixed[16])?;
        let (from, rest) = user(rest, fixed[17])?;
        let (body, rest) = rest.split_at_checked(body_bytes).ok_or(BadLane::Frames)?;
        *frames = rest;
        Ok(Self {
            seq: u64::from_le_bytes(part(fixed, 0)),
            traced: fixed[18] & FLAG_TRACED != 0,
            sent_at_ms: u64::from_le_bytes(part(fixed, 8)),
            to,
            from,
            body,
        })
    }
}

pub(super) fn user(bytes: &[u8], length: u8) -> Result<(&str, &[u8]), BadLane> {
    let (name, rest) = bytes.split_at_checked(length.into()).ok_or(BadLane::Frames)?;
    let name = std::str::from_utf8(name).map_err(|_| BadLane::Frames)?;
    User::check(name).map_err(|_| BadLane::Frames)?;
    Ok((name, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn golden_bytes() {
        let message = Message {
            seq: 0x0102_0304_0506_0708,
            traced: true,
            sent_at_ms: 0x1112_1314_1516_1718,
            to: "bob",
            from: "alice",
            body: b"{}",
        };
        let mut golden = vec![
            0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01, // seq
            0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11, // sent_at
            0x03, 0x05, 0x01, 0x00, 0x02, 0x00, 0x00,
            0x00, // to's and from's length, flags, body's
        ];
        golden.extend_from_slice(b"bobalice{}");
        let mut out = Vec::new();
        message.encode(&mut out);
        assert_eq!(out, golden);
        assert_eq!(message.encoded_bytes(), golden.len());
        assert_eq!(Message::decode(&mut golden.as_slice()), Ok(message));
    }

    proptest! {
        #[test]
        fn messages_round_trip(
            seq: u64, traced: bool, sent_at_ms: u64,
            to in "[^\\p{Cc}]{1,32}", from in "[^\\p{Cc}]{1,32}", body: Vec<u8>, more: Vec<u8>,
        ) {
            let message = Message { seq, traced, sent_at_ms, to: &to, from: &from, body: &body };
            let mut out = Vec::new();
            message.encode(&mut out);
            out.extend_from_slice(&more);
            let mut frames = out.as_slice();
            prop_assert_eq!(Message::decode(&mut frames), Ok(message));
            prop_assert_eq!(frames, more.as_slice());
        }

        #[test]
        fn decoding_any_bytes_does_not_panic(bytes: Vec<u8>) {
            let _ = Message::decode(&mut bytes.as_slice());
        }
    }
}
