//! A cluster with a window.

use std::time::{Duration, Instant};

use redis::{AsyncTypedCommands, aio::MultiplexedConnection};
use trunkline_bench::System;
use trunkline_cli::local_cluster::{LocalCluster, Programs};
use trunkline_tests::{
    virtual_display::VirtualDisplay,
    window_process::{PROGRAM, WindowProcess, WindowText},
};

use crate::Load;

/// How long the window may take to show something, on a loaded machine that draws in software.
const PATIENCE: Duration = Duration::from_secs(240);

/// How long the load runs between two checks.
const CHECK_EVERY: Duration = Duration::from_millis(100);

pub(crate) struct WindowTest {
    pub(crate) cluster: LocalCluster,
    redis: MultiplexedConnection,
    programs: Programs,
    screen: VirtualDisplay,
    window: WindowProcess,
}

impl WindowTest {
    /// Starts three nodes, and opens the window with this tab.
    pub(crate) async fn open(tab: &str) -> Self {
        let programs = Programs::built(&[PROGRAM]).unwrap();
        let cluster = LocalCluster::builder().nodes(3).start().await.unwrap();
        let redis = cluster.redis().connect().await.unwrap();
        let screen = VirtualDisplay::start((1280, 800)).unwrap();
        let window = open(&screen, &programs, &cluster, tab);
        Self { cluster, redis, programs, screen, window }
    }

    /// The cluster, for the load generator.
    pub(crate) fn system(&self) -> System {
        System::from(&self.cluster)
    }

    /// Reopens the window with another tab.
    pub(crate) fn reopen(&mut self, tab: &str) {
        let next = open(&self.screen, &self.programs, &self.cluster, tab);
        let before = std::mem::replace(&mut self.window, next);
        assert!(before.close().unwrap().success());
    }

    /// Runs the load until the window's text is as expected.
    pub(crate) fn until(
        &mut self,
        what: &str,
        load: &mut Load,
        is_so: impl Fn(&WindowText) -> bool,
    ) {
        let begin = Instant::now();
        loop {
            let text = self.window.text();
            if is_so(&text) {
                return;
            }
            assert!(self.window.ended().unwrap().is_none(), "the window has ended");
            assert!(begin.elapsed() < PATIENCE, "{what}: the window shows {text:#?}");
            load.run(CHECK_EVERY).unwrap();
        }
    }

    /// How many users the directory lists for a node, over all its incarnations.
    pub(crate) async fn listed(&mut self, node: &str) -> usize {
        let keys = self.redis.keys(format!("trunkline:node:{node}:*:users")).await.unwrap();
        let mut users = 0;
        for key in keys {
            users += self.redis.zcard(key).await.unwrap();
        }
        users
    }
}

fn open(
    screen: &VirtualDisplay,
    programs: &Programs,
    cluster: &LocalCluster,
    tab: &str,
) -> WindowProcess {
    let (relay, redis) = (cluster.relay().address().to_string(), cluster.redis());
    let certs = cluster.certs();
    let arguments = ["--relay", &relay, "--redis", redis.url(), "--tab", tab];
    let arguments = arguments.into_iter().map(Into::into);
    let arguments = arguments.chain(["--certs".into(), certs.into_os_string()]);
    WindowProcess::open(
        screen,
        programs.path(PROGRAM),
        arguments.collect::<Vec<std::ffi::OsString>>(),
    )
    .unwrap()
}
