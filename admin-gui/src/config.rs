use std::{path::PathBuf, str::FromStr};

use clap::{
    Parser,
    builder::{PossibleValuesParser, TypedValueParser as _},
};
use eframe::egui::ThemePreference;
use thiserror::Error;
use trunkline_certs::{CertsError, Credentials, Role};
use trunkline_directory::Directory;
use trunkline_ops::{DialAddress, SecretUrl};
use trunkline_protocol::Name;

use crate::{clock::ClockZone, view::tabs::Tab};

/// Shows a Trunkline cluster in a window: its nodes, traffic, users and events.
#[derive(Clone, Debug, Parser)]
#[command(
    version,
    after_help = "Example: trunkline-admin-gui --relay 127.0.0.1:7400 --certs certs"
)]
pub struct Args {
    /// The relay whose status stream is shown, as HOST:PORT.
    #[arg(long, env = "TRUNKLINE_RELAY", value_name = "ADDR", default_value = "127.0.0.1:7400")]
    pub relay: DialAddress,
    /// The Redis that holds the directory of users.
    #[arg(
        long,
        env = "TRUNKLINE_REDIS",
        value_name = "URL",
        default_value = "redis://127.0.0.1:6379"
    )]
    pub redis: SecretUrl,
    /// The prefix of the directory's keys.
    #[arg(long, env = "TRUNKLINE_REDIS_PREFIX", value_name = "PREFIX", default_value = trunkline_directory::defaults::KEY_PREFIX)]
    pub redis_prefix: String,
    /// The folder with ca.pem, and `<role>/<name>.pem` and `.key` of this operator.
    #[arg(long, env = "TRUNKLINE_CERTS", value_name = "DIR")]
    pub certs: PathBuf,
    /// The operator's name, as in the certificate.
    #[arg(long, env = "TRUNKLINE_NAME", value_name = "NAME", default_value = "admin")]
    pub name: Name,
    /// The operator's role, as in the certificate: admin, or viewer, who may only read.
    #[arg(long, env = "TRUNKLINE_ROLE", value_name = "ROLE", default_value = "admin")]
    pub role: Role,
    /// How the window starts.
    #[command(flatten)]
    pub options: WindowOptions,
}

/// How the window starts. What is not given is as it was when the window was last closed.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct WindowOptions {
    /// Dark or light; without it, as the desktop is.
    #[arg(long, env = "TRUNKLINE_THEME", value_name = "THEME", value_parser = PossibleValuesParser::new(["dark", "light"]).map(theme))]
    pub theme: Option<ThemePreference>,
    /// The tab that is shown first.
    #[arg(long, env = "TRUNKLINE_TAB", value_name = "TAB")]
    pub tab: Option<Tab>,
    /// Whether times are those of the local time zone or of UTC.
    #[arg(long, env = "TRUNKLINE_TIMES", value_parser = PossibleValuesParser::new(["local", "utc"]).map(zone))]
    pub times: Option<ClockZone>,
    /// The window's size in points, as WIDTHxHEIGHT.
    #[arg(long, env = "TRUNKLINE_SIZE", value_name = "SIZE")]
    pub size: Option<WindowSize>,
    /// Write the texts of the window into this file at each frame, as JSON: for tests.
    #[arg(long, env = "TRUNKLINE_DUMP", value_name = "FILE")]
    pub dump: Option<PathBuf>,
}

fn theme(name: String) -> ThemePreference {
    if name == "light" { ThemePreference::Light } else { ThemePreference::Dark }
}

fn zone(name: String) -> ClockZone {
    if name == "utc" { ClockZone::Utc } else { ClockZone::Local }
}

/// A window's size in points.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WindowSize {
    /// The width.
    pub width: f32,
    /// The height.
    pub height: f32,
}

impl Default for WindowSize {
    fn default() -> Self {
        Self { width: 1280.0, height: 800.0 }
    }
}

/// A text that is not a window's size.
#[derive(Debug, Error)]
#[error("give it as WIDTHxHEIGHT, such as 1280x800")]
pub struct WindowSizeError;

impl FromStr for WindowSize {
    type Err = WindowSizeError;

    fn from_str(text: &str) -> Result<Self, WindowSizeError> {
        let (width, height) = text.split_once('x').ok_or(WindowSizeError)?;
        let points = |text: &str| text.parse::<u16>().map(f32::from).map_err(|_| WindowSizeError);
        Ok(Self { width: points(width)?, height: points(height)? })
    }
}

/// The checked arguments, and what they name.
#[derive(Clone, Debug)]
pub struct WindowConfig {
    /// The relay.
    pub relay: DialAddress,
    /// The operator's certificate.
    pub credentials: Credentials,
    /// The directory of users.
    pub directory: Directory,
    /// How the window starts.
    pub options: WindowOptions,
}

/// Why the arguments cannot be used. Each text names the flag and the remedy.
#[derive(Debug, Error)]
pub enum WindowConfigError {
    /// The directory cannot be opened.
    #[error("--redis or --redis-prefix: {0}")]
    Directory(#[from] trunkline_directory::ConfigError),
    /// A node or relay has no access to the status stream.
    #[error("--role {0} has no window: use admin, or viewer to only read")]
    Role(Role),
    /// The certificate cannot be used.
    #[error("--certs: {0}")]
    Certs(#[from] CertsError),
}

impl Args {
    /// Checks the arguments and loads what they name.
    ///
    /// # Errors
    /// If an argument can never work. A relay or Redis that is away is no error: they may come.
    pub fn check(self) -> Result<WindowConfig, WindowConfigError> {
        if !matches!(self.role, Role::Admin | Role::Viewer) {
            return Err(WindowConfigError::Role(self.role));
        }
        let credentials = Credentials::load(&self.certs, self.role, &self.name)?;
        let directory = Directory::open(self.redis.as_str(), &self.redis_prefix)?;
        Ok(WindowConfig { relay: self.relay, credentials, directory, options: self.options })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_is_width_by_height() {
        let size: WindowSize = "1440x900".parse().unwrap();
        assert_eq!(size, WindowSize { width: 1440.0, height: 900.0 });
        for text in ["", "1440", "x900", "1440x", "1440x900x1", "-1x900", "1e3x900"] {
            assert!(text.parse::<WindowSize>().is_err(), "{text}");
        }
    }
}
