//! Every limit of this crate, named.

use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a CA is good for: ten years, because replacing it means issuing every certificate
/// again.
pub const CA_VALIDITY: Duration = DAY.saturating_mul(10 * 365);

/// How long a certificate of a node, relay, admin or viewer is good for: one year.
pub const LEAF_VALIDITY: Duration = DAY.saturating_mul(365);

/// How far back a certificate's validity begins, so that a machine whose clock is slow takes a
/// fresh one.
pub const BACKDATING: Duration = Duration::from_secs(60 * 60);

/// The mode of a certificate's file (less the umask): anyone may read it.
pub(crate) const CERTIFICATE_MODE: u32 = 0o644;

/// The mode of a private key's file: only its owner may read it.
pub(crate) const KEY_MODE: u32 = 0o600;
