//! For tests: a real redis-server that can be stopped, frozen and emptied, and a proxy that
//! delivers commands late.

mod redis_server;
mod slow_proxy;

pub use redis_server::{RedisServer, RedisServerError};
pub use slow_proxy::SlowProxy;
