//! Every limit of this crate.

use std::time::Duration;

/// A day.
pub const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a CA is valid: ten years, because a new CA means issuing every certificate again.
pub const CA_VALIDITY: Duration = DAY.saturating_mul(10 * 365);

/// How long the certificate of a node, relay, admin or viewer is valid, in days: one year.
pub const LEAF_DAYS: u32 = 365;

/// The same as a time.
pub const LEAF_VALIDITY: Duration = DAY.saturating_mul(LEAF_DAYS);

/// The most days that a certificate may be valid: as long as a CA.
pub const DAYS_MAX: i64 = 10 * 365;

/// How long before its end a certificate gives warnings: thirty days.
pub const EXPIRY_WARNING: Duration = DAY.saturating_mul(30);

/// How often it is checked for that.
pub const EXPIRY_CHECK_EVERY: Duration = Duration::from_secs(12 * 60 * 60);

/// How long before its issue a certificate's validity begins, so that a machine with a slow clock
/// accepts it.
pub const BACKDATING: Duration = Duration::from_secs(60 * 60);

/// The mode of a certificate's file (before the umask): everyone may read it.
pub(crate) const CERTIFICATE_MODE: u32 = 0o644;

/// The mode of a private key's file: only its owner may read it.
pub(crate) const KEY_MODE: u32 = 0o600;
