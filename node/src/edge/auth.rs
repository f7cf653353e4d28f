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

#[cfg(test)]
mod tests {
    use std::fs;

    use jsonwebtoken::{EncodingKey, Header};
    use serde_json::{Value, json};

    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    /// An expiry in the far future.
    const EXPIRY: u64 = 4_000_000_000;

    fn auth(secret: &str) -> Result<Auth, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        fs::write(&file, secret).unwrap();
        Auth::jwt(&file).map_err(|error| error.to_string())
    }

    fn token(header: &Header, claims: &Value, secret: &str) -> String {
        jsonwebtoken::encode(header, claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
    }

    #[test]
    fn token_admits_only_its_subject() {
        let auth = auth(&format!("{SECRET}\n")).unwrap();
        let token = token(&Header::default(), &json!({ "sub": "alice", "exp": EXPIRY }), SECRET);
        auth.check("alice", Some(&token)).unwrap();
        assert!(matches!(auth.check("bob", Some(&token)), Err(AuthError::OtherUser)));
        assert!(matches!(auth.check("alice", None), Err(AuthError::Missing)));
        Auth::Open.check("alice", None).unwrap();
    }

    #[test]
    fn invalid_token_is_rejected() {
        let auth = auth(SECRET).unwrap();
        let (header, claims) = (Header::default(), json!({ "sub": "alice", "exp": EXPIRY }));
        for token in [
            token(&header, &claims, "another secret"),
            token(&Header::new(Algorithm::HS512), &claims, SECRET),
            token(&header, &json!({ "sub": "alice", "exp": 1 }), SECRET),
            token(&header, &json!({ "sub": "alice" }), SECRET),
            token(&header, &json!({ "exp": EXPIRY }), SECRET),
            "nonsense".to_owned(),
        ] {
            assert!(matches!(auth.check("alice", Some(&token)), Err(AuthError::Invalid(_))));
        }
    }

    #[test]
    fn public_key_is_not_a_secret() {
        let error =
            auth("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n").unwrap_err();
        assert!(error.contains("--jwt-secret-file") && error.contains("PEM form"), "{error}");
        assert!(auth(" \n").unwrap_err().contains("is empty"));
    }
}
