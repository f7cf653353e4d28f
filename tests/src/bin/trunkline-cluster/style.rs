//! How the terminal output looks. Colours go where a terminal takes them and `NO_COLOR` is not set.

use std::{fmt, time::Duration};

use anstyle::{AnsiColor, Style};

/// What went well.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();

/// What went wrong.
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();

/// What deserves a look.
pub(crate) const NOTE: Style = AnsiColor::Yellow.on_default();

/// What is said besides.
pub(crate) const DIM: Style = Style::new().dimmed();

/// What stands out.
pub(crate) const BOLD: Style = Style::new().bold();

/// What can be typed or opened.
pub(crate) const LINK: Style = AnsiColor::Cyan.on_default();

/// A text in a style.
pub(crate) struct Painted<T>(pub(crate) Style, pub(crate) T);

impl<T: fmt::Display> fmt::Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        self.1.fmt(f)?;
        write!(f, "{:#}", self.0)
    }
}

/// One step of starting or stopping: a mark, who, what, and how long it took.
pub(crate) fn step(name: &str, what: &str, took: Duration) {
    let (mark, name) = (Painted(GOOD, "✓"), Painted(BOLD, format!("{name:<9}")));
    let took = Painted(DIM, format!("{:>6.2} s", took.as_secs_f64()));
    anstream::println!("  {mark} {name} {what:<32} {took}");
}

/// Something that happened while the cluster runs.
pub(crate) fn notice(style: Style, text: &str) {
    anstream::println!("  {} {text}", Painted(style, "●"));
}
