//! The page of a node (`GET /`) in a real Chromium, by Playwright.

use std::{process::Stdio, time::Duration};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    time::timeout,
};
use trunkline_cli::local_cluster::LocalCluster;

use crate::foreign::node_script;

/// How long a step may take on a loaded machine.
const STEP: Duration = Duration::from_secs(180);

#[tokio::test]
async fn two_tabs_on_two_nodes_talk_through_a_kill_and_a_drain() {
    let mut cluster = LocalCluster::builder().nodes(3).start().await.unwrap();
    let page = |node| format!("http://{}/", cluster.node(node).address());
    let mut script = node_script("page_test.js");
    script.args(["node-1", "node-2", "node-3"].map(page));
    script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    let mut script = script.spawn().unwrap();
    let mut answers = script.stdin.take().unwrap();
    let mut steps = BufReader::new(script.stdout.take().unwrap()).lines();
    for expected in ["kill", "drain", "done"] {
        let step = timeout(STEP, steps.next_line()).await.unwrap().unwrap();
        assert_eq!(step.as_deref(), Some(expected));
        match expected {
            "kill" => cluster.kill("node-2").await.unwrap(),
            "drain" => cluster.request_stop("node-1").unwrap(),
            _ => break,
        }
        answers.write_all(b"done\n").await.unwrap();
    }
    assert!(script.wait().await.unwrap().success());
}
