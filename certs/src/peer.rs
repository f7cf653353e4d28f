//! Identifies and authorizes the peer of a connection.

use quinn::{Connection, crypto::rustls::HandshakeData};
use rustls::pki_types::CertificateDer;
use thiserror::Error;
use x509_parser::parse_x509_certificate;

use crate::{
    identity::{BadIdentity, Identity, Role},
    tls::Alpn,
};

/// Why a peer is rejected. The message is also the reason of the QUIC close.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum PeerError {
    /// It presented no certificate.
    #[error("a certificate of this cluster is required")]
    NoCertificate,
    /// Its certificate does not name one holder.
    #[error(transparent)]
    BadIdentity(#[from] BadIdentity),
    /// Its certificate is on the list of those that are denied.
    #[error("the certificate was revoked")]
    Revoked,
    /// It negotiated no protocol, or one that is not Trunkline's.
    #[error("the ALPN is not one of Trunkline's")]
    UnknownAlpn,
    /// Its role may not use the protocol that it negotiated.
    #[error("the role {role} may not speak {alpn}")]
    RoleNotAllowed {
        /// The role in its certificate.
        role: Role,
        /// The protocol that it negotiated.
        alpn: Alpn,
    },
}

/// Reads the peer's identity from its certificate, which TLS has verified by now, and the protocol
/// from the handshake.
///
/// # Errors
/// If the certificate does not name exactly one holder, or the ALPN is unknown.
pub fn peer_identity(connection: &Connection) -> Result<(Identity, Alpn), PeerError> {
    Ok((peer_leaf(connection)?.0, negotiated_alpn(connection)?))
}

/// The holder and the serial number, in hexadecimal, of the peer's certificate.
pub(crate) fn peer_leaf(connection: &Connection) -> Result<(Identity, String), PeerError> {
    let chain = connection.peer_identity().and_then(|chain| chain.downcast().ok());
    let chain: Box<Vec<CertificateDer<'static>>> = chain.ok_or(PeerError::NoCertificate)?;
    let leaf = chain.first().ok_or(PeerError::NoCertificate)?;
    let (_, leaf) = parse_x509_certificate(leaf).map_err(|_| BadIdentity::Malformed)?;
    Ok((Identity::of(&leaf)?, leaf.serial.to_str_radix(16)))
}

fn negotiated_alpn(connection: &Connection) -> Result<Alpn, PeerError> {
    let handshake = connection.handshake_data().and_then(|data| data.downcast().ok());
    let protocol = handshake.and_then(|data: Box<HandshakeData>| data.protocol);
    protocol.and_then(|name| Alpn::from_bytes(&name)).ok_or(PeerError::UnknownAlpn)
}

/// Checks that the role of a client may use the protocol: links are for nodes, the status stream is
/// for admins and viewers.
///
/// # Errors
/// [`PeerError::RoleNotAllowed`] for every other role.
pub fn authorize(peer: &Identity, alpn: Alpn) -> Result<(), PeerError> {
    match (alpn, peer.role) {
        (Alpn::Link, Role::Node) | (Alpn::Admin, Role::Admin | Role::Viewer) => Ok(()),
        (_, role) => Err(PeerError::RoleNotAllowed { role, alpn }),
    }
}
