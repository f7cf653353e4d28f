//! The sockets of a proxy.

use std::{io, net::SocketAddr};

use socket2::{Domain, Socket, Type};
use tokio::net::UdpSocket;

use crate::defaults::PROXY_BUFFER_BYTES;

/// A UDP socket whose address other sockets may share: the kernel gives a datagram to the one that is
/// connected to its sender.
pub(super) fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    // The kernel may grant less.
    socket.set_recv_buffer_size(PROXY_BUFFER_BYTES)?;
    socket.set_send_buffer_size(PROXY_BUFFER_BYTES)?;
    socket.bind(&address.into())?;
    UdpSocket::from_std(socket.into())
}
