//! What a chat prints: above the line that is being typed.

use std::fmt;

use anstyle::Style;
use rustyline::ExternalPrinter;

use crate::terminal::{Painted, styled, tell};

/// Prints whole lines.
pub(super) struct ChatOutput(Option<Box<dyn ExternalPrinter + Send>>);

impl ChatOutput {
    /// Prints to standard output.
    pub(super) fn plain() -> Self {
        Self(None)
    }

    /// Prints above the line in an editor, which is then drawn again.
    pub(super) fn above(printer: impl ExternalPrinter + Send + 'static) -> Self {
        Self(Some(Box::new(printer)))
    }

    /// Prints a line.
    pub(super) fn line(&mut self, line: impl fmt::Display) {
        let printed = self.0.as_mut().map(|printer| printer.print(format!("{}\n", styled(&line))));
        if !matches!(printed, Some(Ok(()))) {
            tell(line);
        }
    }

    /// Prints what happened to the connection, or to a line.
    pub(super) fn notice(&mut self, style: Style, text: &str) {
        self.line(format_args!("  {} {text}", Painted(style, "●")));
    }
}

impl fmt::Debug for ChatOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ChatOutput").finish_non_exhaustive()
    }
}
