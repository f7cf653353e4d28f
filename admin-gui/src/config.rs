use std::{path::PathBuf, str::FromStr};

use clap::{Parser, ValueEnum};
use eframe::egui::ThemePreference;
use thiserror::Error;
use trunkline_certs::{CertsError, Credentials, Role};
use trunkline_directory::Directory;
use trunkline_ops::{DialAddress, SecretUrl};
use trunkline_protocol::Name;

use crate::view::tabs::Tab;

/// Shows a Trunkline cluster in a window: its nodes, traffic, users and events.
#[derive(Clone, Debug, Parser)]
#[command(version)]
pub struct Args {
    /// The relay whose status stream is shown, as HOST:PORT.
    #[arg(long, env = "TRUNKLINE_RELAY", default_value = "127.0.0.1:7400")]
    pub relay: DialAddress,
    /// The Redis that holds the directory of users.
    #[arg(long, env = "TRUNKLINE_REDIS", default_value = "redis://127.0.0.1:6379")]
    pub redis: SecretUrl,
    /// What the directory's keys begin with.
    #[arg(long, env = "TRUNKLINE_REDIS_PREFIX", default_value = trunkline_directory::defaults::KEY_PREFIX)]
    pub redis_prefix: String,
    /// The folder with ca.pem, and `<role>/<name>.pem` and `.key` of this operator.
    #[arg(long, env = "TRUNKLINE_CERTS")]
    pub certs: PathBuf,
    /// The operator's name, as in the certificate.
    #[arg(long, env = "TRUNKLINE_NAME", default_value = "admin")]
    pub name: Name,
    /// What the certificate says the operator is: admin, or viewer, who may only read.
    #[arg(long, env = "TRUNKLINE_ROLE", default_value = "admin")]
    pub role: Role,
    /// How the window looks at first.
    #[command(flatten)]
    pub look: Look,
}

/// How the window looks at first. What is not given is as it was when it was last closed.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Look {
    /// Dark or light; without it, as the desktop has it.
    #[arg(long, env = "TRUNKLINE_THEME")]
    pub theme: Option<Theme>,
    /// The part of the window that is shown first.
    #[arg(long, env = "TRUNKLINE_TAB")]
    pub tab: Option<Tab>,
    /// The window's size in points, as WIDTHxHEIGHT.
    #[arg(long, env = "TRUNKLINE_SIZE")]
    pub size: Option<Size>,
    /// Write what the window says into this file at each frame, as JSON: for tests.
    #[arg(long, env = "TRUNKLINE_DUMP", value_name = "FILE")]
    pub dump: Option<PathBuf>,
}

/// Dark or light.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Theme {
    /// Light on dark.
    Dark,
    /// Dark on light.
    Light,
}

/// A window's size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Size {
    /// From left to right, in points.
    pub width: f32,
    /// From top to bottom, in points.
    pub height: f32,
}

impl Default for Size {
    fn default() -> Self {
        Self { width: 1280.0, height: 800.0 }
    }
}

impl From<Theme> for ThemePreference {
    fn from(theme: Theme) -> Self {
        match theme {
            Theme::Dark => Self::Dark,
            Theme::Light => Self::Light,
        }
    }
}

/// That is no size.
#[derive(Debug, Error)]
#[error("give it as WIDTHxHEIGHT, such as 1280x800")]
pub struct BadSize;

impl FromStr for Size {
    type Err = BadSize;

    fn from_str(text: &str) -> Result<Self, BadSize> {
        let (width, height) = text.split_once('x').ok_or(BadSize)?;
        let points = |text: &str| text.parse::<u16>().map(f32::from).map_err(|_| BadSize);
        Ok(Self { width: points(width)?, height: points(height)? })
    }
}

/// What the window needs to run: arguments that were checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// The relay; the host is looked up at each dial.
    pub relay: DialAddress,
    /// Who the operator is.
    pub credentials: Credentials,
    /// Where users are looked up.
    pub directory: Directory,
    /// How the window looks at first.
    pub look: Look,
}

/// Why the arguments cannot be used. Each text names the flag and the mend.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The directory cannot be opened, ever.
    #[error("--redis or --redis-prefix: {0}")]
    Directory(#[from] trunkline_directory::ConfigError),
    /// Nodes and relays have no window.
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
    /// If one of them can never work, however long one waits.
    pub fn check(self) -> Result<Config, ConfigError> {
        if !matches!(self.role, Role::Admin | Role::Viewer) {
            return Err(ConfigError::Role(self.role));
        }
        let credentials = Credentials::load(&self.certs, self.role, &self.name)?;
        let directory = Directory::open(self.redis.as_str(), &self.redis_prefix)?;
        Ok(Config { relay: self.relay, credentials, directory, look: self.look })
    }
}
