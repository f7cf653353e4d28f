//! Who may speak to whom: Trunkline's private CA, one certificate per role and name, and the TLS
//! configurations made from them.
//!
//! # Trust model
//! - A cluster trusts exactly one CA, and the CA can vouch for names under `trunkline` alone. Its
//!   key is needed to [`issue`], never to run.
//! - A certificate says who its holder is: role and name stand in the SAN, and only there. Nobody
//!   takes either from what a peer claims.
//! - Both ends show a certificate. Whoever dials a relay checks the fixed name
//!   [`RELAY_SERVER_NAME`], never an address; the relay asks [`peer_identity`] and then
//!   [`authorize`] before it accepts a stream.
//! - Relays serve and everyone else dials: the extended key usage of a certificate says so, and
//!   TLS refuses the rest before a role is looked at.
//! - Every connection is a full TLS 1.3 handshake. Sessions are not resumed and no early data is
//!   sent, so an expired certificate never lives on in a ticket.
//! - There is no revocation: a stolen key is worth its certificate until that expires, or until
//!   the cluster moves to a new CA.

mod authority;
mod certificate;
mod credentials;
mod defaults;
mod error;
mod files;
mod identity;
mod mend;
mod peer;
mod pem;
mod tls;

pub use authority::{init, issue};
pub use credentials::Credentials;
pub use defaults::{BACKDATING, CA_VALIDITY, LEAF_VALIDITY};
pub use error::CertsError;
pub use identity::{BadIdentity, BadRole, Identity, RELAY_SERVER_NAME, Role};
pub use peer::{PeerError, authorize, peer_identity};
pub use tls::{ALPN_ADMIN, ALPN_LINK, Alpn};
