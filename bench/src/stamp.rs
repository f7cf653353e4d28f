//! The last bytes of each body: they identify the message.

/// The bytes of a [`Stamp`] in a body.
pub(super) const STAMP_BYTES: usize = FLOW_DIGITS + SEQ_DIGITS + TIME_DIGITS;

const FLOW_DIGITS: usize = 8;
const SEQ_DIGITS: usize = 8;
const TIME_DIGITS: usize = 16;
const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// The flow and number of a message, and when it was due. On the wire it is hexadecimal of fixed
/// width, so that it can be written into a finished frame and read from the end of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) flow: u32,
    pub(super) seq: u32,
    /// Nanoseconds since the engine began.
    pub(super) due_ns: u64,
}

impl Stamp {
    /// Writes it over the first [`STAMP_BYTES`] of `target`.
    pub(super) fn write(self, target: &mut [u8]) {
        self.write_key(target);
        write_hex(&mut target[FLOW_DIGITS + SEQ_DIGITS..STAMP_BYTES], self.due_ns);
    }

    /// Writes only flow and number, which are unique: [`KEY_BYTES`] bytes.
    pub(super) fn write_key(self, target: &mut [u8]) {
        write_hex(&mut target[..FLOW_DIGITS], self.flow.into());
        write_hex(&mut target[FLOW_DIGITS..KEY_BYTES], self.seq.into());
    }

    /// Reads one from the end of `body`.
    pub(super) fn at_end_of(body: &[u8]) -> Option<Self> {
        let (_, stamp) = body.split_last_chunk::<STAMP_BYTES>()?;
        let (flow, seq) = read_key(&stamp[..KEY_BYTES])?;
        let due_ns = read_hex(&stamp[KEY_BYTES..])?;
        Some(Self { flow, seq, due_ns })
    }
}

/// The bytes that [`Stamp::write_key`] writes.
pub(super) const KEY_BYTES: usize = FLOW_DIGITS + SEQ_DIGITS;

/// Reads what [`Stamp::write_key`] wrote.
pub(super) fn read_key(key: &[u8]) -> Option<(u32, u32)> {
    let key: &[u8; KEY_BYTES] = key.try_into().ok()?;
    let (flow, seq) = key.split_at(FLOW_DIGITS);
    Some((read_hex(flow)?.try_into().ok()?, read_hex(seq)?.try_into().ok()?))
}

fn write_hex(target: &mut [u8], mut value: u64) {
    for digit in target.iter_mut().rev() {
        *digit = DIGITS[(value & 0xf) as usize];
        value >>= 4;
    }
}

fn read_hex(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0, |value, digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(value << 4 | u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamp_is_read_as_it_was_written() {
        let stamp = Stamp { flow: 0xdead_beef, seq: 7, due_ns: u64::MAX - 1 };
        let mut body = [b'x'; STAMP_BYTES + 3];
        stamp.write(&mut body[3..]);
        assert_eq!(Stamp::at_end_of(&body), Some(stamp));
        assert_eq!(read_key(&body[3..3 + KEY_BYTES]), Some((0xdead_beef, 7)));
        assert_eq!(Stamp::at_end_of(&body[4..]), None);
        assert_eq!(Stamp::at_end_of(&[b'x'; 64]), None);
    }
}
