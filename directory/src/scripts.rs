//! The Lua scripts. Each has exactly one key, so all of them run unchanged on a Redis Cluster.
//!
//! A slow Redis may execute a command seconds after its sender has given it up. Without a fence, a
//! late registration of a dead incarnation could take effect after the purge, and nobody would ever
//! remove it. So each script that changes an entry for a live node gets the end of its lease as a
//! fence (`ARGV[1]`, Unix ms by Redis's clock); after it, the script changes nothing and returns by
//! how many ms it is late.

use std::sync::LazyLock;

use redis::{Cmd, ToRedisArgs};

/// The start of a command call in a script.
const CALL: &str = "redis.call('";

/// A script and its digest.
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

    /// Its name in this module.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// The command that line number `line` (from 1) calls. Each line calls one at most.
    pub(crate) fn command_at(&self, line: usize) -> Option<&'static str> {
        let line = self.code.lines().nth(line.checked_sub(1)?)?;
        let (_, call) = line.split_once(CALL)?;
        call.split('\'').next()
    }

    /// The short call, by digest. Redis refuses it until it has cached the script.
    pub(crate) fn by_digest(&self, key: &str, arguments: &impl ToRedisArgs) -> Cmd {
        call("EVALSHA", &self.digest, key, arguments)
    }

    /// The call with the code, which makes Redis cache the script.
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
    /// Acquires the lease unless another incarnation has it; the holder itself may repeat the call,
    /// whose answer may have been lost. `ARGV`: incarnation, TTL in ms. Returns the lease's end and
    /// an empty string, or 0 and the holder.
    LEASE_ACQUIRE,
    clock!(),
    "local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return {0, holder} end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return {now + ARGV[2], ''}"
);

script!(
    /// Renews the lease, but never acquires a free one: then Redis may have lost the node's
    /// entries, and only a new incarnation registers them again. `ARGV`: incarnation, TTL in ms.
    /// Returns the lease's end and an empty string, or 0 and the holder (empty: none).
    LEASE_RENEW,
    clock!(),
    "local holder = redis.call('GET', KEYS[1])
if holder ~= ARGV[1] then return {0, holder or ''} end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return {now + ARGV[2], ''}"
);

script!(
    /// Removes the lease if the incarnation has it. `ARGV`: incarnation. Returns the ms until its
    /// end, and the holder (empty: none).
    LEASE_REMOVE,
    "local holder = redis.call('GET', KEYS[1])
if holder ~= ARGV[1] then return {0, holder or ''} end
local left = redis.call('PTTL', KEYS[1])
redis.call('DEL', KEYS[1])
return {left, holder}"
);

script!(
    /// Returns the ms until the lease's end, and the holder (empty: none).
    LEASE_READ,
    "local left = redis.call('PTTL', KEYS[1])
return {left, redis.call('GET', KEYS[1]) or ''}"
);

script!(
    /// Removes a node's record if it is that of an incarnation. `ARGV`: node, incarnation. Returns
    /// whether it was.
    RECORD_RETRACT,
    "local text = redis.call('HGET', KEYS[1], ARGV[1])
if not text then return 0 end
local read, record = pcall(cjson.decode, text)
if not read or type(record) ~= 'table' or record.incarnation ~= ARGV[2] then return 0 end
return redis.call('HDEL', KEYS[1], ARGV[1])"
);

script!(
    /// Adds a user to a node's index; the later of two times stays. `ARGV`: fence, time of the
    /// first session, user. Returns how late it is.
    INDEX_ENTER,
    fence!(),
    "if late > 0 then return late end
redis.call('ZADD', KEYS[1], 'GT', ARGV[2], ARGV[3])
return 0"
);

script!(
    /// Removes a user from a node's index, unless its time is later: then the user has logged in
    /// again, and this command is late. `ARGV`: fence, time of the first session, user. Returns how
    /// late it is, and whether the user was removed.
    INDEX_LEAVE,
    fence!(),
    "if late > 0 then return {late, 0} end
local since = redis.call('ZSCORE', KEYS[1], ARGV[3])
if not since or tonumber(since) > tonumber(ARGV[2]) then return {0, 0} end
return {0, redis.call('ZREM', KEYS[1], ARGV[3])}"
);

script!(
    /// Writes a user's entry for a node. `ARGV`: fence, node, incarnation. Returns how late it is,
    /// and the user's other nodes with their incarnations.
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
    /// Removes a user's entry for a node if it is that of an incarnation: a newer one's stays.
    /// `ARGV`: fence, node, incarnation. Returns how late it is, whether the entry was removed, and
    /// whether the user has another.
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
    fn line_of_a_script_calls_one_command_at_most() {
        let scripts = [
            &LEASE_ACQUIRE,
            &LEASE_RENEW,
            &LEASE_REMOVE,
            &LEASE_READ,
            &RECORD_RETRACT,
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
