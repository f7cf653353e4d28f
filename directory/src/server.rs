//! The server that the URL names: dialling it, and the first exchange with it.
//!
//! The library's own handshake drops what the server said: a refused login becomes "authentication
//! failed", an error that is followed by a hang-up "broken pipe". So the first exchange is made
//! here, and the library gets a connection that is known to work.

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
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpStream, UnixStream, lookup_host},
    task::AbortHandle,
};

use crate::{
    defaults::{
        CALL_TIMEOUT, CALLS_QUEUED_MAX, GREETING_BYTES_MAX, TCP_KEEPALIVE_EVERY,
        TCP_KEEPALIVE_IDLE, TCP_USER_TIMEOUT,
    },
    error::ConfigError,
    reply::{CHECK_ADDRESS, Cleaner, Trouble, remedy},
};

/// The first byte of a TLS alert, which a server that expects TLS answers a plain command with.
const TLS_ALERT: u8 = 0x15;

/// Refusals of a `PING` that concern that command or that moment. What is asked next gets an answer
/// of its own.
const CONNECTION_IS_GOOD: [&str; 5] = ["NOPERM", "MISCONF", "LOADING", "MASTERDOWN", "BUSY"];

/// Where Redis is, and who we are to it.
pub(crate) struct Server {
    info: ConnectionInfo,
    cleaner: Cleaner,
}

/// A connection that works, or did. Dropping it closes it.
pub(crate) struct Connection {
    /// Takes commands; cheap to clone.
    pub(crate) commands: MultiplexedConnection,
    driver: AbortHandle,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Server {
    /// Reads the URL.
    pub(crate) fn parse(url: &str) -> Result<Self, ConfigError> {
        if has_unescaped_password(url) {
            let hint = "write %2F, %3F and %23 for '/', '?' and '#' in a user or a password";
            return Err(ConfigError::Url(hint.to_owned()));
        }
        let unusable = |error: RedisError| ConfigError::Url(error.to_string());
        let info = url.into_connection_info().map_err(unusable)?;
        let cleaner = Cleaner::new(info.redis_settings().password());
        Ok(Self { info, cleaner })
    }

    /// Makes what the server said fit to be shown.
    pub(crate) fn cleaner(&self) -> &Cleaner {
        &self.cleaner
    }

    /// Opens a connection, logs in, and selects the database. Takes as long as it takes; `dialled`
    /// is set once the server has accepted the connection.
    pub(crate) async fn connect(&self, dialled: &AtomicBool) -> Result<Connection, Trouble> {
        match self.info.addr() {
            ConnectionAddr::Unix(path) => {
                let stream = UnixStream::connect(path).await;
                self.open(stream.map_err(|error| self.unreachable(&error))?, dialled).await
            }
            ConnectionAddr::Tcp(host, port) => {
                self.open(self.dial(host, *port).await?, dialled).await
            }
            // Never in plain what was to be encrypted.
            _ => Err(Trouble::new(format!("{self} cannot be spoken to over TLS by this build"))),
        }
    }

    /// What to say when a call got no answer in time.
    pub(crate) fn silent(&self, dialled: bool) -> Trouble {
        let limit = CALL_TIMEOUT.as_millis();
        Trouble::new(if dialled {
            format!("{self} takes connections, and does not answer within {limit} ms")
        } else {
            format!("{self} does not answer within {limit} ms")
        })
    }

    /// What to say when a connection that worked broke.
    pub(crate) fn hung_up(&self) -> Trouble {
        Trouble::new(format!("{self} has closed the connection"))
    }

    async fn dial(&self, host: &str, port: u16) -> Result<TcpStream, Trouble> {
        let unresolved = |error: io::Error| {
            Trouble::new(format!("the host of {self} cannot be resolved: {error}"))
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

    async fn open<S>(&self, mut stream: S, dialled: &AtomicBool) -> Result<Connection, Trouble>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        dialled.store(true, Ordering::Relaxed);
        self.greet(&mut stream).await?;
        let settings = RedisConnectionInfo::default().set_skip_set_lib_name();
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None)
            .set_pipeline_buffer_size(CALLS_QUEUED_MAX);
        let opened = MultiplexedConnection::new_with_config(&settings, stream, config).await;
        let (commands, driver) = opened.map_err(|_| self.hung_up())?;
        Ok(Connection { commands, driver: tokio::spawn(driver).abort_handle() })
    }

    /// The first exchange: it ends with a server that has answered as Redis does and lets us in.
    async fn greet(
        &self,
        stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    ) -> Result<(), Trouble> {
        let settings = self.info.redis_settings();
        match settings.password() {
            Some(password) => {
                let mut command = redis::cmd("AUTH");
                command.arg(settings.username()).arg(password);
                self.ask(stream, &command).await?.map_err(|said| self.refused(&said))?;
            }
            None => match self.ask(stream, &redis::cmd("PING")).await? {
                Err(said) if !CONNECTION_IS_GOOD.iter().any(|code| said.starts_with(code)) => {
                    return Err(self.refused(&said));
                }
                _ => {}
            },
        }
        if settings.db() != 0 {
            let mut command = redis::cmd("SELECT");
            command.arg(settings.db());
            self.ask(stream, &command).await?.map_err(|said| self.refused(&said))?;
        }
        Ok(())
    }

    /// Sends a command that is answered by one line, and reads that: `Err` within `Ok` is an error
    /// that the server answered.
    async fn ask(
        &self,
        stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
        command: &Cmd,
    ) -> Result<Result<(), String>, Trouble> {
        // A server that hangs up may have said why before it read anything: that counts, and not
        // that the command could not be written.
        let _ = stream.write_all(&command.get_packed_command()).await;
        let line = first_line(stream).await;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
        match line.first() {
            Some(b'+') => Ok(Ok(())),
            Some(b'-') => Ok(Err(text(&line[1..]))),
            Some(&TLS_ALERT) => Err(Trouble::new(format!("{self} speaks TLS"))
                .with_remedy("name a port that Redis serves without TLS in --redis")),
            Some(_) => {
                let said = self.cleaner.clean(&text(&line));
                Err(Trouble::new(format!("{self} is not Redis, it says: {said}"))
                    .with_remedy(CHECK_ADDRESS))
            }
            None => Err(Trouble::new(format!("{self} closes the connection without a word"))
                .with_remedy("is it Redis, and is TLS off on that port?")),
        }
    }

    fn refused(&self, said: &str) -> Trouble {
        Trouble { text: self.cleaner.clean(said), remedy: remedy(said) }
    }

    fn unreachable(&self, error: &io::Error) -> Trouble {
        Trouble::new(format!("{self} cannot be reached: {error}"))
    }
}

/// The address, without user and password.
impl std::fmt::Display for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.info.addr().fmt(f)
    }
}

/// Whether an `@` follows what ends the part of the URL that it belongs to: then a piece of the
/// password would be taken for the host, and shown.
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

/// What comes up to the end of the first line, of the connection, or of what is worth reading.
async fn first_line(stream: &mut (impl AsyncRead + Unpin)) -> Vec<u8> {
    let mut line = Vec::new();
    let mut limited = stream.take(GREETING_BYTES_MAX);
    while !line.contains(&b'\n') && matches!(limited.read_buf(&mut line).await, Ok(1..)) {}
    let end = line.iter().position(|&byte| byte == b'\n').unwrap_or(line.len());
    line.truncate(end);
    line
}
