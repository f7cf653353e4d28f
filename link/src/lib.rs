//! Both ends of a link, a QUIC connection between a node and a relay: its setup, its control stream
//! and its lanes.
//!
//! A link has one control stream, which the node opens, and [`LANES`] unidirectional lanes in each
//! direction. The lanes belong to one thread: their handles are `Rc`s, and a write to a [`Lane`]
//! appends to a buffer.
//!
//! [`LANES`]: trunkline_protocol::lane::LANES

mod congestion;
mod control;
pub mod defaults;
mod dial;
mod lane;
mod reader;
mod socket;
mod transport;

pub use control::{ControlError, ControlReader, ControlWriter};
pub use dial::{DialError, DialSockets, Dialer};
pub use lane::{Lane, LaneClosed};
pub use reader::{LaneError, LaneReader};
pub use socket::{BindError, bind};
pub use transport::{client_config, close_code, endpoint_config, server_config};
