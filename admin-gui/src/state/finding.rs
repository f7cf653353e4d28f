use trunkline_protocol::Name;

/// How much something matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// As it should be.
    Good,
    /// Worth knowing; no user is affected.
    Note,
    /// Users may be affected soon.
    Warning,
    /// Users are affected.
    Bad,
}

/// Something that the operator should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// What it is, in a sentence.
    pub text: String,
    /// Where more of it is seen.
    pub place: FindingPlace,
}

/// Where more of a finding is seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FindingPlace {
    /// The nodes, and the details of this one.
    Node(Name),
    /// All nodes.
    Nodes,
    /// The sends by outcome and node.
    Outcomes,
    /// The events, from this time on, in Unix milliseconds.
    EventsAt(u64),
    /// The events.
    Events,
}

impl Finding {
    /// A finding.
    pub(super) fn new(severity: Severity, text: impl Into<String>, place: FindingPlace) -> Self {
        Self { severity, text: text.into(), place }
    }
}
