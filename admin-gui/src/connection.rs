//! The relay's status stream, over one connection after another while the window is open.

mod channel;
mod line_codec;
mod stream;
mod wake_filter;

pub use channel::{Feed, StatusConnection, Update};
pub use stream::run;
