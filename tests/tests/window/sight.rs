//! A cluster, and a window onto it.

use std::time::{Duration, Instant};

use redis::{AsyncTypedCommands, aio::MultiplexedConnection};
use trunkline_cli::local_cluster::{Cluster, Programs};
use trunkline_tests::{
    screen::Screen,
    window::{PROGRAM, Says, Window},
};

use crate::Load;

/// How long the window may take to show something, on a loaded machine that draws in software.
const PATIENCE: Duration = Duration::from_secs(240);

/// How long the load goes on between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(100);

pub(crate) struct Sight {
    pub(crate) cluster: Cluster,
    redis: MultiplexedConnection,
    programs: Programs,
    screen: Screen,
    window: Window,
}

impl Sight {
    /// Starts three nodes, and opens the window at a part of it.
    pub(crate) async fn open(tab: &str) -> Self {
        let programs = Programs::built(&[PROGRAM]).unwrap();
        let cluster = Cluster::builder().nodes(3).start().await.unwrap();
        let redis = cluster.redis().connect().await.unwrap();
        let screen = Screen::start((1280, 800)).unwrap();
        let window = open(&screen, &programs, &cluster, tab);
        Self { cluster, redis, programs, screen, window }
    }

    /// Opens it anew at another part.
    pub(crate) fn turn_to(&mut self, tab: &str) {
        let next = open(&self.screen, &self.programs, &self.cluster, tab);
        let before = std::mem::replace(&mut self.window, next);
        assert!(before.close().unwrap().success());
    }

    /// Goes on with the load until the window says what it should.
    pub(crate) fn until(&mut self, what: &str, load: &mut Load, is_so: impl Fn(&Says) -> bool) {
        let begin = Instant::now();
        loop {
            let says = self.window.says();
            if is_so(&says) {
                return;
            }
            assert!(self.window.ended().unwrap().is_none(), "the window has ended");
            assert!(begin.elapsed() < PATIENCE, "{what}: the window says {says:#?}");
            load.run(LOOK_EVERY).unwrap();
        }
    }

    /// How many users the directory lists for a node, over all its lives.
    pub(crate) async fn listed(&mut self, node: &str) -> usize {
        let keys = self.redis.keys(format!("trunkline:node:{node}:*:users")).await.unwrap();
        let mut users = 0;
        for key in keys {
            users += self.redis.zcard(key).await.unwrap();
        }
        users
    }
}

fn open(screen: &Screen, programs: &Programs, cluster: &Cluster, tab: &str) -> Window {
    let (relay, redis) = (cluster.relay().address().to_string(), cluster.redis());
    let certs = cluster.certs();
    let arguments = ["--relay", &relay, "--redis", redis.url(), "--tab", tab];
    let arguments = arguments.into_iter().map(Into::into);
    let arguments = arguments.chain(["--certs".into(), certs.into_os_string()]);
    Window::open(screen, programs.path(PROGRAM), arguments.collect::<Vec<std::ffi::OsString>>())
        .unwrap()
}
