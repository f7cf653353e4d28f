//! Tokens: who may log in, for how long, and with keys that change.

use std::{
    fs,
    time::{Duration, SystemTime},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::hmac;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;
use trunkline_cli::local_cluster::{LocalCluster, Programs};
use trunkline_client::{Client, ClientError};

use crate::support::{self, SOON, until};

const SECRET: &str = "a secret of thirty-two bytes ...";
const NEXT_SECRET: &str = "another one, after the rotation.";

/// The close code of a session whose token is not valid, or not any more.
const UNAUTHORIZED: u16 = 4001;

/// A cluster of one node that asks for tokens, and the file with its secret.
async fn cluster() -> (LocalCluster, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    fs::write(&secret, SECRET).unwrap();
    let secret = secret.display().to_string();
    let args = ["--auth", "jwt", "--jwt-audience", "chat", "--jwt-secret-file", &secret];
    (support::start(LocalCluster::builder().nodes(1).node_args(args)).await, folder)
}

fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

fn sign(secret: &str, claims: &Value) -> String {
    let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let signed = format!("{}.{}", part(&json!({"alg": "HS256", "typ": "JWT"})), part(claims));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag))
}

/// A token for alice that ends in this many seconds.
fn token(secret: &str, seconds: u64) -> String {
    sign(secret, &json!({"sub": "alice", "aud": ["chat"], "iss": "x", "exp": now() + seconds}))
}

async fn login(cluster: &LocalCluster, token: &str) -> Result<Client, ClientError> {
    Client::login_with_token(&cluster.node("node-1").ws_url(), "alice", token).await
}

#[tokio::test]
async fn session_ends_with_its_token_unless_that_is_refreshed() {
    let (cluster, _folder) = cluster().await;
    let mut refreshed = login(&cluster, &token(SECRET, 3)).await.unwrap();
    let mut expired = login(&cluster, &token(SECRET, 3)).await.unwrap();
    let mut forged = login(&cluster, &token(SECRET, 60)).await.unwrap();

    let end = now() + 3_600;
    let claims = json!({"sub": "alice", "aud": "chat", "exp": end});
    let answer = refreshed.refresh(&sign(SECRET, &claims)).await.unwrap();
    assert_eq!(answer.expires_at, Some(end));

    let closed = expired.closed().await.unwrap();
    assert_eq!((closed.code, closed.reason.as_str()), (UNAUTHORIZED, "token expired"));
    assert_eq!(support::outcome(&mut refreshed, "alice").await.unwrap(), "delivered");

    let error = forged.refresh(&token(NEXT_SECRET, 60)).await.unwrap_err();
    assert!(matches!(error, ClientError::Closed(closed) if closed.code == UNAUTHORIZED));
    let error = forged.next_error().await.unwrap();
    assert_eq!(error.code, "unauthorized");
}

#[tokio::test]
async fn secret_is_replaced_without_a_restart_or_the_end_of_a_session() {
    let (cluster, folder) = cluster().await;
    let mut session = login(&cluster, &token(SECRET, 600)).await.unwrap();
    let secret = folder.path().join("secret");
    fs::write(&secret, "too short").unwrap();
    let told = || async {
        let log = fs::read_to_string(cluster.node("node-1").log()).unwrap();
        log.contains("those before stay").then_some(())
    };
    until("the node tells that the secret cannot be used", SOON, told).await;
    login(&cluster, &token(SECRET, 600)).await.unwrap();

    fs::write(&secret, NEXT_SECRET).unwrap();
    let next_is_used = || async { login(&cluster, &token(NEXT_SECRET, 600)).await.ok() };
    until("the new secret is in use", SOON, next_is_used).await;
    let error = login(&cluster, &token(SECRET, 600)).await.unwrap_err();
    assert!(matches!(error, ClientError::Unexpected(_)), "{error:?}");
    assert_eq!(support::outcome(&mut session, "alice").await.unwrap(), "delivered");
}

#[tokio::test]
async fn command_prints_a_token_that_the_node_takes() {
    let (cluster, folder) = cluster().await;
    let programs = Programs::built(&["trunkline"]).unwrap();
    let secret = folder.path().join("secret");
    let mut command = Command::new(programs.path("trunkline"));
    command.args(["token", "alice", "--audience", "chat", "--secret-file"]).arg(&secret);
    let output = command.output().await.unwrap();
    assert!(output.status.success(), "{output:?}");
    let token = String::from_utf8(output.stdout).unwrap();
    login(&cluster, token.trim_end()).await.unwrap();
}

#[tokio::test]
async fn open_node_takes_a_refresh_and_no_operators_name() {
    let cluster = support::cluster(1).await;
    let url = cluster.node("node-1").ws_url();
    let mut alice = Client::login(&url, "alice").await.unwrap();
    assert_eq!(alice.refresh("anything").await.unwrap().expires_at, None);

    let mut operator = Client::connect(&url).await.unwrap();
    operator.send_login("admin/admin").await.unwrap();
    let error = operator.next_error().await.unwrap();
    assert_eq!(error.code, "bad_request");
    assert!(error.reason.contains("reserved for operators"), "{error:?}");
    operator.send_login("administrator").await.unwrap();
    operator.next_welcome().await.unwrap();

    let mut stranger = Client::connect(&url).await.unwrap().with_timeout(Duration::from_secs(30));
    stranger.send_text(json!({"type": "refresh", "token": "t"}).to_string()).await.unwrap();
    assert_eq!(stranger.next_error().await.unwrap().code, "login_required");
    assert_eq!(stranger.closed().await.unwrap().code, 1008);
}
