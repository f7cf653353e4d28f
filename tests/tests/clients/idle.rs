//! Only the node's pings keep an idle session behind a proxy open.

use std::time::Duration;

use tokio::time::{Instant, timeout};
use trunkline_cli::local_cluster::LocalCluster;
use trunkline_client::Client;

use crate::{
    IDLE, PROXY_TIMEOUT,
    route::{Proxy, Route},
};

#[tokio::test]
async fn nginx_cuts_an_idle_session_that_no_ping_keeps() {
    cuts_without_pings(Route::Nginx).await;
}

#[tokio::test]
async fn haproxy_cuts_an_idle_session_that_no_ping_keeps() {
    cuts_without_pings(Route::Haproxy).await;
}

/// Otherwise the other tests would prove nothing about pings.
async fn cuts_without_pings(route: Route) {
    let mut cluster = LocalCluster::builder().nodes(3).start().await.unwrap();
    let proxy = Proxy::start(route, &mut cluster).await.unwrap();
    let mut client = Client::login(&proxy.url(), "alice").await.unwrap();
    let begin = Instant::now();
    let ended = timeout(Duration::from_secs((2 * IDLE).into()), client.next_frame()).await;
    assert!(ended.is_ok_and(|frame| frame.is_err()), "the session lives on");
    let lived = begin.elapsed();
    assert!(lived.as_secs() + 1 >= PROXY_TIMEOUT.into(), "it was cut after {lived:?} already");
}
