//! What every message carries to say which it is: the last bytes of its body.

/// The bytes of a [`Stamp`] in a body.
pub(super) const STAMP_BYTES: usize = FLOW_DIGITS + SEQ_DIGITS + TIME_DIGITS;

const FLOW_DIGITS: usize = 8;
const SEQ_DIGITS: usize = 8;
const TIME_DIGITS: usize = 16;
const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Which message of which flow this is, and when it was to be sent. On the wire it is hexadecimal
/// of fixed width, so that it is written into a finished frame and read from its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) flow: u32,
    pub(super) seq: u32,
    /// Nanoseconds since the engine began.
    pub(super) due_ns: u64,
}

impl Stamp {
    /// Writes it over the first [`STAMP_BYTES`] of `place`.
    pub(super) fn write(self, place: &mut [u8]) {
        self.write_name(place);
        write_hex(&mut place[FLOW_DIGITS + SEQ_DIGITS..STAMP_BYTES], self.due_ns);
    }

    /// Writes flow and number alone, which are unique: [`NAME_BYTES`] of them.
    pub(super) fn write_name(self, place: &mut [u8]) {
        write_hex(&mut place[..FLOW_DIGITS], self.flow.into());
        write_hex(&mut place[FLOW_DIGITS..NAME_BYTES], self.seq.into());
    }

    /// Reads one from the end of `body`.
    pub(super) fn at_end_of(body: &[u8]) -> Option<Self> {
        let (_, stamp) = body.split_last_chunk::<STAMP_BYTES>()?;
        let (flow, seq) = read_name(&stamp[..NAME_BYTES])?;
        let due_ns = read_hex(&stamp[NAME_BYTES..])?;
        Some(Self { flow, seq, due_ns })
    }
}

/// The bytes of what [`Stamp::write_name`] writes.
pub(super) const NAME_BYTES: usize = FLOW_DIGITS + SEQ_DIGITS;

/// Reads what [`Stamp::write_name`] wrote.
pub(super) fn read_name(name: &[u8]) -> Option<(u32, u32)> {
    let name: &[u8; NAME_BYTES] = name.try_into().ok()?;
    let (flow, seq) = name.split_at(FLOW_DIGITS);
    Some((read_hex(flow)?.try_into().ok()?, read_hex(seq)?.try_into().ok()?))
}

fn write_hex(place: &mut [u8], mut value: u64) {
    for digit in place.iter_mut().rev() {
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
    fn a_stamp_survives() {
        let stamp = Stamp { flow: 0xdead_beef, seq: 7, due_ns: u64::MAX - 1 };
        let mut body = [b'x'; STAMP_BYTES + 3];
        stamp.write(&mut body[3..]);
        assert_eq!(Stamp::at_end_of(&body), Some(stamp));
        assert_eq!(read_name(&body[3..3 + NAME_BYTES]), Some((0xdead_beef, 7)));
        assert_eq!(Stamp::at_end_of(&body[4..]), None);
        assert_eq!(Stamp::at_end_of(&[b'x'; 64]), None);
    }
}
