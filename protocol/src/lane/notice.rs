use super::{format::BadLane, message::user};

/// Set if the node must end the user's sessions.
const FLAG_REPLACES: u8 = 1;

/// Notifies a node where a user has sessions that the user has logged in on another node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoginNotice<'a> {
    /// The user: routes that name only this node are stale.
    pub user: &'a str,
    /// A user may have one session only, and the new one replaces those here.
    pub replaces: bool,
}

impl<'a> LoginNotice<'a> {
    /// How many bytes [`Self::encode`] appends.
    pub fn encoded_bytes(&self) -> usize {
        2 + self.user.len()
    }

    /// Appends the notice.
    ///
    /// # Panics
    /// If the name is longer than a user key can be.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let length = u8::try_from(self.user.len()).expect("user keys are short");
        out.extend_from_slice(&[if self.replaces { FLAG_REPLACES } else { 0 }, length]);
        out.extend_from_slice(self.user.as_bytes());
    }

    /// Takes the first notice off `frames`. Unknown flags are ignored.
    pub fn decode(frames: &mut &'a [u8]) -> Result<Self, BadLane> {
        let (&[flags, length], rest) = frames.split_first_chunk().ok_or(BadLane::Frames)?;
        let (user, rest) = user(rest, length)?;
        *frames = rest;
        Ok(Self { user, replaces: flags & FLAG_REPLACES != 0 })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn golden_bytes() {
        let notice = LoginNotice { user: "bob", replaces: true };
        let golden = [0x01, 0x03, b'b', b'o', b'b'];
        let mut out = Vec::new();
        notice.encode(&mut out);
        assert_eq!((out.as_slice(), notice.encoded_bytes()), (golden.as_slice(), golden.len()));
        assert_eq!(LoginNotice::decode(&mut golden.as_slice()), Ok(notice));
    }

    proptest! {
        #[test]
        fn notices_round_trip(user in "[^\\p{Cc}]{1,32}", replaces: bool) {
            let notice = LoginNotice { user: &user, replaces };
            let mut out = Vec::new();
            notice.encode(&mut out);
            prop_assert_eq!(LoginNotice::decode(&mut out.as_slice()), Ok(notice));
        }

        #[test]
        fn decoding_any_bytes_does_not_panic(bytes: Vec<u8>) {
            let _ = LoginNotice::decode(&mut bytes.as_slice());
        }
    }
}
