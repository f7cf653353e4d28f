//! Sessions that echo messages. They share everything else with ordinary sessions: pings, closes,
//! codec errors, and how frames are written.

use tokio::io::AsyncRead;
use tokio_tungstenite::tungstenite::Message;

use super::SessionTask;
use crate::data_plane::DataPlaneState;

impl<R: AsyncRead + Unpin> SessionTask<R> {
    /// Echoes a text or binary message, if the rules say so. Returns any other message.
    pub(super) fn echo(&mut self, state: &mut DataPlaneState, message: Message) -> Option<Message> {
        match message {
            Message::Text(text) if self.requests.is_echo() => {
                state.env.delivery.write(self.key, |out| out.extend_from_slice(text.as_bytes()))
            }
            Message::Binary(_) if self.requests.is_echo() => {
                // The node itself writes no binary frames, so the codec does.
                self.reader.write(message);
                self.queue_replies(state);
            }
            other => return Some(other),
        }
        None
    }
}
