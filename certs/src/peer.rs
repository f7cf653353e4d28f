//! Who is at the other end of a connection, and what it may do there.

use quinn::{Connection, crypto::rustls::HandshakeData};
use rustls::pki_types::CertificateDer;
use thiserror::Error;
use x509_parser::parse_x509_certificate;

use crate::{
    identity::{BadIdentity, Identity, Role},
    tls::Alpn,
};

/// Why a peer is sent away. The text is fit to be the reason of a QUIC close.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum PeerError {
    /// It showed no certificate.
    #[error("a certificate of this cluster is required")]
    NoCertificate,
    /// Its certificate does not say who it is.
    #[error(transparent)]
    BadIdentity(#[from] BadIdentity),
    /// It negotiated no protocol, or one that is not Trunkline's.
    #[error("the ALPN is not one of Trunkline's")]
    UnknownAlpn,
    /// Its role may not speak the protocol that it asked for.
    #[error("the role {role} may not speak {alpn}")]
    RoleNotAllowed {
        /// What its certificate says it is.
        role: Role,
        /// What it asked for.
        alpn: Alpn,
    },
}

/// Reads from an established connection's certificate who the peer is, and from its handshake what
/// the connection is for. TLS has checked the certificate against the CA by then.
///
/// # Errors
/// If the certificate does not name one role and name, or the ALPN is not one of ours.
pub fn peer_identity(connection: &Connection) -> Result<(Identity, Alpn), PeerError> {
    let chain = connection.peer_identity().and_then(|chain| chain.downcast().ok());
    let chain: Box<Vec<CertificateDer<'static>>> = chain.ok_or(PeerError::NoCertificate)?;
    let leaf = chain.first().ok_or(PeerError::NoCertificate)?;
    let (_, leaf) = parse_x509_certificate(leaf).map_err(|_| BadIdentity::Malformed)?;
    Ok((Identity::of(&leaf)?, negotiated_alpn(connection)?))
}

fn negotiated_alpn(connection: &Connection) -> Result<Alpn, PeerError> {
    let handshake = connection.handshake_data().and_then(|data| data.downcast().ok());
    let protocol = handshake.and_then(|data: Box<HandshakeData>| data.protocol);
    protocol.and_then(|name| Alpn::from_bytes(&name)).ok_or(PeerError::UnknownAlpn)
}

/// Checks that a peer that dialled may speak the protocol that it asked for: a link is for nodes,
/// the status stream for admins and viewers.
///
/// # Errors
/// [`PeerError::RoleNotAllowed`] for every other role.
pub fn authorize(peer: &Identity, alpn: Alpn) -> Result<(), PeerError> {
    match (alpn, peer.role) {
        (Alpn::Link, Role::Node) | (Alpn::Admin, Role::Admin | Role::Viewer) => Ok(()),
        (_, role) => Err(PeerError::RoleNotAllowed { role, alpn }),
    }
}
