//! A client of a Trunkline node: one WebSocket connection, logged in as one user.
//!
//! ```no_run
//! # async fn example() -> Result<(), trunkline_client::ClientError> {
//! use trunkline_client::Client;
//!
//! let mut alice = Client::login("ws://127.0.0.1:9001/ws", "alice").await?;
//! alice.send("1", "bob", r#""hello""#).await?;
//! println!("{}", alice.expect_receipt("1").await?.outcome);
//! # Ok(()) }
//! ```
//!
//! It follows `docs/protocol.md` and shares no code with the node, so that a test that uses it checks
//! the protocol from outside.

mod connection;
pub mod defaults;
mod error;
mod frame;

pub use self::{
    connection::Client,
    error::{ClientError, Closed, Refused},
    frame::{ErrorFrame, Frame, ReceivedMessage, Refreshed, SendReceipt, Welcome},
};
