//! The calls to Redis, over one connection that the first call opens, that all calls share, and
//! that is replaced when it may be broken.
//!
//! redis-rs's own connection manager keeps a connection whose answers time out, and repeats a
//! rejected login only in a new process; here each of them costs one failed call.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use redis::{Arg, Cmd, ErrorKind, FromRedisValue, RedisError, ServerErrorKind, ToRedisArgs};
use tokio::{
    sync::OnceCell,
    time::{self, error::Elapsed},
};

use crate::{
    defaults::CALL_TIMEOUT,
    error::{CallError, ConfigError},
    keys::Keys,
    redis_connector::{RedisConnection, RedisConnector},
    reply::{RedisTrouble, error_text, remedy, split_script_error},
    scripts::Script,
    trouble::{ActiveTroubles, TroubleSubject},
};

/// Error codes of a server that executes no commands at the moment.
const SERVES_NOTHING: [&str; 5] = ["LOADING", "MASTERDOWN", "CLUSTERDOWN", "BUSY", "NOAUTH"];

/// Error codes that concern all writes, so the command adds no information.
const NO_WRITES: [&str; 4] = ["OOM", "READONLY", "MISCONF", "NOREPLICAS"];

/// Error codes of a Redis Cluster's node that does not have the key. The rest of the text names the
/// key.
const OTHER_NODE: [&str; 2] = ["MOVED ", "ASK "];

/// Calls Redis. Each call fails within [`CALL_TIMEOUT`].
pub(crate) struct RedisClient {
    connector: RedisConnector,
    keys: Keys,
    current: Mutex<Arc<SharedConnection>>,
    troubles: ActiveTroubles,
}

/// One connection; the first call that needs it opens it.
#[derive(Default)]
struct SharedConnection {
    connection: OnceCell<RedisConnection>,
    /// The server has accepted it.
    accepted: AtomicBool,
}

/// One call, as error texts describe it.
enum Call<'a> {
    Command(&'a Cmd),
    Script(&'a Script, &'a str),
}

enum CallFailure {
    NotConnected(RedisTrouble),
    /// redis-rs's error: an error reply, or a lost connection.
    Library(RedisError),
}

impl RedisClient {
    /// Parses the URL. The first call connects.
    pub(crate) fn new(url: &str, keys: Keys) -> Result<Self, ConfigError> {
        let connector = RedisConnector::parse(url)?;
        let troubles = ActiveTroubles::default();
        Ok(Self { connector, keys, current: Mutex::default(), troubles })
    }

    /// Sends one command and reads its answer.
    pub(crate) async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, CallError> {
        let shared = self.current();
        let answer = time::timeout(CALL_TIMEOUT, self.answer(&shared, command)).await;
        self.evaluate(&shared, &Call::Command(command), answer)
    }

    /// Runs a script on its key, and loads it if Redis has not cached it yet.
    pub(crate) async fn run<T: FromRedisValue>(
        &self,
        script: &Script,
        key: &str,
        arguments: &impl ToRedisArgs,
    ) -> Result<T, CallError> {
        let shared = self.current();
        let answer = time::timeout(CALL_TIMEOUT, async {
            match self.answer(&shared, &script.by_digest(key, arguments)).await {
                Err(CallFailure::Library(error))
                    if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) =>
                {
                    self.answer(&shared, &script.by_code(key, arguments)).await
                }
                answer => answer,
            }
        });
        self.evaluate(&shared, &Call::Script(script, key), answer.await)
    }

    /// The current problems with Redis on one line; `None` if there are none.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.troubles.one_line()
    }

    async fn answer<T: FromRedisValue>(
        &self,
        shared: &SharedConnection,
        command: &Cmd,
    ) -> Result<T, CallFailure> {
        let connect = || self.connector.connect(&shared.accepted);
        let connection =
            shared.connection.get_or_try_init(connect).await.map_err(CallFailure::NotConnected)?;
        let mut commands = connection.commands.clone();
        command.query_async(&mut commands).await.map_err(CallFailure::Library)
    }

    /// Updates the current problems, and replaces a connection that may be broken.
    fn evaluate<T>(
        &self,
        shared: &Arc<SharedConnection>,
        call: &Call<'_>,
        answer: Result<Result<T, CallFailure>, Elapsed>,
    ) -> Result<T, CallError> {
        let (error, trouble) = match answer {
            Ok(Ok(answer)) => {
                self.troubles.succeeded(|| call.subject(&self.keys));
                return Ok(answer);
            }
            Ok(Err(CallFailure::NotConnected(trouble))) => {
                self.replace(shared);
                (CallError::Away(trouble.to_string()), trouble)
            }
            Ok(Err(CallFailure::Library(error))) => {
                if breaks_connection(&error) {
                    self.replace(shared);
                }
                self.classify(call, &error)
            }
            // The connection may have been cut without a reset, or its server may hang: a new one
            // costs little, and the old one may never answer.
            Err(Elapsed { .. }) => {
                self.replace(shared);
                let accepted = shared.accepted.load(Ordering::Relaxed);
                (CallError::TimedOut, self.connector.silent(accepted))
            }
        };
        let subject = match &error {
            CallError::Refused(_) => {
                self.troubles.answered();
                call.subject(&self.keys)
            }
            CallError::TimedOut | CallError::Away(_) => TroubleSubject::Redis,
        };
        self.troubles.failed(subject, trouble);
        Err(error)
    }

    fn classify(&self, call: &Call<'_>, error: &RedisError) -> (CallError, RedisTrouble) {
        let trouble = match error.kind() {
            ErrorKind::Server(_) | ErrorKind::Extension => self.refusal(call, &error_text(error)),
            ErrorKind::UnexpectedReturnType | ErrorKind::Parse => RedisTrouble::new(format!(
                "{} has answered {} with something that Redis never does",
                self.connector,
                call.name()
            )),
            _ => self.connector.hung_up(),
        };
        let text = trouble.to_string();
        let serves_nothing = SERVES_NOTHING.iter().any(|code| text.starts_with(code));
        let error = match error.kind() {
            _ if serves_nothing => CallError::Away(text),
            ErrorKind::Server(_) | ErrorKind::Extension | ErrorKind::UnexpectedReturnType => {
                CallError::Refused(text)
            }
            _ => CallError::Away(text),
        };
        (error, trouble)
    }

    /// Redis's error reply, with the command and the kind of key if the reply does not name them.
    fn refusal(&self, call: &Call<'_>, reply: &str) -> RedisTrouble {
        let (error, line) = split_script_error(reply);
        let reply = self.connector.redactor().redact(error);
        // Redis 7.0 neither names a command that a script may not call, nor calls it a NOPERM.
        let denied_in_script = error.starts_with("ERR The user executing the script");
        let text = match (call, line) {
            (Call::Script(script, _), Some(line)) if denied_in_script => {
                let command = script.command_at(line).unwrap_or("a command");
                format!("NOPERM {command} in a script: {reply}")
            }
            _ if let Some(code) = OTHER_NODE.iter().find(|code| reply.starts_with(*code)) => {
                format!("{code}to another node of its cluster")
            }
            _ if reply.contains("' command") => reply,
            _ if NO_WRITES.iter().chain(&SERVES_NOTHING).any(|code| reply.starts_with(code)) => {
                reply
            }
            _ => format!("{reply} ({})", call.description(&self.keys)),
        };
        let remedy = remedy(&text);
        RedisTrouble { text, remedy }
    }

    fn current(&self) -> Arc<SharedConnection> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes the next call open a new connection. Calls that wait on the old one keep it open.
    /// Several calls may report the same broken connection; only the first of them replaces it.
    fn replace(&self, broken: &Arc<SharedConnection>) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&current, broken) {
            *current = Arc::default();
        }
    }
}

impl Call<'_> {
    fn name(&self) -> String {
        match self {
            Self::Script(script, _) => script.name().to_owned(),
            Self::Command(command) => match command.args_iter().next() {
                Some(Arg::Simple(name)) => String::from_utf8_lossy(name).into_owned(),
                _ => String::new(),
            },
        }
    }

    /// The kind of its key, if it has a key.
    fn key_kind(&self, keys: &Keys) -> Option<String> {
        match self {
            Self::Script(_, key) => keys.kind_of(key),
            Self::Command(command) => command.args_iter().find_map(|argument| match argument {
                Arg::Simple(argument) => keys.kind_of(std::str::from_utf8(argument).ok()?),
                _ => None,
            }),
        }
    }

    fn subject(&self, keys: &Keys) -> TroubleSubject {
        TroubleSubject::Call { name: self.name(), keys: self.key_kind(keys) }
    }

    /// The command and the kind of its key, without users and nodes.
    fn description(&self, keys: &Keys) -> String {
        let command = match self {
            Self::Script(..) => "EVALSHA".to_owned(),
            Self::Command(_) => self.name(),
        };
        match self.key_kind(keys) {
            Some(kind) => format!("{command} {kind}"),
            None => command,
        }
    }
}

// By hand, because the URL may contain a password.
impl fmt::Debug for RedisClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisClient").finish_non_exhaustive()
    }
}

/// Whether a new connection may help: after any error that is no reply, and after replies of a
/// server that is a replica now (the address may lead to the new primary), or that requires a login
/// again.
fn breaks_connection(error: &RedisError) -> bool {
    match error.kind() {
        ErrorKind::Server(kind) => {
            matches!(kind, ServerErrorKind::ReadOnly | ServerErrorKind::MasterDown)
        }
        ErrorKind::Extension => error.code() == Some("NOAUTH"),
        ErrorKind::UnexpectedReturnType => false,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripts::USER_ENTER;

    #[test]
    fn refusal_names_the_denied_command() {
        let client = RedisClient::new("redis://h", Keys::new("t").unwrap()).unwrap();
        let place = "script: 52c78892e1e24414cb2441a43719350ea7f6c973, on @user_script:5.";
        let in_script = |reply: &str| {
            let call = Call::Script(&USER_ENTER, "t:user:alice");
            client.refusal(&call, &format!("{reply} {place}")).text
        };
        assert_eq!(USER_ENTER.command_at(5), Some("HSET"));
        let seven = in_script("ERR The user executing the script can't run this command");
        assert!(seven.starts_with("NOPERM HSET in a script: ERR The user executing"), "{seven}");
        let newer =
            "NOPERM ACL failure in script: User me has no permissions to run the 'hset' command";
        assert_eq!(in_script(newer), newer);

        let mut command = redis::cmd("HGETALL");
        command.arg("t:user:alice");
        let refusal = |reply| client.refusal(&Call::Command(&command), reply);
        let named = "NOPERM User me has no permissions to run the 'hgetall' command";
        assert_eq!(refusal(named).text, named);
        let key = refusal("NOPERM No permissions to access a key");
        assert_eq!(key.text, "NOPERM No permissions to access a key (HGETALL t:user:*)");
        assert!(key.remedy.is_some());
        let moved = refusal("MOVED 3999 127.0.0.1:6381");
        assert_eq!(moved.text, "MOVED to another node of its cluster");
    }
}
