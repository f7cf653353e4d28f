//! Sessions that send back what they are sent. Everything else about them is a session's: pings,
//! closes, errors of the codec, and how frames are written.

use tokio_tungstenite::tungstenite::Message;

use super::{Login, Session};
use crate::data_plane::DataPlaneState;

impl Session {
    /// The same session without a login, where the rules say that it echoes.
    pub(super) fn into_echo(mut self) -> Self {
        if self.rules.echo {
            self.login = Login::Done;
        }
        self
    }

    /// Sends back text and binary messages, where the rules say so. Returns what it has left alone.
    pub(super) fn echo(&mut self, state: &mut DataPlaneState, message: Message) -> Option<Message> {
        match message {
            Message::Text(text) if self.rules.echo => state.write_text(self.key, &text),
            Message::Binary(_) if self.rules.echo => {
                // The node writes no binary frames of its own, so the codec does.
                let _ = self.socket.write(message);
                let _ = self.socket.flush();
                self.send_replies(state);
            }
            other => return Some(other),
        }
        None
    }
}
