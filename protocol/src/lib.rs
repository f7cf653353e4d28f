//! The wire formats of Trunkline: pure types and codecs, no I/O.
//!
//! - [`client`]: the JSON frames between a client and its node;
//! - [`lane`]: the binary batches between nodes, which a relay routes by their header alone;
//! - [`control`]: the JSON messages on a link's control stream;
//! - [`status`]: the JSON lines that a relay streams to operators.

pub mod client;
pub mod control;
pub mod lane;
mod membership;
mod names;
mod outcome;
pub mod status;

pub use names::{BadIncarnation, BadName, BadUser, Incarnation, Name, User};
pub use names::{NAME_BYTES_MAX, USER_BYTES_MAX};
pub use outcome::{MessageId, MessageIdPrefix, Outcome};
