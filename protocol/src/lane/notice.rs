use super::{BadLane, message::user};

/// The flag that asks for the user's sessions to be ended.
const FLAG_REPLACES: u8 = 1;

/// Tells a node that has a user that the user has logged in elsewhere too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoginNotice<'a> {
    /// Who has logged in elsewhere: routes that name only this node are old.
    pub user: &'a str,
    /// The user may have one session only, and the new one is it.
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
        fn notices_survive(user in "[^\\p{Cc}]{1,32}", replaces: bool) {
            let notice = LoginNotice { user: &user, replaces };
            let mut out = Vec::new();
            notice.encode(&mut out);
            prop_assert_eq!(LoginNotice::decode(&mut out.as_slice()), Ok(notice));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let _ = LoginNotice::decode(&mut bytes.as_slice());
        }
    }
}
