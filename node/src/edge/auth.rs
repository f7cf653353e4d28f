//! Authentication of logins: JSON Web Tokens (RFC 7519).

mod keys;
mod signatures;
#[cfg(test)]
mod tests;

use std::{
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
};

use jsonwebtoken::{
    Algorithm, Validation,
    errors::{Error, ErrorKind},
};
use serde::Deserialize;
use thiserror::Error;
use tracing::{info, warn};

pub(crate) use self::keys::KeyFiles;
use self::keys::TokenKey;
pub use self::keys::TokenKeyError;
use crate::defaults::JWT_GRACE_SECONDS;

/// Who may log in as whom.
#[derive(Clone, Debug)]
pub(crate) enum Auth {
    /// Everyone, as any user.
    Open,
    /// Clients with a token that has the user as its subject.
    Jwt(Arc<TokenCheck>),
}

/// What a token has to be.
#[derive(Debug)]
pub(crate) struct TokenCheck {
    files: KeyFiles,
    keys: RwLock<Vec<TokenKey>>,
    /// What holds for all keys, but for the algorithm.
    validation: Validation,
}

/// Why a login is rejected.
#[derive(Debug, Error)]
pub(crate) enum AuthError {
    #[error("this node requires a `token`")]
    Missing,
    #[error("the token is not valid: {0}")]
    Invalid(String),
    #[error("the token was issued to another user")]
    OtherUser,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    /// Unix seconds, perhaps with a fraction.
    exp: f64,
    iat: Option<f64>,
}

impl Auth {
    /// Verifies tokens with the keys in these files. A token must name one of `audiences` if there
    /// are any, and must name none otherwise (RFC 7519, section 4.1.3); it must come from one of
    /// `issuers` if there are any.
    pub(crate) fn jwt(
        files: KeyFiles,
        audiences: &[String],
        issuers: &[String],
    ) -> Result<Self, TokenKeyError> {
        signatures::install();
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = JWT_GRACE_SECONDS;
        validation.validate_nbf = true;
        let mut required = vec!["exp", "sub"];
        if !audiences.is_empty() {
            validation.set_audience(audiences);
            required.push("aud");
        }
        if !issuers.is_empty() {
            validation.set_issuer(issuers);
            required.push("iss");
        }
        validation.set_required_spec_claims(&required);
        let keys = RwLock::new(files.read()?);
        Ok(Self::Jwt(Arc::new(TokenCheck { files, keys, validation })))
    }

    /// Whether `user` may log in with this token at `now`. Returns when the session has to end unless
    /// its token is renewed, both in Unix seconds; `None` for never.
    pub(crate) fn check(
        &self,
        user: &str,
        token: Option<&str>,
        now: u64,
    ) -> Result<Option<u64>, AuthError> {
        let Self::Jwt(check) = self else { return Ok(None) };
        let claims = check.claims(token.ok_or(AuthError::Missing)?)?;
        if claims.iat.is_some_and(|issued| issued as u64 > now + JWT_GRACE_SECONDS) {
            return Err(AuthError::Invalid("it was issued in the future (`iat`)".to_owned()));
        }
        if claims.sub != user {
            return Err(AuthError::OtherUser);
        }
        // A token in its period of grace is as good for a session as for the login.
        let end = claims.exp as u64;
        Ok(Some(if end > now { end } else { end + JWT_GRACE_SECONDS }))
    }
}

impl TokenCheck {
    /// The files with the keys.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        self.files.paths().map(PathBuf::from).collect()
    }

    /// As [`Self::reload`], and logs the result.
    pub(crate) fn reload_and_tell(&self) {
        match self.reload() {
            Ok(keys) => info!(keys, "the keys for tokens have changed and are in use"),
            Err(error) => {
                warn!(%error, "the keys for tokens have changed and cannot be used: those before stay");
            }
        }
    }

    /// Reads the keys again. Those before stay if one cannot be used.
    fn reload(&self) -> Result<usize, TokenKeyError> {
        let keys = self.files.read()?;
        let count = keys.len();
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        Ok(count)
    }

    /// The claims of a token that one of the keys has signed.
    fn claims(&self, token: &str) -> Result<Claims, AuthError> {
        let header = jsonwebtoken::decode_header(token).map_err(invalid)?;
        // RFC 7515, section 4.1.11: extensions that must be understood.
        if header.crit.is_some() {
            return Err(AuthError::Invalid("it has an unknown critical extension".to_owned()));
        }
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let mut validation = self.validation.clone();
        let mut error = AuthError::Invalid(format!("no key here verifies {:?}", header.alg));
        for key in keys.iter().filter(|key| key.may_verify(&header)) {
            validation.algorithms.clone_from(&key.algorithms);
            match jsonwebtoken::decode(token, &key.key, &validation) {
                Ok(token) => return Ok(token.claims),
                Err(other) if *other.kind() == ErrorKind::InvalidSignature => {
                    error = invalid(other)
                }
                Err(other) => return Err(invalid(other)),
            }
        }
        Err(error)
    }
}

/// The reason for the client's developer.
fn invalid(error: Error) -> AuthError {
    AuthError::Invalid(match error.kind() {
        ErrorKind::InvalidToken => "it is not a JSON Web Token".to_owned(),
        ErrorKind::InvalidSignature => "its signature is not of a key of this node".to_owned(),
        ErrorKind::ExpiredSignature => "it has expired (`exp`)".to_owned(),
        ErrorKind::ImmatureSignature => "it is not valid yet (`nbf`)".to_owned(),
        ErrorKind::InvalidAudience => {
            "it is for another audience (`aud`, the node's --jwt-audience)".to_owned()
        }
        ErrorKind::InvalidIssuer => "it is from another issuer (`iss`)".to_owned(),
        ErrorKind::MissingRequiredClaim(claim) => format!("it has no `{claim}`"),
        _ => error.to_string(),
    })
}
