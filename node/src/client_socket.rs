//! The socket of one client, in the clear or under TLS, as a reading and a writing half. One task uses
//! both.

mod certificate;
mod tls;

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig};

pub use self::certificate::TlsFilesError;
pub(crate) use self::certificate::{ServerTls, TlsFiles};
use self::tls::{TlsReader, TlsWriter};

/// The reading half.
#[derive(Debug)]
pub(crate) enum ClientReader {
    Clear(OwnedReadHalf),
    Tls(TlsReader),
}

/// The writing half.
#[derive(Debug)]
pub(crate) enum ClientWriter {
    Clear(OwnedWriteHalf),
    Tls(TlsWriter),
}

/// The halves of a connection in the clear.
pub(crate) fn in_the_clear(stream: TcpStream) -> (ClientReader, ClientWriter) {
    let (reading, writing) = stream.into_split();
    (ClientReader::Clear(reading), ClientWriter::Clear(writing))
}

/// Makes the server's part of a TLS handshake, and returns the halves of the connection.
pub(crate) async fn accept_tls(
    stream: TcpStream,
    config: Arc<ServerConfig>,
) -> io::Result<(ClientReader, ClientWriter)> {
    // Boxed, because it has room for the whole state of a handshake.
    let accepted = Box::pin(TlsAcceptor::from(config).accept(stream)).await?;
    let (stream, connection) = accepted.into_inner();
    let (reading, writing) = tls::split(stream, connection);
    Ok((ClientReader::Tls(reading), ClientWriter::Tls(writing)))
}

impl ClientWriter {
    /// Writes what the socket takes at once.
    pub(crate) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Clear(half) => half.as_ref().try_write(bytes),
            Self::Tls(half) => half.try_write(bytes),
        }
    }

    /// How many of the bytes that were written the kernel does not have completely: those in TLS
    /// records of which a part waits.
    pub(crate) fn unconfirmed(&self) -> usize {
        match self {
            Self::Clear(_) => 0,
            Self::Tls(half) => half.unconfirmed(),
        }
    }

    /// Ready when [`Self::try_write`] may succeed again.
    pub(crate) fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Clear(half) => half.as_ref().poll_write_ready(cx),
            Self::Tls(half) => half.poll_writable(cx),
        }
    }
}

impl AsyncRead for ClientReader {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Clear(half) => Pin::new(half).poll_read(cx, buffer),
            Self::Tls(half) => half.poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for ClientWriter {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Clear(half) => Pin::new(half).poll_write(cx, bytes),
            Self::Tls(half) => half.poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Clear(half) => Pin::new(half).poll_flush(cx),
            Self::Tls(half) => half.poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Clear(half) => Pin::new(half).poll_shutdown(cx),
            Self::Tls(half) => half.poll_shutdown(cx),
        }
    }
}
