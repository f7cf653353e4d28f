/// A link to a relay, among all that this process has had. The number is never used again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RelayLinkId(pub(crate) u32);

impl RelayLinkId {
    /// The link that is opened after this one.
    pub(super) fn next(self) -> Self {
        Self(self.0 + 1)
    }
}
