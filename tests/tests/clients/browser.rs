//! Browsers: each loads a page that plays the scenario and posts its steps to the page's server.

use std::{fs, path::Path, process::Stdio};

use axum::{
    Router,
    http::header,
    routing::{get, post},
};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    net::TcpListener,
    process::{Child, Command},
    sync::mpsc,
    task::{self, AbortHandle},
};

use crate::{
    children::{command, sources},
    foreign::Arguments,
};

/// A browser.
#[derive(Clone, Copy, Debug)]
pub(crate) enum BrowserKind {
    Chromium,
    Firefox,
}

/// Preferences that keep Firefox from connecting to other machines.
const FIREFOX_SETTINGS: &str = r#"
user_pref("app.update.enabled", false);
user_pref("browser.safebrowsing.update.enabled", false);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("network.proxy.type", 1);
user_pref("network.proxy.http", "127.0.0.1");
user_pref("network.proxy.http_port", 1);
user_pref("network.proxy.ssl", "127.0.0.1");
user_pref("network.proxy.ssl_port", 1);
user_pref("network.proxy.no_proxies_on", "127.0.0.1");
user_pref("toolkit.telemetry.enabled", false);
"#;

/// A browser with a page, and the page's server. Dropping it ends both.
#[derive(Debug)]
pub(crate) struct Page {
    _browser: Child,
    server: AbortHandle,
    _profile: TempDir,
}

impl Page {
    /// Starts a server, and a browser that loads its page.
    pub(crate) async fn open(
        kind: BrowserKind,
        arguments: &Arguments,
        steps: mpsc::Sender<Value>,
    ) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let server = task::spawn(async { axum::serve(listener, server(steps)).await.unwrap() });
        let Arguments { url, fallback, user, peer } = arguments;
        let idle = crate::IDLE;
        let query = format!("url={url}&fallback={fallback}&user={user}&peer={peer}&idle={idle}");
        let profile = tempfile::tempdir().unwrap();
        let mut browser = kind.command(profile.path());
        browser.arg(format!("{origin}/page.html?{query}")).env("HOME", profile.path());
        browser.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let browser = browser.spawn().unwrap();
        Self { _browser: browser, server: server.abort_handle(), _profile: profile }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn server(steps: mpsc::Sender<Value>) -> Router {
    let file = |name: &str, kind: &'static str| {
        let text = fs::read_to_string(sources().join(name)).unwrap();
        get(move || async move { ([(header::CONTENT_TYPE, kind)], text) })
    };
    let step = |body: String| async move {
        // If the receiver is gone, the browser is about to be ended.
        let _ = steps.send(serde_json::from_str(&body).unwrap_or(Value::String(body))).await;
    };
    Router::new()
        .route("/page.html", file("page.html", "text/html"))
        .route("/scenario.js", file("scenario.js", "text/javascript"))
        .route("/step", post(step))
}

impl BrowserKind {
    fn command(self, profile: &Path) -> Command {
        match self {
            Self::Chromium => chromium(profile),
            Self::Firefox => firefox(profile),
        }
    }
}

fn chromium(profile: &Path) -> Command {
    let mut chromium = command("chromium");
    chromium.args([
        "--headless=new",
        "--no-sandbox", // CI may run as root, which has no sandbox.
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--disable-component-update",
        "--no-first-run",
        "--remote-debugging-port=0", // Without it, the browser ends once the page is loaded.
        "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
    ]);
    chromium.arg(format!("--user-data-dir={}", profile.display()));
    chromium
}

fn firefox(profile: &Path) -> Command {
    fs::write(profile.join("user.js"), FIREFOX_SETTINGS).unwrap();
    let mut firefox = command("firefox-esr");
    firefox.args(["--headless", "--no-remote", "--profile"]).arg(profile);
    firefox
}
