//! The look of the terminal output. Colours need a terminal, and `NO_COLOR` must not be set.

use std::{
    fmt,
    io::{self, Write as _},
    time::Duration,
};

use anstream::{AutoStream, ColorChoice, adapter::strip_str, stream::RawStream};
use anstyle::{AnsiColor, Style};

/// For success.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();

/// For failure.
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();

/// For what needs attention.
pub(crate) const NOTE: Style = AnsiColor::Yellow.on_default();

/// For secondary text.
pub(crate) const DIM: Style = Style::new().dimmed();

/// For names and values.
pub(crate) const BOLD: Style = Style::new().bold();

/// For commands and URLs.
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

/// Prints a line without waiting for a reader: output that nobody reads must not block `up`.
pub(crate) fn tell(line: impl fmt::Display) {
    trunkline_ops::print_lines(&format!("{}\n", styled(line)));
}

/// As [`tell`], in place of the last line on the terminal.
pub(crate) fn replace_line(line: impl fmt::Display) {
    trunkline_ops::print_lines(&format!("\r\x1b[2K{}", styled(line)));
}

/// Prints a line that the command exists for.
pub(crate) fn print(line: impl fmt::Display) -> io::Result<()> {
    writeln!(io::stdout(), "{}", styled(line))
}

/// A line as standard output takes it: without colours unless it is a terminal.
pub(crate) fn styled(line: impl fmt::Display) -> String {
    adapted(line, &io::stdout())
}

/// The line for an error, for [`trunkline_ops::fail`].
pub(crate) fn error(why: impl fmt::Display) -> String {
    adapted(format!("{} {why}", Painted(BAD, "error:")), &io::stderr())
}

fn adapted(text: impl fmt::Display, stream: &impl RawStream) -> String {
    let text = text.to_string();
    match AutoStream::choice(stream) {
        ColorChoice::Never => strip_str(&text).to_string(),
        _ => text,
    }
}

/// Prints a step of starting or stopping: a mark, the member, what it did, and how long it took.
pub(crate) fn step(name: &str, what: &str, took: Duration) {
    let (mark, name) = (Painted(GOOD, "✓"), Painted(BOLD, format!("{name:<9}")));
    let took = Painted(DIM, format!("{:>6.2} s", took.as_secs_f64()));
    tell(format_args!("  {mark} {name} {what:<32} {took}"));
}

/// Prints an event of a running cluster.
pub(crate) fn notice(style: Style, text: &str) {
    tell(format_args!("  {} {text}", Painted(style, "●")));
}
