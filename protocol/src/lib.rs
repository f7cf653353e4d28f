//! What Trunkline's programs say to each other and to clients: pure types and codecs, no I/O.
//!
//! - [`client`]: the JSON frames between a client and its node;
//! - [`lane`]: the compact binary batches between nodes, which a relay routes by their header alone;
//! - [`control`]: the JSON messages on a link's control stream;
//! - [`status`]: what a relay tells operators.

pub mod client;
pub mod control;
pub mod lane;
mod names;
mod outcome;
pub mod status;

pub use names::{BadIncarnation, BadName, BadUser, Incarnation, Name, User};
pub use names::{NAME_BYTES_MAX, USER_BYTES_MAX};
pub use outcome::{MessageId, MessageIdPrefix, Outcome};
