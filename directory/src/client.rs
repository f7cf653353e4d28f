//! The calls to Redis, over one connection: opened when it is first needed, shared by all calls,
//! replaced as soon as it can no longer be trusted.
//!
//! The library's own connection manager keeps a connection whose answers time out, and keeps a
//! refused password until the process ends; here each of them costs one failed call.

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
    reply::{Trouble, remedy, split_script_error, words},
    scripts::Script,
    server::{Connection, Server},
    trouble::{Subject, Troubles},
};

/// Answers of a server that serves nobody at the moment, whatever is asked.
const SERVES_NOBODY: [&str; 5] = ["LOADING", "MASTERDOWN", "CLUSTERDOWN", "BUSY", "NOAUTH"];

/// Refusals that concern whatever is written, and so need not name what was.
const NO_WRITES: [&str; 4] = ["OOM", "READONLY", "MISCONF", "NOREPLICAS"];

/// How a node of a Redis Cluster says that another one has the key. The rest of it is about that key.
const ELSEWHERE: [&str; 2] = ["MOVED ", "ASK "];

/// Says things to Redis. Each call fails within [`CALL_TIMEOUT`].
pub(crate) struct Client {
    server: Server,
    keys: Keys,
    current: Mutex<Arc<Slot>>,
    troubles: Troubles,
}

/// One connection that is opened by whoever needs it first.
#[derive(Default)]
struct Slot {
    connection: OnceCell<Connection>,
    /// The server has accepted it.
    dialled: AtomicBool,
}

/// What is said.
enum Call<'a> {
    Command(&'a Cmd),
    Script(&'a Script, &'a str),
}

/// Why there is no good answer.
enum Failure {
    /// There is no connection.
    Unconnected(Trouble),
    /// What the library returned.
    Answer(RedisError),
}

impl Client {
    /// Reads the URL; nothing is sent before the first call.
    pub(crate) fn new(url: &str, keys: Keys) -> Result<Self, ConfigError> {
        let server = Server::parse(url)?;
        Ok(Self { server, keys, current: Mutex::default(), troubles: Troubles::default() })
    }

    /// Sends one command and reads its answer.
    pub(crate) async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, CallError> {
        let slot = self.slot();
        let answer = time::timeout(CALL_TIMEOUT, self.answer(&slot, command)).await;
        self.judge(&slot, &Call::Command(command), answer)
    }

    /// Runs a script on its one key, and teaches it to Redis where it is not known yet.
    pub(crate) async fn run<T: FromRedisValue>(
        &self,
        script: &Script,
        key: &str,
        arguments: &impl ToRedisArgs,
    ) -> Result<T, CallError> {
        let slot = self.slot();
        let answer = time::timeout(CALL_TIMEOUT, async {
            match self.answer(&slot, &script.by_digest(key, arguments)).await {
                Err(Failure::Answer(error))
                    if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) =>
                {
                    self.answer(&slot, &script.by_code(key, arguments)).await
                }
                answer => answer,
            }
        });
        self.judge(&slot, &Call::Script(script, key), answer.await)
    }

    /// What is wrong with Redis, or was when it was last tried; `None` while all is well.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.troubles.one_line()
    }

    async fn answer<T: FromRedisValue>(&self, slot: &Slot, command: &Cmd) -> Result<T, Failure> {
        let connect = || self.server.connect(&slot.dialled);
        let connection =
            slot.connection.get_or_try_init(connect).await.map_err(Failure::Unconnected)?;
        let mut commands = connection.commands.clone();
        command.query_async(&mut commands).await.map_err(Failure::Answer)
    }

    /// Keeps account of what is wrong with Redis, and of whether the connection is good.
    fn judge<T>(
        &self,
        slot: &Arc<Slot>,
        call: &Call<'_>,
        answer: Result<Result<T, Failure>, Elapsed>,
    ) -> Result<T, CallError> {
        let (error, trouble) = match answer {
            Ok(Ok(answer)) => {
                self.troubles.succeeded(|| call.subject(&self.keys));
                return Ok(answer);
            }
            Ok(Err(Failure::Unconnected(trouble))) => {
                self.replace(slot);
                (CallError::Away(trouble.to_string()), trouble)
            }
            Ok(Err(Failure::Answer(error))) => {
                if breaks_connection(&error) {
                    self.replace(slot);
                }
                self.read(call, &error)
            }
            Err(Elapsed { .. }) => {
                self.replace(slot);
                let dialled = slot.dialled.load(Ordering::Relaxed);
                (CallError::TimedOut, self.server.silent(dialled))
            }
        };
        let subject = match &error {
            CallError::Refused(_) => {
                self.troubles.answered();
                call.subject(&self.keys)
            }
            CallError::TimedOut | CallError::Away(_) => Subject::Redis,
        };
        self.troubles.note(subject, trouble);
        Err(error)
    }

    /// What an error of the library means.
    fn read(&self, call: &Call<'_>, error: &RedisError) -> (CallError, Trouble) {
        let trouble = match error.kind() {
            ErrorKind::Server(_) | ErrorKind::Extension => self.refusal(call, &words(error)),
            ErrorKind::UnexpectedReturnType | ErrorKind::Parse => Trouble::new(format!(
                "{} has answered {} with something that Redis never does",
                self.server,
                call.name()
            )),
            _ => self.server.hung_up(),
        };
        let text = trouble.to_string();
        let serves_nobody = SERVES_NOBODY.iter().any(|code| text.starts_with(code));
        let error = match error.kind() {
            _ if serves_nobody => CallError::Away(text),
            ErrorKind::Server(_) | ErrorKind::Extension | ErrorKind::UnexpectedReturnType => {
                CallError::Refused(text)
            }
            _ => CallError::Away(text),
        };
        (error, trouble)
    }

    /// What Redis said, and about what, where it does not say so itself.
    fn refusal(&self, call: &Call<'_>, said: &str) -> Trouble {
        let (error, line) = split_script_error(said);
        let said = self.server.cleaner().clean(error);
        // Redis 7.0 does not name a command that a script may not call, nor calls it a NOPERM.
        let denied_in_script = error.starts_with("ERR The user executing the script");
        let text = match (call, line) {
            (Call::Script(script, _), Some(line)) if denied_in_script => {
                let command = script.command_at(line).unwrap_or("a command");
                format!("NOPERM {command} in a script: {said}")
            }
            _ if let Some(code) = ELSEWHERE.iter().find(|code| said.starts_with(*code)) => {
                format!("{code}to another node of its cluster")
            }
            _ if said.contains("' command") => said,
            _ if NO_WRITES.iter().chain(&SERVES_NOBODY).any(|code| said.starts_with(code)) => said,
            _ => format!("{said} ({})", call.named(&self.keys)),
        };
        let remedy = remedy(&text);
        Trouble { text, remedy }
    }

    fn slot(&self) -> Arc<Slot> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes the next call open a new connection; calls that wait on the old one keep it alive.
    fn replace(&self, broken: &Arc<Slot>) {
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

    /// The kind of its key, if it has one.
    fn key_kind(&self, keys: &Keys) -> Option<String> {
        match self {
            Self::Script(_, key) => keys.kind_of(key),
            Self::Command(command) => command.args_iter().find_map(|argument| match argument {
                Arg::Simple(argument) => keys.kind_of(std::str::from_utf8(argument).ok()?),
                _ => None,
            }),
        }
    }

    fn subject(&self, keys: &Keys) -> Subject {
        Subject::Call { name: self.name(), keys: self.key_kind(keys) }
    }

    /// The command, on which kind of key: the same for all users and nodes.
    fn named(&self, keys: &Keys) -> String {
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

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

/// Whether another connection may do better: anything but an answer, and the answers of a server
/// that was demoted to a replica while the address moved on, or that has forgotten who we are.
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
    fn denied_command_is_named_by_every_redis() {
        let client = Client::new("redis://h", Keys::new("t").unwrap()).unwrap();
        let place = "script: 52c78892e1e24414cb2441a43719350ea7f6c973, on @user_script:5.";
        let in_script = |said: &str| {
            let call = Call::Script(&USER_ENTER, "t:user:alice");
            client.refusal(&call, &format!("{said} {place}")).text
        };
        assert_eq!(USER_ENTER.command_at(5), Some("HSET"));
        let seven = in_script("ERR The user executing the script can't run this command");
        assert!(seven.starts_with("NOPERM HSET in a script: ERR The user executing"), "{seven}");
        let newer =
            "NOPERM ACL failure in script: User me has no permissions to run the 'hset' command";
        assert_eq!(in_script(newer), newer);

        let mut command = redis::cmd("HGETALL");
        command.arg("t:user:alice");
        let refusal = |said| client.refusal(&Call::Command(&command), said);
        let named = "NOPERM User me has no permissions to run the 'hgetall' command";
        assert_eq!(refusal(named).text, named);
        let key = refusal("NOPERM No permissions to access a key");
        assert_eq!(key.text, "NOPERM No permissions to access a key (HGETALL t:user:*)");
        assert!(key.remedy.is_some());
        let moved = refusal("MOVED 3999 127.0.0.1:6381");
        assert_eq!(moved.text, "MOVED to another node of its cluster");
    }
}
