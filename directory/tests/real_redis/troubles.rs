//! Problems with Redis are reported in its own words, with real servers and others.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener},
    thread,
};

use trunkline_directory::{
    Acquired, CallError, ConfigError, Directory, EntryError, Location,
    defaults::{CALL_TIMEOUT, KEY_PREFIX},
    testing::RedisServer,
};
use trunkline_protocol::Incarnation;

use crate::support::{node, open, query, raw, user};

/// A server that answers the first bytes with `reply`, and closes the connection.
fn server_that_replies(reply: &'static [u8]) -> String {
    server(move |mut client| {
        let _ = client.read(&mut [0; 512]);
        let _ = client.write_all(reply);
    })
}

fn server(serve: impl Fn(std::net::TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || listener.incoming().flatten().for_each(serve));
    format!("redis://me:hunter2@{address}")
}

/// The reported problem after one call.
async fn trouble_at(url: &str) -> String {
    let directory = open(url);
    assert_eq!(directory.trouble(), None);
    let error = directory.ping().await.unwrap_err();
    let trouble = directory.trouble().unwrap();
    assert!(!trouble.contains("hunter2") && !error.to_string().contains("hunter2"), "{trouble}");
    assert!(!trouble.contains('\n') && trouble.len() < 400, "{trouble}");
    trouble
}

/// Acquires the lease through one directory, and registers a user through the other.
async fn register(
    lease: &Directory,
    directory: &Directory,
    location: &Location,
) -> Result<(), EntryError> {
    let (node, incarnation) = (&location.0, location.1);
    let Acquired::Held(fence) = lease.acquire(node, incarnation).await? else {
        panic!("the lease is taken");
    };
    directory.register(&user(1), (node, incarnation), 1, fence).await.map(drop)
}

fn with_user(redis: &RedisServer, user: &str) -> String {
    redis.url().replace("redis://", &format!("redis://{user}@"))
}

#[tokio::test]
async fn rejected_login_is_reported_in_redis_words() {
    let redis = RedisServer::start().unwrap();
    let trouble = trouble_at(&with_user(&redis, ":hunter2")).await;
    assert!(trouble.starts_with("ERR AUTH <password> called without any password"), "{trouble}");
    assert!(trouble.contains("(this Redis has no password: leave it out of --redis)"), "{trouble}");
    let trouble = trouble_at(&with_user(&redis, "nobody:hunter2")).await;
    assert!(trouble.starts_with("WRONGPASS "), "{trouble}");

    let () = query(&redis, "CONFIG SET requirepass first").await;
    let trouble = trouble_at(&with_user(&redis, ":hunter2")).await;
    assert!(trouble.starts_with("WRONGPASS "), "{trouble}");
    assert!(trouble.ends_with("(check user and password in --redis)"), "{trouble}");
    let trouble = trouble_at(&redis.url()).await;
    assert!(trouble.starts_with("NOAUTH Authentication required."), "{trouble}");

    let trouble = trouble_at(&format!("{}/99", with_user(&redis, ":first"))).await;
    assert!(trouble.starts_with("ERR DB index is out of range"), "{trouble}");
    assert!(trouble.ends_with("(check the database number in --redis)"), "{trouble}");
}

#[tokio::test]
async fn login_and_database_of_the_url_are_used() {
    let redis = RedisServer::start().unwrap();
    let () = query(&redis, "ACL SETUSER me on >a/b ~* +@all").await;
    let directory = open(&format!("{}/3", with_user(&redis, "me:a%2Fb")));
    directory.list_incarnation(&node(1), Incarnation::fresh()).await.unwrap();
    assert_eq!(directory.trouble(), None);
    assert_eq!(query::<usize>(&redis, "DBSIZE").await, 0);
    let info: String = query(&redis, "INFO keyspace").await;
    assert!(info.contains("db3:keys=1"), "{info}");
}

#[tokio::test]
async fn full_redis_is_reported_until_it_has_room() {
    let redis = RedisServer::start().unwrap();
    let directory = open(&redis.url());
    let mut other = raw(&redis).await;
    let mut limit = async |clients: usize| {
        let mut command = redis::cmd("CONFIG");
        command.arg("SET").arg("maxclients").arg(clients);
        let () = command.query_async(&mut other).await.unwrap();
    };
    limit(1).await;
    for _ in 0..20 {
        let error = directory.ping().await.unwrap_err();
        let trouble = directory.trouble().unwrap();
        assert!(
            trouble.starts_with("ERR max number of clients reached (raise maxclients"),
            "{trouble}"
        );
        assert!(
            matches!(&error, CallError::Away(reason) if trouble.starts_with(reason)),
            "{error}"
        );
    }
    limit(100).await;
    directory.ping().await.unwrap();
    assert_eq!(directory.trouble(), None);
}

#[tokio::test]
async fn server_that_is_not_redis_is_reported() {
    for (reply, expected) in [
        (&b"-ERR something is odd\r\n"[..], "ERR something is odd"),
        (b"-ERR something is odd", "ERR something is odd"),
        (b"-DENIED Redis is running in protected mode because\r\n", "DENIED Redis is running in"),
        (
            b"-ERR unknown command 'AUTH', with args beginning with: 'me' 'hunter2' \r\n",
            "ERR unknown command 'AUTH' (is it a Redis 7",
        ),
        (b"-ERR what does hunter2 mean?\r\n", "ERR what does *** mean?"),
        (
            b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
            " is not Redis, it says: HTTP/1.1 400 Bad Request (check",
        ),
        (b"SSH-2.0-OpenSSH_9.2\r\n", " is not Redis, it says: SSH-2.0"),
        (b"\x15\x03\x03\x00\x02\x02\x46", " speaks TLS"),
        (b"", " closes the connection without a word"),
        (&[b'x'; 100_000], " is not Redis, it says: xxx"),
        (&[b'-'; 100_000], "---"),
    ] {
        let trouble = trouble_at(&server_that_replies(reply)).await;
        assert!(trouble.contains(expected), "{expected:?}: {trouble}");
    }
}

#[tokio::test]
async fn error_before_the_first_command_is_reported() {
    // A full Redis sends its reason, closes the connection, and reads no command.
    let url = server(|mut client| client.write_all(b"-ERR go away\r\n").unwrap());
    for _ in 0..50 {
        assert!(trouble_at(&url).await.starts_with("ERR go away"));
    }
}

#[tokio::test]
async fn silent_server_is_reported_in_time() {
    let url = server(std::mem::forget);
    let trouble = trouble_at(&url).await;
    let words =
        format!("takes connections, and does not answer within {} ms", CALL_TIMEOUT.as_millis());
    assert!(trouble.contains(&words), "{trouble}");
    let drip = server(|mut client| {
        while client.write_all(b"x").is_ok() {
            thread::sleep(CALL_TIMEOUT / 10);
        }
    });
    assert!(trouble_at(&drip).await.contains(&words));
}

#[tokio::test]
async fn unreachable_server_is_reported() {
    let mut redis = RedisServer::start().unwrap();
    redis.stop();
    let trouble = trouble_at(&redis.url()).await;
    let address = redis.address().to_string();
    assert!(trouble.starts_with(&address) && trouble.contains("Connection refused"), "{trouble}");
    let trouble = trouble_at("unix:///nowhere/redis.sock").await;
    assert!(
        trouble.starts_with("/nowhere/redis.sock cannot be reached: No such file"),
        "{trouble}"
    );
}

#[tokio::test]
async fn unresolvable_name_is_reported() {
    let directory = open("redis://no-such-host.invalid:6379");
    assert!(directory.ping().await.is_err());
    let trouble = directory.trouble().unwrap();
    // The report is a timeout if no resolver answers in time.
    assert!(trouble.contains("no-such-host.invalid:6379"), "{trouble}");
}

#[tokio::test]
async fn lost_connection_is_reported_until_redis_is_back() {
    let mut redis = RedisServer::start().unwrap();
    let directory = open(&redis.url());
    directory.ping().await.unwrap();
    redis.stop();
    directory.ping().await.unwrap_err();
    let trouble = directory.trouble().unwrap();
    assert!(trouble.contains("has closed the connection"), "{trouble}");
    directory.ping().await.unwrap_err();
    assert!(directory.trouble().unwrap().contains("Connection refused"));
    redis.restart_empty().unwrap();
    directory.ping().await.unwrap();
    assert_eq!(directory.trouble(), None);
}

#[tokio::test]
async fn missing_right_is_reported_until_its_command_succeeds() {
    let redis = RedisServer::start().unwrap();
    let () = query(&redis, "ACL SETUSER me on >hunter2 ~trunkline:* +@all -hset").await;
    let directory = open(&with_user(&redis, "me:hunter2"));
    let location = (node(1), Incarnation::fresh());
    let refused = directory.list_incarnation(&location.0, location.1).await.unwrap_err();
    assert!(matches!(refused, CallError::Refused(_)), "{refused}");
    let trouble = directory.trouble().unwrap();
    assert!(trouble.starts_with("NOPERM "), "{trouble}");
    assert!(
        trouble.contains("'hset' command (docs/operations.md lists the rights that are needed"),
        "{trouble}"
    );

    // The same right in a script, for which Redis 7.0 does not name it.
    let lease = open(&redis.url());
    assert!(register(&lease, &directory, &location).await.is_err());
    let trouble = directory.trouble().unwrap();
    assert!(trouble.to_lowercase().matches("hset").count() >= 2, "{trouble}");

    // Other commands that succeed do not end the problem.
    directory.ping().await.unwrap();
    directory.incarnations().await.unwrap();
    assert_eq!(directory.trouble().unwrap(), trouble);

    let () = query(&redis, "ACL SETUSER me +hset").await;
    directory.list_incarnation(&location.0, location.1).await.unwrap();
    assert!(directory.trouble().is_some(), "registering has not succeeded yet");
    register(&lease, &directory, &location).await.unwrap();
    assert_eq!(directory.trouble(), None);
}

#[tokio::test]
async fn forbidden_key_is_named() {
    let redis = RedisServer::start().unwrap();
    let () = query(&redis, "ACL SETUSER me on >hunter2 ~other:* +@all").await;
    let directory = open(&with_user(&redis, "me:hunter2"));
    directory.look_up(&user(1)).await.unwrap_err();
    let trouble = directory.trouble().unwrap();
    assert!(
        trouble.starts_with("NOPERM ") && trouble.contains("(HGETALL trunkline:user:*)"),
        "{trouble}"
    );
    directory.look_up(&user(2)).await.unwrap_err();
    assert_eq!(directory.trouble().unwrap(), trouble, "the report does not name users");
    directory.lease(&node(1)).await.unwrap_err();
    let trouble = directory.trouble().unwrap();
    assert!(trouble.contains("(EVALSHA trunkline:lease:*)"), "{trouble}");
}

#[tokio::test]
async fn redis_that_refuses_writes_is_reported_in_its_words() {
    let redis = RedisServer::start().unwrap();
    let directory = open(&redis.url());
    let location = (node(1), Incarnation::fresh());
    let write = async || directory.list_incarnation(&location.0, location.1).await;
    for (begin, end, words) in [
        ("CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0", "OOM command not allowed"),
        ("CONFIG SET min-replicas-to-write 1", "CONFIG SET min-replicas-to-write 0", "NOREPLICAS "),
        ("REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE", "READONLY You can't write against a read"),
    ] {
        let () = query(&redis, begin).await;
        write().await.unwrap_err();
        let trouble = directory.trouble().unwrap();
        assert!(trouble.starts_with(words) && trouble.ends_with(')'), "{trouble}");
        directory.incarnations().await.unwrap();
        assert!(directory.trouble().is_some());
        directory.acquire(&location.0, location.1).await.unwrap_err();
        assert_eq!(directory.trouble().unwrap(), trouble, "a script reports the same problem");
        let () = query(&redis, end).await;
        write().await.unwrap();
        register(&directory, &directory, &location).await.unwrap();
        assert_eq!(directory.trouble(), None, "{words}");
    }
    let () = query(&redis, "CONFIG SET replica-serve-stale-data no").await;
    let () = query(&redis, "REPLICAOF 127.0.0.1 1").await;
    let away = directory.incarnations().await.unwrap_err();
    assert!(matches!(&away, CallError::Away(reason) if reason.starts_with("MASTERDOWN")), "{away}");
    assert!(directory.trouble().unwrap().contains("--redis must name the primary"));
}

#[test]
fn password_that_would_parse_as_a_host_is_rejected() {
    for bad in ["redis://me:12/34@h", "redis://me:12#hunter2@h", "redis://me:12?hunter2@h:1/0"] {
        let error = Directory::open(bad, KEY_PREFIX).unwrap_err();
        assert!(matches!(error, ConfigError::Url(_)), "{bad}");
        let text = error.to_string();
        assert!(text.contains("%2F, %3F and %23") && !text.contains("hunter2"), "{text}");
    }
    Directory::open("unix:///tmp/a@b?pass=x@y", KEY_PREFIX).unwrap();
}
