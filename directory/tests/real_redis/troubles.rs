//! What is wrong with Redis is told in its own words, by real servers and by others.

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

use crate::support::{node, open, raw, say, user};

/// A server that answers whatever comes first with these bytes, and hangs up.
fn server_that_says(words: &'static [u8]) -> String {
    server(move |mut client| {
        let _ = client.read(&mut [0; 512]);
        let _ = client.write_all(words);
    })
}

fn server(serve: impl Fn(std::net::TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || listener.incoming().flatten().for_each(serve));
    format!("redis://me:hunter2@{address}")
}

/// What is told after one call.
async fn trouble_at(url: &str) -> String {
    let directory = open(url);
    assert_eq!(directory.trouble(), None);
    let error = directory.ping().await.unwrap_err();
    let trouble = directory.trouble().unwrap();
    assert!(!trouble.contains("hunter2") && !error.to_string().contains("hunter2"), "{trouble}");
    assert!(!trouble.contains('\n') && trouble.len() < 400, "{trouble}");
    trouble
}

/// Registers a user under a lease that was taken a moment ago.
async fn register(
    lease: &Directory,
    directory: &Directory,
    place: &Location,
) -> Result<(), EntryError> {
    let (node, incarnation) = (&place.0, place.1);
    let Acquired::Held(fence) = lease.acquire(node, incarnation).await? else {
        panic!("nobody else takes it");
    };
    directory.register(&user(1), (node, incarnation), 1, fence).await.map(drop)
}

fn with_user(redis: &RedisServer, user: &str) -> String {
    redis.url().replace("redis://", &format!("redis://{user}@"))
}

#[tokio::test]
async fn refused_login_is_told_in_the_words_of_redis() {
    let redis = RedisServer::start().unwrap();
    let told = trouble_at(&with_user(&redis, ":hunter2")).await;
    assert!(told.starts_with("ERR AUTH <password> called without any password"), "{told}");
    assert!(told.contains("(this Redis has no password: leave it out of --redis)"), "{told}");
    let told = trouble_at(&with_user(&redis, "nobody:hunter2")).await;
    assert!(told.starts_with("WRONGPASS "), "{told}");

    let () = say(&redis, "CONFIG SET requirepass first").await;
    let told = trouble_at(&with_user(&redis, ":hunter2")).await;
    assert!(told.starts_with("WRONGPASS "), "{told}");
    assert!(told.ends_with("(check user and password in --redis)"), "{told}");
    let told = trouble_at(&redis.url()).await;
    assert!(told.starts_with("NOAUTH Authentication required."), "{told}");

    let told = trouble_at(&format!("{}/99", with_user(&redis, ":first"))).await;
    assert!(told.starts_with("ERR DB index is out of range"), "{told}");
    assert!(told.ends_with("(check the database number in --redis)"), "{told}");
}

#[tokio::test]
async fn login_and_database_of_the_url_are_used() {
    let redis = RedisServer::start().unwrap();
    let () = say(&redis, "ACL SETUSER me on >a/b ~* +@all").await;
    let directory = open(&format!("{}/3", with_user(&redis, "me:a%2Fb")));
    directory.list_incarnation(&node(1), Incarnation::fresh()).await.unwrap();
    assert_eq!(directory.trouble(), None);
    assert_eq!(say::<usize>(&redis, "DBSIZE").await, 0);
    let info: String = say(&redis, "INFO keyspace").await;
    assert!(info.contains("db3:keys=1"), "{info}");
}

#[tokio::test]
async fn full_redis_is_told_and_comes_back() {
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
        let told = directory.trouble().unwrap();
        assert!(told.starts_with("ERR max number of clients reached (raise maxclients"), "{told}");
        assert!(matches!(&error, CallError::Away(said) if told.starts_with(said)), "{error}");
    }
    limit(100).await;
    directory.ping().await.unwrap();
    assert_eq!(directory.trouble(), None);
}

#[tokio::test]
async fn server_that_is_not_redis_is_called_so() {
    for (words, told_first) in [
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
        let told = trouble_at(&server_that_says(words)).await;
        assert!(told.contains(told_first), "{told_first:?}: {told}");
    }
}

#[tokio::test]
async fn error_that_comes_before_the_first_command_is_read() {
    // As Redis does when it is full: it says why and hangs up, and what was sent is thrown away.
    let url = server(|mut client| client.write_all(b"-ERR go away\r\n").unwrap());
    for _ in 0..50 {
        assert!(trouble_at(&url).await.starts_with("ERR go away"));
    }
}

#[tokio::test]
async fn server_that_says_nothing_is_called_so_in_time() {
    let url = server(std::mem::forget);
    let told = trouble_at(&url).await;
    let words =
        format!("takes connections, and does not answer within {} ms", CALL_TIMEOUT.as_millis());
    assert!(told.contains(&words), "{told}");
    let drip = server(|mut client| {
        while client.write_all(b"x").is_ok() {
            thread::sleep(CALL_TIMEOUT / 10);
        }
    });
    assert!(trouble_at(&drip).await.contains(&words));
}

#[tokio::test]
async fn server_that_is_nowhere_is_called_so() {
    let mut redis = RedisServer::start().unwrap();
    redis.stop();
    let told = trouble_at(&redis.url()).await;
    let address = redis.address().to_string();
    assert!(told.starts_with(&address) && told.contains("Connection refused"), "{told}");
    let told = trouble_at("unix:///nowhere/redis.sock").await;
    assert!(told.starts_with("/nowhere/redis.sock cannot be reached: No such file"), "{told}");
}

#[tokio::test]
async fn name_that_does_not_resolve_is_told() {
    let directory = open("redis://no-such-host.invalid:6379");
    assert!(directory.ping().await.is_err());
    let told = directory.trouble().unwrap();
    // Where no resolver answers in time, that is what there is to tell.
    assert!(told.contains("no-such-host.invalid:6379"), "{told}");
}

#[tokio::test]
async fn connection_that_breaks_is_told_until_redis_is_back() {
    let mut redis = RedisServer::start().unwrap();
    let directory = open(&redis.url());
    directory.ping().await.unwrap();
    redis.stop();
    directory.ping().await.unwrap_err();
    let told = directory.trouble().unwrap();
    assert!(told.contains("has closed the connection"), "{told}");
    directory.ping().await.unwrap_err();
    assert!(directory.trouble().unwrap().contains("Connection refused"));
    redis.restart_empty().unwrap();
    directory.ping().await.unwrap();
    assert_eq!(directory.trouble(), None);
}

#[tokio::test]
async fn missing_right_is_named_until_that_command_succeeds() {
    let redis = RedisServer::start().unwrap();
    let () = say(&redis, "ACL SETUSER me on >hunter2 ~trunkline:* +@all -hset").await;
    let directory = open(&with_user(&redis, "me:hunter2"));
    let place = (node(1), Incarnation::fresh());
    let refused = directory.list_incarnation(&place.0, place.1).await.unwrap_err();
    assert!(matches!(refused, CallError::Refused(_)), "{refused}");
    let told = directory.trouble().unwrap();
    assert!(told.starts_with("NOPERM "), "{told}");
    assert!(told.contains("'hset' command (the rights that are needed stand in docs/"), "{told}");

    // The same right within a script, where Redis 7.0 does not name it.
    let lease = open(&redis.url());
    assert!(register(&lease, &directory, &place).await.is_err());
    let told = directory.trouble().unwrap();
    assert!(told.to_lowercase().matches("hset").count() >= 2, "{told}");

    // That other things succeed changes nothing.
    directory.ping().await.unwrap();
    directory.incarnations().await.unwrap();
    assert_eq!(directory.trouble().unwrap(), told);

    let () = say(&redis, "ACL SETUSER me +hset").await;
    directory.list_incarnation(&place.0, place.1).await.unwrap();
    assert!(directory.trouble().is_some(), "registering has not succeeded yet");
    register(&lease, &directory, &place).await.unwrap();
    assert_eq!(directory.trouble(), None);
}

#[tokio::test]
async fn key_that_may_not_be_touched_is_named() {
    let redis = RedisServer::start().unwrap();
    let () = say(&redis, "ACL SETUSER me on >hunter2 ~other:* +@all").await;
    let directory = open(&with_user(&redis, "me:hunter2"));
    directory.look_up(&user(1)).await.unwrap_err();
    let told = directory.trouble().unwrap();
    assert!(told.starts_with("NOPERM ") && told.contains("(HGETALL trunkline:user:*)"), "{told}");
    directory.look_up(&user(2)).await.unwrap_err();
    assert_eq!(directory.trouble().unwrap(), told, "the users do not matter");
    directory.lease(&node(1)).await.unwrap_err();
    let told = directory.trouble().unwrap();
    assert!(told.contains("(EVALSHA trunkline:lease:*)"), "{told}");
}

#[tokio::test]
async fn redis_that_takes_no_writes_is_told_in_its_words() {
    let redis = RedisServer::start().unwrap();
    let directory = open(&redis.url());
    let place = (node(1), Incarnation::fresh());
    let write = async || directory.list_incarnation(&place.0, place.1).await;
    for (begin, end, words) in [
        ("CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0", "OOM command not allowed"),
        ("CONFIG SET min-replicas-to-write 1", "CONFIG SET min-replicas-to-write 0", "NOREPLICAS "),
        ("REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE", "READONLY You can't write against a read"),
    ] {
        let () = say(&redis, begin).await;
        write().await.unwrap_err();
        let told = directory.trouble().unwrap();
        assert!(told.starts_with(words) && told.ends_with(')'), "{told}");
        directory.incarnations().await.unwrap();
        assert!(directory.trouble().is_some());
        directory.acquire(&place.0, place.1).await.unwrap_err();
        assert_eq!(directory.trouble().unwrap(), told, "in a script it is the same trouble");
        let () = say(&redis, end).await;
        write().await.unwrap();
        register(&directory, &directory, &place).await.unwrap();
        assert_eq!(directory.trouble(), None, "{words}");
    }
    let () = say(&redis, "CONFIG SET replica-serve-stale-data no").await;
    let () = say(&redis, "REPLICAOF 127.0.0.1 1").await;
    let away = directory.incarnations().await.unwrap_err();
    assert!(matches!(&away, CallError::Away(said) if said.starts_with("MASTERDOWN")), "{away}");
    assert!(directory.trouble().unwrap().contains("--redis must name the primary"));
}

#[test]
fn password_that_would_be_taken_for_a_host_is_refused() {
    for bad in ["redis://me:12/34@h", "redis://me:12#hunter2@h", "redis://me:12?hunter2@h:1/0"] {
        let error = Directory::open(bad, KEY_PREFIX).unwrap_err();
        assert!(matches!(error, ConfigError::Url(_)), "{bad}");
        let text = error.to_string();
        assert!(text.contains("%2F, %3F and %23") && !text.contains("hunter2"), "{text}");
    }
    Directory::open("unix:///tmp/a@b?pass=x@y", KEY_PREFIX).unwrap();
}
