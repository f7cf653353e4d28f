//! Pictures of the operator's window: with a real cluster under load and faults, and with generated
//! clusters that are too large to run.

mod background_load;
mod incident_movie;
mod shot;

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result};
use clap::Parser;
use tokio::time::sleep;
use trunkline_cli::local_cluster::{LocalCluster, Programs, RELAY, project};
use trunkline_tests::window_process::PROGRAM;

use self::{
    background_load::BackgroundLoad,
    shot::{Camera, Scene, Shot, documented, every},
};

/// How long the load runs before the first picture, so that the charts have a history.
const HISTORY: Duration = Duration::from_secs(150);

/// How long after a failure its picture is taken: the values no longer change.
const AFTERMATH: Duration = Duration::from_secs(12);

/// Pictures of the operator's window
#[derive(Debug, Parser)]
struct Cli {
    /// Take every scene at every size, dark and light, into this folder; the default is the pictures of
    /// the documentation
    #[arg(long, value_name = "DIR")]
    all: Option<PathBuf>,
    /// Make the moving picture of the README instead
    #[arg(long, conflicts_with_all = ["all", "scene"])]
    movie: bool,
    /// Take only these scenes
    #[arg(long)]
    scene: Vec<Scene>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let cli = Cli::parse();
    if cli.movie {
        return incident_movie::make(&project().join("docs/images/node-killed.png")).await;
    }
    let (folder, mut shots) = match cli.all {
        Some(folder) => (folder, every()),
        None => (project().join("docs/images"), documented()),
    };
    shots.retain(|shot| cli.scene.is_empty() || cli.scene.contains(&shot.scene));
    fs::create_dir_all(&folder)?;
    take(&folder, &shots).await
}

async fn take(folder: &Path, shots: &[Shot]) -> Result<()> {
    let programs = Programs::built(&[PROGRAM])?;
    let of = |scene| shots.iter().filter(move |shot: &&Shot| shot.scene == scene);
    let camera = Camera { programs: programs.clone(), folder };
    for shot in of(Scene::First).chain(of(Scene::Back)).chain(of(Scene::Hundred)) {
        camera.alone(shot).with_context(|| shot.file_name())?;
    }
    if shots.iter().all(|shot| shot.scene.is_alone()) {
        return Ok(());
    }
    let mut cluster = LocalCluster::builder().nodes(3).start().await?;
    let mut background_load = BackgroundLoad::start(&cluster);
    sleep(HISTORY).await;
    for shot in of(Scene::Healthy) {
        camera.beside(shot, &cluster)?;
    }
    background_load.avoid_last_node();
    cluster.kill("node-3").await?;
    sleep(AFTERMATH).await;
    for shot in of(Scene::Killed) {
        camera.beside(shot, &cluster)?;
    }
    for shot in of(Scene::Away) {
        let open = camera.open_beside(shot, &cluster)?;
        cluster.kill(RELAY).await?;
        sleep(AFTERMATH).await;
        camera.take(shot, &open)?;
        cluster.start(RELAY).await?;
        cluster.ready(RELAY).await?;
        sleep(AFTERMATH).await;
    }
    background_load.stop()?;
    Ok(cluster.stop_all().await?)
}
