use std::{
    fmt::Display,
    io::{self, Write as _},
    ops::RangeInclusive,
    process::ExitCode,
    str::FromStr,
    thread,
};

use clap::{
    Arg, Command, Parser,
    builder::Resettable,
    error::{ContextValue, ErrorKind},
};
use tracing::warn;

use crate::{
    output::say,
    redact::{redacted, redacted_text},
};

/// The exit status of a program that failed while it ran.
pub const FAILED: u8 = 1;

/// The exit status of arguments, or a configuration, that cannot be used as they are.
pub const UNUSABLE: u8 = 2;

/// Parses the command line and the environment. Help and the version are printed here; they show
/// no value of the environment, as that may be a password. An empty variable is one that is not
/// set.
///
/// # Errors
/// If the program is to end now; what there is to say has been said, in one line.
pub fn parse_args<A: Parser>() -> Result<A, ExitCode> {
    let mut command = prepared(A::command());
    let parsed = command.try_get_matches_from_mut(std::env::args_os());
    let parsed = parsed.and_then(|mut matches| A::from_arg_matches_mut(&mut matches));
    parsed.map_err(|error| {
        let error = error.format(&mut command);
        if error.use_stderr() {
            return fail(UNUSABLE, one_line(&error));
        }
        // Whoever closed standard output does not want to read it.
        let _ = error.print();
        ExitCode::SUCCESS
    })
}

/// Reads a number within bounds, for `value_parser`.
pub fn number_in<T>(bounds: RangeInclusive<T>) -> impl Fn(&str) -> Result<T, String> + Clone
where
    T: FromStr + PartialOrd + Display + Clone,
{
    move |text| {
        let number = text.parse().ok().filter(|number| bounds.contains(number));
        number.ok_or_else(|| format!("give a number from {} to {}", bounds.start(), bounds.end()))
    }
}

/// Says in one line on standard error why the program ends, without the passwords of URLs, and gives
/// its exit status. A standard error that takes nothing is not waited for.
pub fn fail(status: u8, why: impl Display) -> ExitCode {
    say(&redacted_text(&why.to_string()));
    ExitCode::from(status)
}

/// Prints `ready <name> <address>` on standard output. Where nobody takes the line, the program
/// serves all the same: that is logged.
pub fn announce(name: impl Display, address: impl Display) {
    let line = format!("ready {name} {address}\n");
    let print = move || {
        let mut stdout = io::stdout();
        let printed = stdout.write_all(line.as_bytes()).and_then(|()| stdout.flush());
        if let Err(error) = printed {
            warn!(%error, "cannot print the ready line on standard output");
        }
    };
    // A pipe that is full already would hold up whoever writes.
    if let Err(error) = thread::Builder::new().name("ready".to_owned()).spawn(print) {
        warn!(%error, "cannot print the ready line on standard output");
    }
}

/// Sees to the environment of a command and its subcommands.
fn prepared(command: Command) -> Command {
    let command = command.mut_args(|arg| {
        let arg = if is_set_and_empty(&arg) { arg.env(Resettable::Reset) } else { arg };
        // So that -1 is a number out of bounds, and no unknown flag.
        let negative = arg.get_action().takes_values();
        arg.allow_negative_numbers(negative).hide_env_values(true)
    });
    command.mut_subcommands(prepared)
}

fn is_set_and_empty(arg: &Arg) -> bool {
    arg.get_env().and_then(std::env::var_os).is_some_and(|value| value.is_empty())
}

/// What clap has to say, without the usage that follows it, and without the secrets that it
/// repeats.
fn one_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let lines: Vec<_> = text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    let mut line = lines.join(" ");
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        line = "error: a command is missing".to_owned();
    }
    for (_, value) in error.context() {
        if let ContextValue::String(given) = value {
            line = line.replace(given.as_str(), &redacted(given));
        }
    }
    format!("{line} (see --help)")
}
