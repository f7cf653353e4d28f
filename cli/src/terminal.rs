//! How the terminal output looks. Colours go where a terminal takes them and `NO_COLOR` is not set.

use std::{
    fmt,
    io::{self, Write as _},
    time::Duration,
};

use anstream::{AutoStream, ColorChoice, adapter::strip_str, stream::RawStream};
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

/// A line on standard output that goes on whether anybody reads it or not: what `up` says must never
/// hold it up.
pub(crate) fn tell(line: impl fmt::Display) {
    trunkline_ops::tell(&format!("{}\n", adapted(line, &io::stdout())));
}

/// As [`tell`], in place of the line that stands on the terminal.
pub(crate) fn tell_anew(line: impl fmt::Display) {
    trunkline_ops::tell(&format!("\r\x1b[2K{}", adapted(line, &io::stdout())));
}

/// A line that is what the program is there for.
///
/// # Errors
/// If nobody can have it any more.
pub(crate) fn print(line: impl fmt::Display) -> io::Result<()> {
    writeln!(io::stdout(), "{}", adapted(line, &io::stdout()))
}

/// An error's line, for [`trunkline_ops::fail`].
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

/// One step of starting or stopping: a mark, who, what, and how long it took.
pub(crate) fn step(name: &str, what: &str, took: Duration) {
    let (mark, name) = (Painted(GOOD, "✓"), Painted(BOLD, format!("{name:<9}")));
    let took = Painted(DIM, format!("{:>6.2} s", took.as_secs_f64()));
    tell(format_args!("  {mark} {name} {what:<32} {took}"));
}

/// Something that happened while the cluster runs.
pub(crate) fn notice(style: Style, text: &str) {
    tell(format_args!("  {} {text}", Painted(style, "●")));
}
