//! Trunkline with foreign clients, browsers and proxies: `just clients`.
//!
//! Each client plays one scenario (`tests/clients/README.md`) directly, behind nginx and behind
//! HAProxy, against a cluster of its own.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod browser;
mod children;
mod foreign;
mod idle;
mod peer;
mod route;
mod scenario;
mod try_page;

use browser::BrowserKind;
use foreign::{Foreign, Refusal};
use route::Route;

/// How long a client is idle, in seconds: longer than any timeout below.
const IDLE: u32 = 16;

/// The interval of the clients' own keepalives, and how long these wait for a pong, in seconds.
/// Longer than the nodes', so that both happen.
const KEEPALIVE: u32 = 5;

/// The nodes' `--ping-interval`, in seconds. A client that neither answers nor sends a ping is closed
/// after twice this.
const PING_INTERVAL: u32 = 3;

/// How long a session may be silent before the proxies cut it, in seconds.
const PROXY_TIMEOUT: u32 = 10;

/// One module for each client, with a test for each route to the nodes.
macro_rules! clients {
    ($($name:ident: $client:expr;)*) => {$(
        mod $name {
            use super::*;

            #[tokio::test]
            async fn direct() {
                scenario::play($client, Route::Direct).await;
            }

            #[tokio::test]
            async fn through_nginx() {
                scenario::play($client, Route::Nginx).await;
            }

            #[tokio::test]
            async fn through_haproxy() {
                scenario::play($client, Route::Haproxy).await;
            }
        }
    )*};
}

clients! {
    python_websockets: Foreign::python("websockets_client.py", Refusal::Head);
    python_aiohttp: Foreign::python("aiohttp_client.py", Refusal::Head);
    python_tornado: Foreign::python("tornado_client.py", Refusal::Head);
    python_websocket_client: Foreign::python("websocket_client.py", Refusal::Head);
    python_httpx: Foreign::python("httpx_client.py", Refusal::Head);
    curl: Foreign::python("curl_client.py", Refusal::Status);
    node_ws: Foreign::node("ws_client.js", Refusal::Head);
    node_builtin: Foreign::node("builtin_client.js", Refusal::Nothing);
    chromium: Foreign::browser(BrowserKind::Chromium);
    firefox: Foreign::browser(BrowserKind::Firefox);
    java_jdk: Foreign::java("jdk");
    java_okhttp: Foreign::java("okhttp");
    perl_mojolicious: Foreign::perl("mojo_client.pl");
    ruby_faye: Foreign::ruby("faye_client.rb");
}
