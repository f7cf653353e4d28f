//! The names everything else is keyed by: [`User`], [`Name`] and [`Incarnation`].

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
    /// It was empty or had more than [`USER_BYTES_MAX`] bytes.
    #[error("a user key has 1 to {USER_BYTES_MAX} bytes, this one has {0}")]
    Length(usize),
    /// It contained a control character.
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
    /// Checks that `text` can be a user key, without making one.
    pub fn check(text: &str) -> Result<(), BadUser> {
        if text.is_empty() || text.len() > USER_BYTES_MAX {
            return Err(BadUser::Length(text.len()));
        }
        // Printable ASCII goes byte by byte; only other text is decoded to find the C1 controls.
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

impl TryFrom<String> for User {
    type Error = BadUser;

    fn try_from(text: String) -> Result<Self, BadUser> {
        text.parse()
    }
}

impl From<User> for String {
    fn from(user: User) -> Self {
        user.0.as_ref().to_owned()
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
        let letters = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let fits = !text.is_empty()
            && text.len() <= NAME_BYTES_MAX
            && text.bytes().all(letters)
            && !text.starts_with('-')
            && !text.ends_with('-');
        if fits { Ok(Self(text.into())) } else { Err(BadName(text.to_owned())) }
    }
}

impl TryFrom<String> for Name {
    type Error = BadName;

    fn try_from(text: String) -> Result<Self, BadName> {
        text.parse()
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0.as_ref().to_owned()
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

/// One life of a node: a ULID (<https://github.com/ulid/spec>) taken at each start and each time
/// the node was condemned. It is the node's address on the wire and its mark in the directory.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Incarnation {
    // Two words, because one of 128 bits would be padded wherever it is kept.
    high: u64,
    low: u64,
}

impl Incarnation {
    /// A fresh incarnation: the time now and 80 random bits.
    pub fn fresh() -> Self {
        Self::of(Ulid::generate())
    }

    /// The 16 bytes that stand on the wire, most significant first.
    pub fn to_bytes(self) -> [u8; 16] {
        self.ulid().0.to_be_bytes()
    }

    /// The 26 characters of ASCII that it displays as.
    pub(crate) fn to_text(self) -> [u8; ULID_LEN] {
        let mut text = [0; ULID_LEN];
        self.ulid().array_to_str(&mut text);
        text
    }

    /// The incarnation that [`Self::to_bytes`] wrote.
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

impl TryFrom<String> for Incarnation {
    type Error = BadIncarnation;

    fn try_from(text: String) -> Result<Self, BadIncarnation> {
        text.parse()
    }
}

impl From<Incarnation> for String {
    fn from(incarnation: Incarnation) -> Self {
        incarnation.to_string()
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn user_keys_are_bounded_and_printable() {
        assert!("alice".parse::<User>().is_ok());
        assert!("ålïce 🎧".parse::<User>().is_ok());
        assert_eq!("".parse::<User>(), Err(BadUser::Length(0)));
        assert!("x".repeat(128).parse::<User>().is_ok());
        assert_eq!("x".repeat(129).parse::<User>(), Err(BadUser::Length(129)));
        assert_eq!("a\nb".parse::<User>(), Err(BadUser::Control));
        assert_eq!("é\u{85}".parse::<User>(), Err(BadUser::Control));
    }

    #[test]
    fn names_are_dns_labels() {
        for good in ["node-1", "a", "0", &"n".repeat(63)] {
            assert!(good.parse::<Name>().is_ok(), "{good}");
        }
        for bad in ["", "-a", "a-", "Node", "a.b", "a b", "é", &"n".repeat(64)] {
            assert!(bad.parse::<Name>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn incarnations_survive_text_and_bytes_and_sort_by_them(bytes: [u8; 16], other: [u8; 16]) {
            let incarnation = Incarnation::from_bytes(bytes);
            prop_assert_eq!(incarnation.to_string().parse::<Incarnation>().unwrap(), incarnation);
            prop_assert_eq!(incarnation.to_bytes(), bytes);
            prop_assert_eq!(incarnation.cmp(&Incarnation::from_bytes(other)), bytes.cmp(&other));
        }
    }
}
