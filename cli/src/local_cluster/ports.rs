//! A block of ports, leased for as long as a cluster exists.

use std::{
    fs::{self, File, TryLockError},
    io,
    net::{Ipv4Addr, TcpListener, UdpSocket},
    ops::Range,
};

use crate::defaults::{PORT_RANGE_END, PORT_RANGE_START, PORTS_PER_CLUSTER};

/// A block of ports of 127.0.0.1. No other cluster of this user takes one of them, even while the
/// program that listens there is down.
#[derive(Debug)]
pub(super) struct Ports {
    free: Range<u16>,
    /// The lock on this file is the lease. The kernel releases it however the process ends.
    _lease: File,
}

impl Ports {
    /// Leases a block without a port in use.
    pub(super) fn lease() -> io::Result<Self> {
        let user = rustix::process::getuid().as_raw();
        let folder = std::env::temp_dir().join(format!("trunkline-ports-{user}"));
        fs::create_dir_all(&folder)?;
        let blocks = (PORT_RANGE_END - PORT_RANGE_START) / PORTS_PER_CLUSTER;
        let first = fastrand::u16(..blocks);
        for block in (first..blocks).chain(0..first) {
            let start = PORT_RANGE_START + block * PORTS_PER_CLUSTER;
            let lease = File::create(folder.join(start.to_string()))?;
            match lease.try_lock() {
                Err(TryLockError::WouldBlock) => continue,
                Err(TryLockError::Error(error)) => return Err(error),
                Ok(()) => {}
            }
            let free = start..start + PORTS_PER_CLUSTER;
            if free.clone().all(is_free) {
                return Ok(Self { free, _lease: lease });
            }
        }
        Err(io::Error::new(io::ErrorKind::AddrInUse, "no block of free ports is left"))
    }

    /// The default port if one is given and free, else the next one of the block.
    ///
    /// # Panics
    /// If the block is used up, at 30 nodes.
    pub(super) fn take(&mut self, default: Option<u16>) -> u16 {
        let default = default.filter(|port| is_free(*port));
        default.unwrap_or_else(|| self.free.next().expect("a cluster has at most 30 nodes"))
    }
}

fn is_free(port: u16) -> bool {
    let address = (Ipv4Addr::LOCALHOST, port);
    TcpListener::bind(address).is_ok() && UdpSocket::bind(address).is_ok()
}
