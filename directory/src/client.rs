//! The connection to Redis: opened when it is first needed, shared by all calls, replaced as soon
//! as it can no longer be trusted.
//!
//! The library's own connection manager keeps a connection whose answers time out, and keeps a
//! refused password until the process ends; here each of them costs one failed call.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use redis::{
    AsyncConnectionConfig, Cmd, ErrorKind, FromRedisValue, IntoConnectionInfo, RedisError,
    RedisResult, ServerErrorKind, ToRedisArgs,
    aio::MultiplexedConnection,
    io::tcp::{TcpSettings, socket2::TcpKeepalive},
};
use tokio::{sync::OnceCell, time};

use crate::{
    defaults::{
        CALL_TIMEOUT, CALLS_QUEUED_MAX, TCP_KEEPALIVE_EVERY, TCP_KEEPALIVE_IDLE, TCP_USER_TIMEOUT,
    },
    error::{CallError, ConfigError},
    scripts::Script,
};

/// One connection that is opened by whoever needs it first.
type Slot = Arc<OnceCell<MultiplexedConnection>>;

/// Says things to Redis. Each call fails within [`CALL_TIMEOUT`].
pub(crate) struct Client {
    redis: redis::Client,
    config: AsyncConnectionConfig,
    current: Mutex<Slot>,
}

impl Client {
    /// Reads the URL; nothing is sent before the first call.
    pub(crate) fn new(url: &str) -> Result<Self, ConfigError> {
        let unusable = |error: RedisError| ConfigError::Url(error.to_string());
        let info = url.into_connection_info().map_err(unusable)?;
        let redis = redis::Client::open(info.set_tcp_settings(tcp_settings())).map_err(unusable)?;
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None)
            .set_pipeline_buffer_size(CALLS_QUEUED_MAX);
        Ok(Self { redis, config, current: Mutex::default() })
    }

    /// Sends one command and reads its answer.
    pub(crate) async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, CallError> {
        let slot = self.slot();
        self.within_time(&slot, self.answer(&slot, command)).await
    }

    /// Runs a script on its one key, and teaches it to Redis where it is not known yet.
    pub(crate) async fn run<T: FromRedisValue>(
        &self,
        script: &Script,
        key: &str,
        arguments: &impl ToRedisArgs,
    ) -> Result<T, CallError> {
        let slot = self.slot();
        let call = async {
            match self.answer(&slot, &script.by_digest(key, arguments)).await {
                Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                    self.answer(&slot, &script.by_code(key, arguments)).await
                }
                answer => answer,
            }
        };
        self.within_time(&slot, call).await
    }

    async fn answer<T: FromRedisValue>(&self, slot: &Slot, command: &Cmd) -> RedisResult<T> {
        let connect = || self.redis.get_multiplexed_async_connection_with_config(&self.config);
        let answer = match slot.get_or_try_init(connect).await {
            Ok(connection) => command.query_async(&mut connection.clone()).await,
            Err(error) => Err(error),
        };
        if answer.as_ref().is_err_and(breaks_connection) {
            self.replace(slot);
        }
        answer
    }

    async fn within_time<T>(
        &self,
        slot: &Slot,
        call: impl Future<Output = RedisResult<T>>,
    ) -> Result<T, CallError> {
        match time::timeout(CALL_TIMEOUT, call).await {
            Ok(answer) => answer.map_err(named),
            Err(_) => {
                self.replace(slot);
                Err(CallError::TimedOut)
            }
        }
    }

    fn slot(&self) -> Slot {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes the next call open a new connection; calls that wait on the old one keep it alive.
    fn replace(&self, broken: &Slot) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&current, broken) {
            *current = Slot::default();
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

fn tcp_settings() -> TcpSettings {
    let keepalive =
        TcpKeepalive::new().with_time(TCP_KEEPALIVE_IDLE).with_interval(TCP_KEEPALIVE_EVERY);
    TcpSettings::default()
        .set_nodelay(true)
        .set_keepalive(keepalive)
        .set_user_timeout(TCP_USER_TIMEOUT)
}

/// Whether another connection may do better: anything but an answer, and the answers of a server
/// that was demoted to a replica while the address moved on.
fn breaks_connection(error: &RedisError) -> bool {
    match error.kind() {
        ErrorKind::Server(kind) => {
            matches!(kind, ServerErrorKind::ReadOnly | ServerErrorKind::MasterDown)
        }
        ErrorKind::Extension | ErrorKind::UnexpectedReturnType => false,
        _ => true,
    }
}

fn named(error: RedisError) -> CallError {
    match error.kind() {
        ErrorKind::Server(_) | ErrorKind::Extension | ErrorKind::UnexpectedReturnType => {
            CallError::Refused(error)
        }
        _ => CallError::Away(error),
    }
}
