use std::{path::Path, sync::Arc};

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use thiserror::Error;
use trunkline_ops::read_secret;

use super::hs256;
use crate::config::ConfigError;

/// Who may log in as whom.
#[derive(Clone)]
pub(crate) enum Auth {
    /// Anybody as anyone.
    Open,
    /// Whoever shows a JSON Web Token (RFC 7519, HS256) of which the user is the subject.
    Jwt(Arc<Secret>),
}

/// What tokens are checked against.
pub(crate) struct Secret {
    key: DecodingKey,
    validation: Validation,
}

/// Why a login is not allowed.
#[derive(Debug, Error)]
pub(crate) enum AuthError {
    #[error("this node asks for a `token`")]
    Missing,
    #[error("the token is not valid: {0}")]
    Invalid(#[from] jsonwebtoken::errors::Error),
    #[error("the token is another user's")]
    OtherUser,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
}

impl Auth {
    /// Checks tokens against the secret in a file. White space at its ends does not count.
    pub(crate) fn jwt(file: &Path) -> Result<Self, ConfigError> {
        let unusable = |reason: String| ConfigError::Secret { file: file.to_owned(), reason };
        let secret = read_secret(file, "secret").map_err(|error| unusable(error.to_string()))?;
        // With a public key for a secret, everybody who has that key could sign.
        if secret.starts_with(b"-----BEGIN ") {
            return Err(unusable("holds a key or certificate in PEM form".to_owned()));
        }
        hs256::install();
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_required_spec_claims(&["exp", "sub"]);
        let key = DecodingKey::from_secret(&secret);
        Ok(Self::Jwt(Arc::new(Secret { key, validation })))
    }

    /// Whether `user` may log in with this token.
    pub(crate) fn check(&self, user: &str, token: Option<&str>) -> Result<(), AuthError> {
        let Self::Jwt(secret) = self else { return Ok(()) };
        let token = token.ok_or(AuthError::Missing)?;
        let claims: Claims = jsonwebtoken::decode(token, &secret.key, &secret.validation)?.claims;
        if claims.sub == user { Ok(()) } else { Err(AuthError::OtherUser) }
    }
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Open => "Open",
            Self::Jwt(_) => "Jwt(..)",
        })
    }
}
