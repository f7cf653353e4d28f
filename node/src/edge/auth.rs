//! Authentication of logins.

use std::{path::Path, sync::Arc};

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use thiserror::Error;
use trunkline_ops::read_secret;

use crate::config::NodeConfigError;

/// Who may log in as whom.
#[derive(Clone)]
pub(crate) enum Auth {
    /// Everyone, as any user.
    Open,
    /// Clients with a JSON Web Token (RFC 7519, HS256) that has the user as its subject.
    Jwt(Arc<Secret>),
}

/// What verifies tokens.
pub(crate) struct Secret {
    key: DecodingKey,
    validation: Validation,
}

/// Why a login is rejected.
#[derive(Debug, Error)]
pub(crate) enum AuthError {
    #[error("this node requires a `token`")]
    Missing,
    #[error("the token is not valid: {0}")]
    Invalid(#[from] jsonwebtoken::errors::Error),
    #[error("the token was issued to another user")]
    OtherUser,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
}

impl Auth {
    /// Verifies tokens with the secret in a file, without white space at its ends.
    pub(crate) fn jwt(file: &Path) -> Result<Self, NodeConfigError> {
        let unusable = |reason: String| NodeConfigError::Secret { file: file.to_owned(), reason };
        let secret = read_secret(file, "secret").map_err(|error| unusable(error.to_string()))?;
        // With a public key as the secret, everyone who has that key could sign tokens.
        if secret.starts_with(b"-----BEGIN ") {
            return Err(unusable("holds a key or certificate in PEM form".to_owned()));
        }
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
