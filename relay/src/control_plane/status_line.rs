use std::sync::Arc;

use trunkline_protocol::status::StatusLine;

/// A line of the status stream, with its end.
pub(super) fn encode_line(line: &StatusLine) -> Arc<str> {
    let mut text = serde_json::to_string(line).expect("status lines are always JSON");
    text.push('\n');
    text.into()
}
