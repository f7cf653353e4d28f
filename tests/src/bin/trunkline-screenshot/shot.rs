//! One picture: of what, how large, dark or light.

use std::{
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail, ensure};
use clap::ValueEnum;
use trunkline_cli::local_cluster::{LocalCluster, Programs, project};
use trunkline_tests::{
    virtual_display::{KeySymbol, Screenshot, VirtualDisplay},
    window_process::{PROGRAM, WindowProcess, WindowText},
};

/// How long a window may take to show the scene.
const PATIENCE: Duration = Duration::from_secs(90);

/// How long it is shown before its picture is taken, so that all animations have ended.
const FADE_TIME: Duration = Duration::from_secs(2);

/// What a picture shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scene {
    /// A cluster under load.
    Healthy,
    /// A node just killed.
    Killed,
    /// The relay is away.
    Away,
    /// The first start, with nothing running.
    First,
    /// An hour of history, scrubbed back.
    Back,
    /// A hundred nodes.
    Hundred,
}

impl Scene {
    /// Whether it needs no cluster.
    pub(crate) fn is_alone(self) -> bool {
        matches!(self, Self::First | Self::Back | Self::Hundred)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Killed => "killed",
            Self::Away => "away",
            Self::First => "first",
            Self::Back => "back",
            Self::Hundred => "hundred",
        }
    }

    fn is_shown(self, text: &WindowText) -> bool {
        match self {
            Self::Healthy => text.has("Nodes ● 3 live"),
            Self::Killed => text.mentions("1 dead"),
            Self::Away => text.has("Relay lost"),
            Self::First => text.mentions("start one with `just up`"),
            Self::Back => text.has("Resume"),
            Self::Hundred => text.mentions("99 live"),
        }
    }
}

/// A picture to be taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shot {
    /// What it shows.
    pub(crate) scene: Scene,
    tab: &'static str,
    theme: &'static str,
    size: (usize, usize),
}

impl Shot {
    /// A picture of a scene: which tab, dark or light, how large.
    pub(crate) fn new(
        scene: Scene,
        tab: &'static str,
        theme: &'static str,
        size: (usize, usize),
    ) -> Self {
        Self { scene, tab, theme, size }
    }

    /// The file that it is written to.
    pub(crate) fn file_name(&self) -> String {
        let Self { scene, tab, theme, size } = self;
        format!("{}-{tab}-{theme}-{}.png", scene.name(), size.0)
    }
}

/// The pictures that the documentation shows.
pub(crate) fn documented() -> Vec<Shot> {
    let size = (1280, 800);
    [
        (Scene::Healthy, "nodes", "dark"),
        (Scene::Killed, "map", "dark"),
        (Scene::Back, "charts", "light"),
    ]
    .map(|(scene, tab, theme)| Shot::new(scene, tab, theme, size))
    .into()
}

/// Every scene at every size, dark and light, at each part of the window that differs by it.
pub(crate) fn every() -> Vec<Shot> {
    let scenes = [
        (Scene::Healthy, &["nodes", "map", "traffic", "charts", "events", "users"][..]),
        (Scene::Killed, &["nodes", "map", "events"]),
        (Scene::Away, &["nodes"]),
        (Scene::First, &["nodes"]),
        (Scene::Back, &["nodes", "charts"]),
        (Scene::Hundred, &["nodes", "map", "traffic"]),
    ];
    let mut shots = Vec::new();
    for (scene, tabs) in scenes {
        for &tab in tabs {
            for (theme, size) in [("dark", (1280, 800)), ("light", (1920, 1080))] {
                shots.push(Shot::new(scene, tab, theme, size));
            }
        }
    }
    shots
}

/// A window on a screen.
pub(crate) struct Open {
    screen: VirtualDisplay,
    window: WindowProcess,
}

impl Open {
    /// Presses a key in the window.
    pub(crate) fn press(&self, key: KeySymbol) -> Result<()> {
        Ok(self.screen.press(key)?)
    }

    /// What the window looks like now.
    pub(crate) fn screenshot(&self) -> Result<Screenshot> {
        Ok(self.screen.screenshot()?)
    }
}

/// Who takes the pictures.
pub(crate) struct Camera<'a> {
    pub(crate) programs: Programs,
    pub(crate) folder: &'a Path,
}

impl Camera<'_> {
    /// Takes a picture that needs no cluster.
    pub(crate) fn alone(&self, shot: &Shot) -> Result<()> {
        let mut arguments = self.look(shot);
        let program = match shot.scene {
            Scene::First => {
                // Nobody listens on port 1.
                let certs = tempfile::tempdir()?;
                trunkline_certs::init(certs.path())?;
                let admin = "admin".parse()?;
                trunkline_certs::issue(certs.path(), trunkline_certs::Role::Admin, &admin)?;
                arguments.extend(["--relay", "127.0.0.1:1", "--certs"].map(Into::into));
                arguments.push(certs.keep().display().to_string());
                self.programs.path(PROGRAM)
            }
            Scene::Back => {
                arguments.extend(["--back", "0.72"].map(Into::into));
                generated()?
            }
            _ => {
                arguments.extend(["--nodes", "100"].map(Into::into));
                generated()?
            }
        };
        self.take(shot, &self.open(shot, program, &arguments)?)
    }

    /// Takes a picture of the window beside a cluster.
    pub(crate) fn beside(&self, shot: &Shot, cluster: &LocalCluster) -> Result<()> {
        self.take(shot, &self.open_beside(shot, cluster)?)
    }

    /// Opens the window beside a cluster.
    pub(crate) fn open_beside(&self, shot: &Shot, cluster: &LocalCluster) -> Result<Open> {
        let mut arguments = self.look(shot);
        arguments.extend(["--relay".into(), cluster.relay().address().to_string()]);
        arguments.extend(["--redis".into(), cluster.redis().url().to_owned()]);
        arguments.extend(["--certs".into(), cluster.certs().display().to_string()]);
        let open = self.open(shot, self.programs.path(PROGRAM), &arguments)?;
        wait(&open, |text| text.has("Pause"))?;
        Ok(open)
    }

    fn look(&self, shot: &Shot) -> Vec<String> {
        let (width, height) = shot.size;
        let size = format!("{width}x{height}");
        ["--theme", shot.theme, "--tab", shot.tab, "--size", &size].map(Into::into).into()
    }

    fn open(&self, shot: &Shot, program: PathBuf, arguments: &[String]) -> Result<Open> {
        let screen = VirtualDisplay::start(shot.size)?;
        let window = WindowProcess::open(&screen, program, arguments)?;
        Ok(Open { screen, window })
    }

    /// Takes the picture of a window, once it shows what it should.
    pub(crate) fn take(&self, shot: &Shot, open: &Open) -> Result<()> {
        wait(open, |text| shot.scene.is_shown(text))?;
        thread::sleep(FADE_TIME);
        let path = self.folder.join(shot.file_name());
        open.screen.screenshot()?.save(&path)?;
        println!("{}", path.display());
        Ok(())
    }
}

fn wait(open: &Open, is_so: impl Fn(&WindowText) -> bool) -> Result<()> {
    let begin = Instant::now();
    loop {
        let text = open.window.text();
        if is_so(&text) {
            return Ok(());
        }
        if begin.elapsed() > PATIENCE {
            bail!("the window does not show it: {text:#?}");
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// The window over a generated cluster.
fn generated() -> Result<PathBuf> {
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--quiet", "-p", PROGRAM, "--example", "generated"]);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    let built = cargo.current_dir(project()).status()?;
    ensure!(built.success(), "the example cannot be built");
    let own = std::env::current_exe()?;
    let folder = own.parent().unwrap_or(Path::new("."));
    Ok(folder.join("examples/generated"))
}
