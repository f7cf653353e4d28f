//! What Trunkline's programs say to each other and to clients: pure types and codecs, without I/O.

mod names;

pub use names::{BadIncarnation, BadName, BadUser, Incarnation, Name, User};
pub use names::{NAME_BYTES_MAX, USER_BYTES_MAX};
