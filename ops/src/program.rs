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
    output::print_error,
    redact::{redacted, redacted_text},
};

/// The exit status of a program that failed at run time.
pub const FAILED: u8 = 1;

/// The exit status for arguments or a configuration that a program cannot use.
pub const UNUSABLE: u8 = 2;

/// Parses the command line and the environment. An empty variable counts as unset. Prints help and
/// the version itself, without the values of the environment: they may be passwords.
///
/// # Errors
/// The exit status, if the program has to end now. The reason is already printed, in one line.
pub fn parse_args<A: Parser>() -> Result<A, ExitCode> {
    let mut command = prepared(A::command());
    let parsed = command.try_get_matches_from_mut(std::env::args_os());
    let parsed = parsed.and_then(|mut matches| A::from_arg_matches_mut(&mut matches));
    parsed.map_err(|error| {
        let error = error.format(&mut command);
        if error.use_stderr() {
            return fail(UNUSABLE, one_line(&error));
        }
        // A closed standard output is not an error: nobody wants to read the help.
        let _ = error.print();
        ExitCode::SUCCESS
    })
}

/// A `value_parser` for a number within bounds.
pub fn number_in<T>(bounds: RangeInclusive<T>) -> impl Fn(&str) -> Result<T, String> + Clone
where
    T: FromStr + PartialOrd + Display + Clone,
{
    move |text| {
        let number = text.parse().ok().filter(|number| bounds.contains(number));
        number.ok_or_else(|| format!("give a number from {} to {}", bounds.start(), bounds.end()))
    }
}

/// Prints on standard error why the program ends, without the passwords of URLs, and returns its
/// exit status. Does not wait for a standard error that is full.
pub fn fail(status: u8, why: impl Display) -> ExitCode {
    print_error(&redacted_text(&why.to_string()));
    ExitCode::from(status)
}

/// Prints `ready <name> <address>` on standard output. A failure is logged, and the program still
/// serves.
pub fn announce(name: impl Display, address: impl Display) {
    let line = format!("ready {name} {address}\n");
    let print = move || {
        let mut stdout = io::stdout();
        let printed = stdout.write_all(line.as_bytes()).and_then(|()| stdout.flush());
        if let Err(error) = printed {
            warn!(%error, "cannot print the ready line on standard output");
        }
    };
    // A write to a full pipe would block this thread.
    if let Err(error) = thread::Builder::new().name("ready".to_owned()).spawn(print) {
        warn!(%error, "cannot print the ready line on standard output");
    }
}

/// Adapts how a command and its subcommands read the environment and negative numbers.
fn prepared(command: Command) -> Command {
    let command = command.mut_args(|arg| {
        let arg = if is_set_and_empty(&arg) { arg.env(Resettable::Reset) } else { arg };
        // `-1` shall be reported as out of bounds, not as an unknown flag.
        let negative = arg.get_action().takes_values();
        arg.allow_negative_numbers(negative).hide_env_values(true)
    });
    command.mut_subcommands(prepared)
}

fn is_set_and_empty(arg: &Arg) -> bool {
    arg.get_env().and_then(std::env::var_os).is_some_and(|value| value.is_empty())
}

/// The first paragraph of clap's message, as one line and without the secrets that it repeats.
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

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[derive(Debug, Parser)]
    struct Args {
        #[arg(long, value_parser = number_in(1..=10))]
        count: Option<u8>,
        #[arg(long)]
        relay: Option<crate::DialAddress>,
    }

    fn error_of(args: &[&str]) -> String {
        let args = ["program"].iter().chain(args);
        one_line(&prepared(Args::command()).try_get_matches_from(args).unwrap_err())
    }

    #[test]
    fn number_out_of_bounds_names_the_bounds() {
        for given in ["0", "11", "-1", "many"] {
            let error = error_of(&["--count", given]);
            assert!(error.contains("give a number from 1 to 10 (see --help)"), "{error}");
        }
    }

    #[test]
    fn error_is_one_line_without_secrets() {
        let error = error_of(&["--relay", "quic://alice:hunter2@host:7400"]);
        assert!(error.starts_with("error: ") && error.contains("--relay"), "{error}");
        assert!(!error.contains("hunter2") && !error.contains('\n'), "{error}");
    }
}
