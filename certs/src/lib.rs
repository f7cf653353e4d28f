//! Authentication: Trunkline's private CA, one certificate per role and name, and the TLS
//! configurations that use them.
//!
//! # Trust model
//! - A cluster trusts exactly one CA, which may only sign names under `trunkline`. Only [`issue`]
//!   needs the CA's key; running a cluster does not.
//! - The SAN of a certificate names its holder's role and name. A peer's own claims do not count.
//! - Both ends present a certificate. A client of a relay checks the fixed name
//!   [`RELAY_SERVER_NAME`], never an address. The relay calls [`peer_identity`] and then
//!   [`authorize`] before it accepts a stream.
//! - Relays are servers and all others are clients: the extended key usage says so, and TLS rejects
//!   the rest before a role is checked.
//! - Every connection makes a full TLS 1.3 handshake. Without session tickets and early data, an
//!   expired certificate does not survive in a ticket.
//! - A relay accepts no certificate that is listed in its [`DeniedCertificates`], and closes the
//!   connections of those that come to be. Nodes ask no list: a stolen key of a relay is valid until its
//!   certificate expires, or until the cluster moves to a new CA.
//! - [`Credentials`] can be reloaded: the next handshakes use the new certificate.

mod authority;
mod certificate;
mod credentials;
pub mod defaults;
mod denied;
mod error;
mod files;
mod identity;
mod peer;
mod pem;
mod remedy;
mod tls;

pub use authority::{init, issue, issue_for};
pub use credentials::Credentials;
pub use denied::{DeniedCertificates, revoke};
pub use error::{CertsError, CertsErrorKind};
pub use identity::{BadIdentity, BadRole, Identity, RELAY_SERVER_NAME, Role};
pub use peer::{PeerError, authorize, peer_identity};
pub use tls::Alpn;
