//! Authentication of logins.

use std::{path::Path, sync::Arc};

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use thiserror::Error;
use trunkline_ops::read_secret;

use super::hs256;
use crate::config::NodeConfigError;

/// Who may log in as whom.
#[derive(Clone, Debug)]
pub(crate) enum Auth {
    /// Everyone, as any user.
    Open,
    /// Clients with a JSON Web Token (RFC 7519, HS256) that has the user as its subject.
    Jwt(Arc<Secret>),
}

/// What verifies tokens.
#[derive(Debug)]
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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    /// HS256 with [`SECRET`]: `{"sub":"alice","exp":4000000000}`.
    const ALICE: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSIsImV4cCI6NDAwMDAwMDAwMH0.d1-Yn9l_qqr3vca\
        QrYibVDKVruZy8k9Eazo8wm0liI8";

    /// Tokens for alice, and what is wrong with each.
    const INVALID: [(&str, &str); 6] = [
        (
            "another secret",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSIsImV4cCI6NDAwMDAwMDAwMH0.cXDUj7lQmCNkBK2\
        zIRyIx5tzetAiGOopIWil7iV9eeo",
        ),
        (
            "HS512",
            "eyJhbGciOiJIUzUxMiJ9.eyJzdWIiOiJhbGljZSIsImV4cCI6NDAwMDAwMDAwMH0.6zqeFwKbxb0yZvc\
        lfHnQifAT-v_F6e_KAu-ofPeSm3n9TFOrItDEmVg36k9l2jLOnAqQMSCRIVU0-Y7jpxRArg",
        ),
        (
            "expired",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSIsImV4cCI6MX0.qBiQuVxZ7QneNv9pe4npVSI8i6P\
        Q5_BVd95SUk-0GaA",
        ),
        (
            "no expiry",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.1LyJX3n8HF4PKpKt6cAnOsvYK1JymjhYdwLb9Q\
        6B8gQ",
        ),
        (
            "no subject",
            "eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjQwMDAwMDAwMDB9.CnE7vlBbka0FBzR8M9Bqd-ACT74aYklUPE\
        avoQiKyE0",
        ),
        ("not a token", "nonsense"),
    ];

    fn auth(secret: &str) -> Result<Auth, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        fs::write(&file, secret).unwrap();
        Auth::jwt(&file).map_err(|error| error.to_string())
    }

    #[test]
    fn token_admits_only_its_subject() {
        let auth = auth(&format!("{SECRET}\n")).unwrap();
        auth.check("alice", Some(ALICE)).unwrap();
        assert!(matches!(auth.check("bob", Some(ALICE)), Err(AuthError::OtherUser)));
        assert!(matches!(auth.check("alice", None), Err(AuthError::Missing)));
        Auth::Open.check("alice", None).unwrap();
    }

    #[test]
    fn invalid_token_is_rejected() {
        let auth = auth(SECRET).unwrap();
        for (fault, token) in INVALID {
            let checked = auth.check("alice", Some(token));
            assert!(matches!(checked, Err(AuthError::Invalid(_))), "{fault}: {checked:?}");
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
