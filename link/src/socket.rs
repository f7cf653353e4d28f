use std::{
    io,
    net::{SocketAddr, UdpSocket},
    sync::Once,
};

use socket2::{Domain, Protocol, Socket, Type};
use thiserror::Error;
use tracing::warn;

use crate::defaults::UDP_BUFFER_BYTES;

/// Why a UDP address could not be bound.
#[derive(Debug, Error)]
#[error("cannot bind UDP {address}: {source}")]
pub struct BindError {
    /// The requested address.
    pub address: SocketAddr,
    /// The system's error.
    #[source]
    pub source: io::Error,
}

/// Binds a UDP socket with large buffers, and warns once per process if the kernel grants less.
///
/// # Errors
/// If the address is not available.
pub fn bind(address: SocketAddr) -> Result<UdpSocket, BindError> {
    let socket = open(address).map_err(|source| BindError { address, source })?;
    static WARNED: Once = Once::new();
    WARNED.call_once(|| {
        warn_if_less("net.core.rmem_max", socket.recv_buffer_size());
        warn_if_less("net.core.wmem_max", socket.send_buffer_size());
    });
    Ok(socket.into())
}

fn open(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    // Smaller buffers are no failure: `bind` reads the granted sizes back and warns.
    let _ = socket.set_recv_buffer_size(UDP_BUFFER_BYTES);
    let _ = socket.set_send_buffer_size(UDP_BUFFER_BYTES);
    socket.bind(&address.into())?;
    Ok(socket)
}

fn warn_if_less(sysctl: &str, granted: io::Result<usize>) {
    let granted = granted.unwrap_or(0);
    // Linux reports twice the granted size, to account for its own bookkeeping.
    if granted < UDP_BUFFER_BYTES {
        warn!(
            granted_bytes = granted,
            wanted_bytes = UDP_BUFFER_BYTES,
            "the kernel grants small UDP buffers, which limits throughput: raise {sysctl}"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bind_error_names_the_address() {
        let first = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let taken = first.local_addr().unwrap();
        let error = bind(taken).expect_err("the port is taken");
        assert!(error.to_string().contains(&taken.to_string()), "{error}");
    }
}
