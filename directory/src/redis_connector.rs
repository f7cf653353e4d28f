//! Opens connections to the server that the URL names.
//!
//! redis-rs's own handshake hides the server's reason: a rejected login becomes "authentication
//! failed", an error reply before a close "broken pipe". So this module does the handshake, and
//! redis-rs gets a connection that works.

use std::{
    io,
    net::SocketAddr,
    sync::atomic::{AtomicBool, Ordering},
};

use futures_util::future::select_ok;
use redis::{
    AsyncConnectionConfig, Cmd, ConnectionAddr, ConnectionInfo, IntoConnectionInfo,
    RedisConnectionInfo, RedisError, aio::MultiplexedConnection,
};
use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::{TcpStream, UnixStream, lookup_host},
    task::AbortHandle,
};

use crate::{
    defaults::{
        CALL_TIMEOUT, CALLS_QUEUED_MAX, GREETING_BYTES_MAX, TCP_KEEPALIVE_EVERY,
        TCP_KEEPALIVE_IDLE, TCP_USER_TIMEOUT,
    },
    error::ConfigError,
    reply::{CHECK_ADDRESS, Redactor, RedisTrouble, remedy},
};

/// The first byte of a TLS alert, with which a TLS server answers a plain command.
const TLS_ALERT: u8 = 0x15;

/// Error replies to a `PING` that concern this command or this moment; later commands get their own
/// answers.
const CONNECTION_WORKS: [&str; 5] = ["NOPERM", "MISCONF", "LOADING", "MASTERDOWN", "BUSY"];

/// The address of Redis, and the login.
pub(crate) struct RedisConnector {
    info: ConnectionInfo,
    redactor: Redactor,
}

/// A connection after its handshake. Dropping it closes it.
pub(crate) struct RedisConnection {
    /// Accepts commands; cheap to clone.
    pub(crate) commands: MultiplexedConnection,
    driver: AbortHandle,
}

impl Drop for RedisConnection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl RedisConnector {
    /// Parses the URL.
    pub(crate) fn parse(url: &str) -> Result<Self, ConfigError> {
        if has_unescaped_password(url) {
            let hint = "write %2F, %3F and %23 for '/', '?' and '#' in a user or a password";
            return Err(ConfigError::Url(hint.to_owned()));
        }
        let unusable = |error: RedisError| ConfigError::Url(error.to_string());
        let info = url.into_connection_info().map_err(unusable)?;
        let redactor = Redactor::new(info.redis_settings().password());
        Ok(Self { info, redactor })
    }

    pub(crate) fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// Opens a connection, logs in, and selects the database, without a timeout of its own. Sets
    /// `accepted` when the server has accepted the connection.
    pub(crate) async fn connect(
        &self,
        accepted: &AtomicBool,
    ) -> Result<RedisConnection, RedisTrouble> {
        match self.info.addr() {
            ConnectionAddr::Unix(path) => {
                let stream = UnixStream::connect(path).await;
                self.open(stream.map_err(|error| self.unreachable(&error))?, accepted).await
            }
            ConnectionAddr::Tcp(host, port) => {
                self.open(self.dial(host, *port).await?, accepted).await
            }
            // A URL that demands TLS must never get a plain connection.
            _ => Err(RedisTrouble::new(format!(
                "{self} cannot be reached over TLS: this build has no TLS"
            ))),
        }
    }

    /// The problem that a call got no answer in time.
    pub(crate) fn silent(&self, accepted: bool) -> RedisTrouble {
        let limit = CALL_TIMEOUT.as_millis();
        RedisTrouble::new(if accepted {
            format!("{self} takes connections, and does not answer within {limit} ms")
        } else {
            format!("{self} does not answer within {limit} ms")
        })
    }

    /// The problem that a working connection was closed.
    pub(crate) fn hung_up(&self) -> RedisTrouble {
        RedisTrouble::new(format!("{self} has closed the connection"))
    }

    async fn dial(&self, host: &str, port: u16) -> Result<TcpStream, RedisTrouble> {
        let unresolved = |error: io::Error| {
            RedisTrouble::new(format!("the host of {self} cannot be resolved: {error}"))
                .with_remedy(CHECK_ADDRESS)
        };
        let addresses: Vec<SocketAddr> =
            lookup_host((host, port)).await.map_err(unresolved)?.collect();
        if addresses.is_empty() {
            return Err(unresolved(io::ErrorKind::NotFound.into()));
        }
        let dials = addresses.into_iter().map(|address| Box::pin(dial(address)));
        let (stream, _) = select_ok(dials).await.map_err(|error| self.unreachable(&error))?;
        Ok(stream)
    }

    async fn open<S>(
        &self,
        mut stream: S,
        accepted: &AtomicBool,
    ) -> Result<RedisConnection, RedisTrouble>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        accepted.store(true, Ordering::Relaxed);
        self.handshake(&mut stream).await?;
        let settings = RedisConnectionInfo::default().set_skip_set_lib_name();
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None)
            .set_pipeline_buffer_size(CALLS_QUEUED_MAX);
        let opened = MultiplexedConnection::new_with_config(&settings, stream, config).await;
        let (commands, driver) = opened.map_err(|_| self.hung_up())?;
        Ok(RedisConnection { commands, driver: tokio::spawn(driver).abort_handle() })
    }

    /// The handshake: succeeds if the server answers like Redis and accepts the login.
    async fn handshake(
        &self,
        stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    ) -> Result<(), RedisTrouble> {
        let settings = self.info.redis_settings();
        match settings.password() {
            Some(password) => {
                let mut command = redis::cmd("AUTH");
                command.arg(settings.username()).arg(password);
                self.ask(stream, &command).await?.map_err(|reply| self.refused(&reply))?;
            }
            None => match self.ask(stream, &redis::cmd("PING")).await? {
                Err(reply) if !CONNECTION_WORKS.iter().any(|code| reply.starts_with(code)) => {
                    return Err(self.refused(&reply));
                }
                _ => {}
            },
        }
        if settings.db() != 0 {
            let mut command = redis::cmd("SELECT");
            command.arg(settings.db());
            self.ask(stream, &command).await?.map_err(|reply| self.refused(&reply))?;
        }
        Ok(())
    }

    /// Sends a command with a one-line reply, and reads it. `Ok(Err(_))` is an error reply.
    async fn ask(
        &self,
        stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
        command: &Cmd,
    ) -> Result<Result<(), String>, RedisTrouble> {
        // A full server sends its reason and closes before it reads anything. So a failed write is
        // no error yet: the reply, if there is one, is the better reason.
        let _ = stream.write_all(&command.get_packed_command()).await;
        let line = first_line(stream).await;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
        match line.first() {
            Some(b'+') => Ok(Ok(())),
            Some(b'-') => Ok(Err(text(&line[1..]))),
            Some(&TLS_ALERT) => Err(RedisTrouble::new(format!("{self} speaks TLS"))
                .with_remedy("name a port that Redis serves without TLS in --redis")),
            Some(_) => {
                let reply = self.redactor.redact(&text(&line));
                Err(RedisTrouble::new(format!("{self} is not Redis, it says: {reply}"))
                    .with_remedy(CHECK_ADDRESS))
            }
            None => Err(RedisTrouble::new(format!("{self} closes the connection without a word"))
                .with_remedy("is it Redis, and is TLS off on that port?")),
        }
    }

    fn refused(&self, reply: &str) -> RedisTrouble {
        RedisTrouble { text: self.redactor.redact(reply), remedy: remedy(reply) }
    }

    fn unreachable(&self, error: &io::Error) -> RedisTrouble {
        RedisTrouble::new(format!("{self} cannot be reached: {error}"))
    }
}

/// The address, without user and password.
impl std::fmt::Display for RedisConnector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.info.addr().fmt(f)
    }
}

/// Whether an `@` follows a `/`, `?` or `#`: then that character was meant as part of the password,
/// and a parser takes a piece of the password for the host, which error texts show.
fn has_unescaped_password(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else { return false };
    let is_unix = scheme.ends_with("unix");
    !is_unix && rest.find(['/', '?', '#']).is_some_and(|end| rest[end..].contains('@'))
}

async fn dial(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let keepalive =
        TcpKeepalive::new().with_time(TCP_KEEPALIVE_IDLE).with_interval(TCP_KEEPALIVE_EVERY);
    let socket = SockRef::from(&stream);
    socket.set_tcp_keepalive(&keepalive)?;
    socket.set_tcp_user_timeout(Some(TCP_USER_TIMEOUT))?;
    Ok(stream)
}

/// The first line, up to [`GREETING_BYTES_MAX`] bytes, or its beginning if the connection is lost.
async fn first_line(stream: &mut (impl AsyncRead + Unpin)) -> Vec<u8> {
    let mut line = Vec::new();
    let _ = BufReader::new(stream.take(GREETING_BYTES_MAX)).read_until(b'\n', &mut line).await;
    line
}
