//! Every limit of this crate.

use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a CA is valid: ten years, because a new CA means issuing every certificate again.
pub const CA_VALIDITY: Duration = DAY.saturating_mul(10 * 365);

/// How long the certificate of a node, relay, admin or viewer is valid: one year.
pub const LEAF_VALIDITY: Duration = DAY.saturating_mul(365);

/// How long before its issue a certificate's validity begins, so that a machine with a slow clock
/// accepts it.
pub const BACKDATING: Duration = Duration::from_secs(60 * 60);

/// The mode of a certificate's file (before the umask): everyone may read it.
pub(crate) const CERTIFICATE_MODE: u32 = 0o644;

/// The mode of a private key's file: only its owner may read it.
pub(crate) const KEY_MODE: u32 = 0o600;
