//! The moving picture of the README: a node is killed, the window shows it, and is set back to the time
//! before.

use std::{path::Path, time::Duration};

use anyhow::Result;
use tokio::time::{MissedTickBehavior, interval, sleep};
use trunkline_cli::local_cluster::{LocalCluster, Programs};
use trunkline_tests::{
    virtual_display::{KeySymbol, Movie},
    window_process::PROGRAM,
};

use crate::{
    background_load::BackgroundLoad,
    shot::{Camera, Open, Scene, Shot},
};

/// How long the load runs first, so that the charts have a history.
const HISTORY: Duration = Duration::from_secs(75);

/// How long one frame is shown.
const FRAME_MS: u16 = 250;

/// How many frames show the cluster before the node is killed, and what becomes of it.
const BEFORE: usize = 8;
const AFTER: usize = 24;

/// How many steps of a frame it is set back, and how many frames the last of them is shown.
const STEPS: usize = 10;
const LAST: usize = 8;

/// Makes the movie, and writes it to `path`.
pub(crate) async fn make(path: &Path) -> Result<()> {
    let programs = Programs::built(&[PROGRAM])?;
    let mut cluster = LocalCluster::builder().nodes(3).start().await?;
    let mut background_load = BackgroundLoad::start(&cluster);
    sleep(HISTORY).await;
    let camera = Camera { programs, folder: path.parent().unwrap_or(path) };
    let shot = Shot::new(Scene::Healthy, "nodes", "dark", (1024, 700));
    let open = camera.open_beside(&shot, &cluster)?;
    sleep(Duration::from_secs(3)).await;
    let mut movie = Movie::default();
    film(&mut movie, &open, BEFORE).await?;
    background_load.avoid_last_node();
    cluster.kill("node-3").await?;
    film(&mut movie, &open, AFTER).await?;
    for _ in 0..STEPS {
        open.press(KeySymbol::LEFT)?;
        film(&mut movie, &open, 1).await?;
    }
    film(&mut movie, &open, LAST).await?;
    movie.save(path, FRAME_MS)?;
    println!("{}", path.display());
    background_load.stop()?;
    Ok(cluster.stop_all().await?)
}

/// Takes this many frames.
async fn film(movie: &mut Movie, open: &Open, frames: usize) -> Result<()> {
    let mut due = interval(Duration::from_millis(FRAME_MS.into()));
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    due.tick().await;
    for _ in 0..frames {
        due.tick().await;
        movie.push(open.screenshot()?);
    }
    Ok(())
}
