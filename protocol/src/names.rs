//! The identifiers that everything else is keyed by: [`User`], [`Name`] and [`Incarnation`].

use std::{borrow::Borrow, fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};
use thiserror::Error;
use ulid::{ULID_LEN, Ulid};

/// The longest user key, in bytes of UTF-8.
pub const USER_BYTES_MAX: usize = 128;

/// The longest name of a node, relay or operator: a DNS label (RFC 1035, section 2.3.4).
pub const NAME_BYTES_MAX: usize = 63;

/// Why a string is not a [`User`].
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum BadUser {
    /// It is empty or has more than [`USER_BYTES_MAX`] bytes.
    #[error("a user key has 1 to {USER_BYTES_MAX} bytes, this one has {0}")]
    Length(usize),
    /// It contains a control character.
    #[error("a user key has no control characters")]
    Control,
}

/// Why a string is not a [`Name`].
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error(
    "{0:?} is not a DNS label: 1 to {NAME_BYTES_MAX} of a-z, 0-9 and '-', with no '-' at either end"
)]
pub struct BadName(String);

/// Why a string is not an [`Incarnation`].
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{0:?} is not a ULID")]
pub struct BadIncarnation(String);

/// The unique key that messages are addressed to: 1 to 128 bytes of UTF-8 without control
/// characters. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct User(Arc<str>);

impl User {
    /// Checks that `text` is a valid user key, without allocating one.
    pub fn check(text: &str) -> Result<(), BadUser> {
        if text.is_empty() || text.len() > USER_BYTES_MAX {
            return Err(BadUser::Length(text.len()));
        }
        // Printable ASCII, the usual case, needs no decoding; other text may have C1 controls.
        let plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if !plain && text.chars().any(char::is_control) { Err(BadUser::Control) } else { Ok(()) }
    }

    /// The key itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for User {
    type Err = BadUser;

    fn from_str(text: &str) -> Result<Self, BadUser> {
        Self::check(text)?;
        Ok(Self(text.into()))
    }
}

impl Borrow<str> for User {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a node, a relay or an operator: a lower-case DNS label. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(Arc<str>);

impl Name {
    /// The name itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let valid = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let fits = !text.is_empty()
            && text.len() <= NAME_BYTES_MAX
            && text.bytes().all(valid)
            && !text.starts_with('-')
            && !text.ends_with('-');
        if fits { Ok(Self(text.into())) } else { Err(BadName(text.to_owned())) }
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Identifies one incarnation of a node: a ULID (<https://github.com/ulid/spec>) that the node
/// takes at each start and each time it was declared dead. It is the node's address on the lanes,
/// and it marks the node's entries in the directory.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Incarnation {
    // Two words, because the alignment of a `u128` would add padding to most structs.
    high: u64,
    low: u64,
}

impl Incarnation {
    /// A fresh incarnation: the time now and 80 random bits.
    pub fn fresh() -> Self {
        Self::of(Ulid::generate())
    }

    /// Encodes it for the wire: 16 bytes, most significant first.
    pub fn to_bytes(self) -> [u8; 16] {
        self.ulid().0.to_be_bytes()
    }

    /// The 26 characters of ASCII that it displays as.
    pub(crate) fn to_text(self) -> [u8; ULID_LEN] {
        let mut text = [0; ULID_LEN];
        self.ulid().array_to_str(&mut text);
        text
    }

    /// Decodes what [`Self::to_bytes`] returns.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self::of(Ulid(u128::from_be_bytes(bytes)))
    }

    fn of(Ulid(bits): Ulid) -> Self {
        Self { high: (bits >> 64) as u64, low: bits as u64 }
    }

    fn ulid(self) -> Ulid {
        Ulid(u128::from(self.high) << 64 | u128::from(self.low))
    }
}

impl FromStr for Incarnation {
    type Err = BadIncarnation;

    fn from_str(text: &str) -> Result<Self, BadIncarnation> {
        let ulid = Ulid::from_string(text).map_err(|_| BadIncarnation(text.to_owned()))?;
        Ok(Self::of(ulid))
    }
}

impl fmt::Display for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ulid().fmt(f)
    }
}

impl fmt::Debug for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The conversions by which `serde` reads and writes an identifier as a string.
macro_rules! string_conversions {
    ($($type:ident or $error:ident),+) => {$(
        impl TryFrom<String> for $type {
            type Error = $error;

            fn try_from(text: String) -> Result<Self, $error> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(value: $type) -> Self {
                value.to_string()
            }
        }
    )+};
}

string_conversions!(User or BadUser, Name or BadName, Incarnation or BadIncarnation);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn user_key_is_bounded_and_has_no_control_characters() {
        assert!("alice".parse::<User>().is_ok());
        assert!("ålïce 🎧".parse::<User>().is_ok());
        assert_eq!("".parse::<User>(), Err(BadUser::Length(0)));
        assert!("x".repeat(128).parse::<User>().is_ok());
        assert_eq!("x".repeat(129).parse::<User>(), Err(BadUser::Length(129)));
        assert_eq!("a\nb".parse::<User>(), Err(BadUser::Control));
        assert_eq!("é\u{85}".parse::<User>(), Err(BadUser::Control));
    }

    #[test]
    fn name_is_a_dns_label() {
        for good in ["node-1", "a", "0", &"n".repeat(63)] {
            assert!(good.parse::<Name>().is_ok(), "{good}");
        }
        for bad in ["", "-a", "a-", "Node", "a.b", "a b", "é", &"n".repeat(64)] {
            assert!(bad.parse::<Name>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn incarnation_round_trips_and_sorts_by_its_bytes(bytes: [u8; 16], other: [u8; 16]) {
            let incarnation = Incarnation::from_bytes(bytes);
            prop_assert_eq!(incarnation.to_string().parse::<Incarnation>().unwrap(), incarnation);
            prop_assert_eq!(incarnation.to_bytes(), bytes);
            prop_assert_eq!(incarnation.cmp(&Incarnation::from_bytes(other)), bytes.cmp(&other));
        }
    }
}
