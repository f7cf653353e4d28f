//! For tests: a real redis-server that can be stopped, paused and emptied, and a proxy that delays
//! commands.

mod redis_server;
mod slow_proxy;

pub use redis_server::{RedisServer, RedisServerError};
pub use slow_proxy::SlowProxy;
