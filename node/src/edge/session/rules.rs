use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use super::rate::SendRates;
use crate::{
    defaults::{CODEC_BYTES, FRAGMENTS_MAX},
    edge::auth::Auth,
};

/// The longest header of a frame from a client (RFC 6455, section 5.2).
const HEADER_BYTES_MAX: usize = 14;

/// The limits and permissions of every session.
#[derive(Clone, Debug)]
pub(crate) struct SessionRules {
    /// The largest frame, in bytes.
    pub(crate) frame_bytes_max: usize,
    /// How much each session may send.
    pub(crate) rates: SendRates,
    /// Who may log in.
    pub(crate) auth: Auth,
    /// Whether sessions echo messages and need no login.
    #[cfg(feature = "testing")]
    pub(crate) echo: bool,
}

impl SessionRules {
    /// The most bytes that a message may take on the connection, the headers of its fragments
    /// included. The codec counts only payload: a message of empty fragments would never end.
    pub(super) fn message_bytes_max(&self) -> usize {
        self.frame_bytes_max + FRAGMENTS_MAX * HEADER_BYTES_MAX + CODEC_BYTES
    }

    /// The configuration of the WebSocket codec.
    pub(super) fn codec(&self) -> WebSocketConfig {
        WebSocketConfig::default()
            .read_buffer_size(CODEC_BYTES)
            .write_buffer_size(0)
            .max_write_buffer_size(self.frame_bytes_max)
            .max_message_size(Some(self.frame_bytes_max))
            .max_frame_size(Some(self.frame_bytes_max))
    }
}
