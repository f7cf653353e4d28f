//! The Lua that Redis runs. A script has exactly one key: there is no way to give it a second,
//! so each runs unchanged on a Redis Cluster.
//!
//! A command that its sender gave up on may still be executed, seconds later, by a Redis that was
//! slow. So every script that changes an entry for a living node carries the end of the lease
//! that it was sent under (`ARGV[1]`, Unix ms by Redis' clock), and after it changes nothing and
//! returns how late it is. So nothing that a condemned incarnation has sent can take effect
//! behind the back of its purge.

use std::sync::LazyLock;

use redis::{Cmd, ToRedisArgs};

/// How a script calls a command.
const CALL: &str = "redis.call('";

/// A script and the digest that Redis knows it by.
#[derive(Debug)]
pub(crate) struct Script {
    name: &'static str,
    code: &'static str,
    digest: String,
}

impl Script {
    fn new(name: &'static str, code: &'static str) -> Self {
        Self { name, code, digest: redis::Script::new(code).get_hash().to_owned() }
    }

    /// What it is called here.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// The command that a line of it calls, counted from 1. There is one at most on each.
    pub(crate) fn command_at(&self, line: usize) -> Option<&'static str> {
        let line = self.code.lines().nth(line.checked_sub(1)?)?;
        let (_, call) = line.split_once(CALL)?;
        call.split('\'').next()
    }

    /// The call that costs little, and that a Redis refuses which does not know the script yet.
    pub(crate) fn by_digest(&self, key: &str, arguments: &impl ToRedisArgs) -> Cmd {
        call("EVALSHA", &self.digest, key, arguments)
    }

    /// The call that also teaches Redis the script.
    pub(crate) fn by_code(&self, key: &str, arguments: &impl ToRedisArgs) -> Cmd {
        call("EVAL", self.code, key, arguments)
    }
}

fn call(command: &str, script: &str, key: &str, arguments: &impl ToRedisArgs) -> Cmd {
    let mut cmd = redis::cmd(command);
    cmd.arg(script).arg(1).arg(key).arg(arguments);
    cmd
}

macro_rules! script {
    ($(#[$doc:meta])* $name:ident, $($part:expr),+) => {
        $(#[$doc])*
        pub(crate) static $name: LazyLock<Script> =
            LazyLock::new(|| Script::new(stringify!($name), concat!($($part),+)));
    };
}

macro_rules! clock {
    () => {
        "local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"
    };
}

macro_rules! fence {
    () => {
        concat!(clock!(), "local late = now - ARGV[1]\n")
    };
}

script!(
    /// Takes the lease if nobody else has it. `ARGV`: incarnation, TTL in ms. Returns the lease's
    /// end and an empty string, or 0 and who has it.
    LEASE_ACQUIRE,
    clock!(),
    "local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return {0, holder} end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return {now + ARGV[2], ''}"
);

script!(
    /// Prolongs the lease, never takes it. `ARGV`: incarnation, TTL in ms. Returns the lease's end
    /// and an empty string, or 0 and who has it (empty: nobody).
    LEASE_RENEW,
    clock!(),
    "local holder = redis.call('GET', KEYS[1])
if holder ~= ARGV[1] then return {0, holder or ''} end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return {now + ARGV[2], ''}"
);

script!(
    /// Removes the lease if the incarnation has it. `ARGV`: incarnation. Returns the ms it would
    /// have lasted, and who had it (empty: nobody).
    LEASE_REMOVE,
    "local holder = redis.call('GET', KEYS[1])
if holder ~= ARGV[1] then return {0, holder or ''} end
local left = redis.call('PTTL', KEYS[1])
redis.call('DEL', KEYS[1])
return {left, holder}"
);

script!(
    /// Returns the ms that the lease lasts, and who has it (empty: nobody).
    LEASE_READ,
    "local left = redis.call('PTTL', KEYS[1])
return {left, redis.call('GET', KEYS[1]) or ''}"
);

script!(
    /// Removes a node's card if it is still that of an incarnation. `ARGV`: node, incarnation.
    /// Returns whether it was.
    CARD_RETRACT,
    "local text = redis.call('HGET', KEYS[1], ARGV[1])
if not text then return 0 end
local read, card = pcall(cjson.decode, text)
if not read or type(card) ~= 'table' or card.incarnation ~= ARGV[2] then return 0 end
return redis.call('HDEL', KEYS[1], ARGV[1])"
);

script!(
    /// Puts a user in a node's index; of two times the later stays. `ARGV`: fence, time of the
    /// first session, user. Returns how late it is.
    INDEX_ENTER,
    fence!(),
    "if late > 0 then return late end
redis.call('ZADD', KEYS[1], 'GT', ARGV[2], ARGV[3])
return 0"
);

script!(
    /// Takes a user out of a node's index, unless a later time stands there: that of a user who
    /// came back. `ARGV`: fence, time of the first session, user. Returns how late it is, and
    /// whether an entry was removed.
    INDEX_LEAVE,
    fence!(),
    "if late > 0 then return {late, 0} end
local since = redis.call('ZSCORE', KEYS[1], ARGV[3])
if not since or tonumber(since) > tonumber(ARGV[2]) then return {0, 0} end
return {0, redis.call('ZREM', KEYS[1], ARGV[3])}"
);

script!(
    /// Says that a user has a session on a node. `ARGV`: fence, node, incarnation. Returns how
    /// late it is, and the user's other nodes with their incarnations.
    USER_ENTER,
    fence!(),
    "if late > 0 then return {late, {}} end
redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
local all = redis.call('HGETALL', KEYS[1])
local others = {}
for i = 1, #all, 2 do
  if all[i] ~= ARGV[2] then
    others[#others + 1] = all[i]
    others[#others + 1] = all[i + 1]
  end
end
return {0, others}"
);

script!(
    /// Removes a user's entry for a node if it is that of an incarnation. `ARGV`: fence, node,
    /// incarnation. Returns how late it is, whether an entry was removed, and whether the user
    /// has another.
    USER_LEAVE,
    fence!(),
    "if late > 0 then return {late, 0, 0} end
local removed = 0
if redis.call('HGET', KEYS[1], ARGV[2]) == ARGV[3] then
  removed = redis.call('HDEL', KEYS[1], ARGV[2])
end
return {0, removed, redis.call('EXISTS', KEYS[1])}"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_of_a_script_calls_one_command_at_most() {
        let scripts = [
            &LEASE_ACQUIRE,
            &LEASE_RENEW,
            &LEASE_REMOVE,
            &LEASE_READ,
            &CARD_RETRACT,
            &INDEX_ENTER,
            &INDEX_LEAVE,
            &USER_ENTER,
            &USER_LEAVE,
        ];
        for script in scripts {
            for line in script.code.lines() {
                assert!(line.matches(CALL).count() <= 1, "{}: {line}", script.name);
            }
        }
        assert_eq!(LEASE_READ.command_at(2), Some("GET"));
        assert_eq!(LEASE_READ.name(), "LEASE_READ");
        assert_eq!(USER_ENTER.command_at(1), Some("TIME"));
        assert_eq!(USER_ENTER.command_at(0), None);
        assert_eq!(USER_ENTER.command_at(99), None);
    }
}
