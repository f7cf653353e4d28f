//! The status stream over QUIC, from a simulated relay.

use std::{sync::Arc, time::Duration};

use quinn::{Connection as Quic, Endpoint, RecvStream, SendStream};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    task::JoinHandle,
    time::timeout,
};
use trunkline_admin_gui::{
    WindowConfig, WindowOptions,
    connection::{self, StatusConnection, Update},
};
use trunkline_certs::{Credentials, Role, init, issue};
use trunkline_directory::Directory;
use trunkline_link::server_config;
use trunkline_protocol::status::{AdminCommand, CommandRequest, StatusLine};

use crate::generated::hello;

/// The longest time for any step on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A simulated relay.
struct Relay {
    endpoint: Endpoint,
    certs: TempDir,
}

/// The relay's end of one status stream.
struct Stream {
    connection: Quic,
    send: SendStream,
    lines: Lines<BufReader<RecvStream>>,
}

impl Relay {
    fn start() -> Self {
        let certs = tempfile::tempdir().unwrap();
        init(certs.path()).unwrap();
        for (role, name) in [(Role::Relay, "relay-1"), (Role::Admin, "admin")] {
            issue(certs.path(), role, &name.parse().unwrap()).unwrap();
        }
        let identity = Credentials::load(certs.path(), Role::Relay, &"relay-1".parse().unwrap());
        let config = server_config(identity.unwrap().server_crypto());
        let endpoint = Endpoint::server(config, "127.0.0.1:0".parse().unwrap()).unwrap();
        Self { endpoint, certs }
    }

    /// The configuration of a window that reads this relay.
    fn config(&self) -> WindowConfig {
        let name = "admin".parse().unwrap();
        WindowConfig {
            relay: self.endpoint.local_addr().unwrap().into(),
            credentials: Credentials::load(self.certs.path(), Role::Admin, &name).unwrap(),
            directory: Directory::open("redis://127.0.0.1:1", "trunkline").unwrap(),
            options: WindowOptions::default(),
        }
    }

    async fn accept(&self) -> Stream {
        let connection = timeout(PATIENCE, self.endpoint.accept()).await.unwrap().unwrap();
        let connection = connection.await.unwrap();
        let (send, receive) = timeout(PATIENCE, connection.accept_bi()).await.unwrap().unwrap();
        Stream { connection, send, lines: BufReader::new(receive).lines() }
    }
}

impl Stream {
    async fn read(&mut self) -> Value {
        let line = timeout(PATIENCE, self.lines.next_line()).await.unwrap().unwrap().unwrap();
        serde_json::from_str(&line).unwrap()
    }

    async fn write(&mut self, line: &StatusLine) {
        let mut bytes = serde_json::to_vec(line).unwrap();
        bytes.push(b'\n');
        self.send.write_all(&bytes).await.unwrap();
    }
}

fn read(config: WindowConfig) -> (StatusConnection, JoinHandle<()>) {
    let (connection, feed) = StatusConnection::pair();
    (connection, tokio::spawn(connection::run(config, feed, || ())))
}

async fn next(connection: &mut StatusConnection) -> Update {
    let polling = async {
        loop {
            match connection.poll() {
                Some(update) => return update,
                None => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    };
    timeout(PATIENCE, polling).await.unwrap()
}

#[tokio::test]
async fn lines_and_commands_pass_and_lost_relay_is_redialled() {
    let relay = Relay::start();
    let (mut window, reading) = read(relay.config());
    let mut stream = relay.accept().await;
    assert_eq!(stream.read().await, json!({"interval_ms": 500}));
    stream.write(&hello(true)).await;
    assert!(matches!(next(&mut window).await, Update::Dialling));
    assert!(matches!(next(&mut window).await, Update::Line(line) if line == hello(true)));

    let drain = AdminCommand::Drain { node: "node-1".parse().unwrap() };
    assert!(window.command(CommandRequest { id: 7, action: drain }));
    assert_eq!(stream.read().await, json!({"id": 7, "command": "drain", "node": "node-1"}));

    stream.connection.close(0_u8.into(), b"");
    assert!(matches!(next(&mut window).await, Update::Lost { .. }));
    let mut again = relay.accept().await;
    again.read().await;

    drop(window);
    timeout(PATIENCE, again.connection.closed()).await.unwrap();
    timeout(PATIENCE, reading).await.unwrap().unwrap();
}

#[tokio::test]
async fn unsupported_version_of_relay_is_named() {
    let relay = Relay::start();
    let (mut window, _reading) = read(relay.config());
    let mut stream = relay.accept().await;
    let relay = "relay-1".parse().unwrap();
    stream.write(&StatusLine::Hello { version: 9, relay, may_act: true }).await;
    next(&mut window).await;
    let Update::Lost { reason, .. } = next(&mut window).await else { panic!("it was not lost") };
    assert!(reason.contains("version 9"), "{reason}");
}

#[tokio::test]
async fn relay_with_foreign_certificate_is_refused() {
    let (relay, other) = (Relay::start(), Relay::start());
    let config = WindowConfig { credentials: other.config().credentials, ..relay.config() };
    let accepting = Arc::new(relay);
    let accepts = accepting.clone();
    tokio::spawn(async move {
        while let Some(dialled) = accepts.endpoint.accept().await {
            let _ = dialled.await;
        }
    });
    let (mut window, _reading) = read(config);
    assert!(matches!(next(&mut window).await, Update::Dialling));
    let Update::Lost { reason, .. } = next(&mut window).await else { panic!("it was read") };
    assert!(reason.contains("certificate"), "{reason}");
}
