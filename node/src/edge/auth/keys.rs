//! The keys that verify tokens, and the files that they come from.

use std::path::{Path, PathBuf};

use jsonwebtoken::{
    Algorithm, AlgorithmFamily, DecodingKey, DecodingKeyKind, Header,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse},
};
use thiserror::Error;
use tracing::warn;
use trunkline_ops::{read_secret, read_text};

use crate::defaults::{JWT_SECRET_BYTES, JWT_SECRET_BYTES_MIN};

/// The length of a point on the curve P-256, uncompressed.
const P256_POINT_BYTES: usize = 65;

/// The fewest bytes that the public key of an RSA key of 2,048 bits takes, in either form.
const RSA_KEY_BYTES_MIN: usize = 256;

/// The files with keys, as the flags name them.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeyFiles {
    pub(crate) secrets: Vec<PathBuf>,
    pub(crate) public_keys: Vec<PathBuf>,
    pub(crate) key_sets: Vec<PathBuf>,
}

/// A key, and the algorithms that it may be used with. A token must not choose: a public key taken
/// for a secret would let everyone sign.
#[derive(Clone, Debug)]
pub(super) struct TokenKey {
    /// The `kid` of a key set.
    id: Option<String>,
    pub(super) key: DecodingKey,
    pub(super) algorithms: Vec<Algorithm>,
}

impl TokenKey {
    /// Whether a token with this header may have been signed with the key.
    pub(super) fn may_verify(&self, header: &Header) -> bool {
        let ids = self.id.as_ref().zip(header.kid.as_ref());
        self.algorithms.contains(&header.alg) && ids.is_none_or(|(own, named)| own == named)
    }
}

impl KeyFiles {
    /// All files.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        let files = [&self.secrets, &self.public_keys, &self.key_sets];
        files.into_iter().flatten().map(PathBuf::as_path)
    }

    /// Reads all keys.
    pub(super) fn read(&self) -> Result<Vec<TokenKey>, TokenKeyError> {
        let mut keys = Vec::new();
        for file in &self.secrets {
            keys.push(secret(file).map_err(|reason| unusable(SECRET, file, reason))?);
        }
        for file in &self.public_keys {
            keys.push(public_key(file).map_err(|reason| unusable(PUBLIC_KEY, file, reason))?);
        }
        for file in &self.key_sets {
            keys.extend(key_set(file).map_err(|reason| unusable(KEY_SET, file, reason))?);
        }
        Ok(keys)
    }
}

/// A file with keys for tokens cannot be used.
#[derive(Debug, Error)]
#[error("{flag}: {file} {reason}; give {expected}", file = file.display())]
pub struct TokenKeyError {
    flag: &'static str,
    file: PathBuf,
    reason: String,
    expected: &'static str,
}

/// A flag, and what its file has to hold.
type KeyFlag = (&'static str, &'static str);

const SECRET: KeyFlag = ("--jwt-secret-file", "the file with the secret that signs tokens (HS256)");
const PUBLIC_KEY: KeyFlag = (
    "--jwt-public-key-file",
    "a file with one public key in PEM form: RSA of 2,048 bits or more, P-256, or Ed25519",
);
const KEY_SET: KeyFlag =
    ("--jwks-file", "a JSON Web Key Set (RFC 7517) with RSA, P-256 or Ed25519 public keys");

fn unusable((flag, expected): KeyFlag, file: &Path, reason: String) -> TokenKeyError {
    TokenKeyError { flag, file: file.to_owned(), reason, expected }
}

/// A secret, without white space at its ends.
fn secret(file: &Path) -> Result<TokenKey, String> {
    let secret = read_secret(file, "secret").map_err(|error| error.to_string())?;
    // With a public key as the secret, everyone who has that key could sign tokens.
    if secret.starts_with(b"-----BEGIN ") {
        return Err("holds a key or certificate in PEM form".to_owned());
    }
    // A short one can be guessed from a token.
    let bytes = secret.len();
    if bytes < JWT_SECRET_BYTES_MIN {
        return Err(format!("holds {bytes} bytes, and HS256 needs {JWT_SECRET_BYTES} random ones"));
    }
    if bytes < JWT_SECRET_BYTES {
        let file = file.display();
        warn!(%file, bytes, "the secret is shorter than HS256 asks for (RFC 7518): use 32 random bytes");
    }
    let key = DecodingKey::from_secret(&secret);
    Ok(TokenKey { id: None, key, algorithms: vec![Algorithm::HS256] })
}

fn public_key(file: &Path) -> Result<TokenKey, String> {
    let pem = read_text(file).map_err(|error| error.to_string())?;
    let kinds = [DecodingKey::from_rsa_pem, DecodingKey::from_ec_pem, DecodingKey::from_ed_pem];
    let key = kinds.iter().find_map(|read| read(&pem).ok());
    let key = key.ok_or("holds no public key in PEM form")?;
    let algorithms = algorithms(&key)?;
    Ok(TokenKey { id: None, key, algorithms })
}

/// The keys of a set that verify tokens. Sets hold others too: for encryption, or of other kinds.
fn key_set(file: &Path) -> Result<Vec<TokenKey>, String> {
    let json = read_text(file).map_err(|error| error.to_string())?;
    let set: JwkSet =
        serde_json::from_slice(&json).map_err(|error| format!("holds no key set: {error}"))?;
    let keys: Vec<_> = set.keys.iter().filter_map(set_key).collect();
    if keys.is_empty() { Err("holds no key that verifies tokens".to_owned()) } else { Ok(keys) }
}

fn set_key(jwk: &Jwk) -> Option<TokenKey> {
    let is_signature = match &jwk.common.public_key_use {
        None | Some(PublicKeyUse::Signature) => true,
        Some(_) => false,
    };
    let is_public = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => true,
        AlgorithmParameters::EllipticCurve(key) => key.curve == EllipticCurve::P256,
        AlgorithmParameters::OctetKeyPair(key) => key.curve == EllipticCurve::Ed25519,
        _ => false,
    };
    if !is_signature || !is_public {
        return None;
    }
    let key = DecodingKey::from_jwk(jwk).ok()?;
    let mut algorithms = algorithms(&key).ok()?;
    match jwk.common.key_algorithm {
        None => {}
        Some(KeyAlgorithm::RS256) => algorithms.retain(|known| *known == Algorithm::RS256),
        Some(KeyAlgorithm::PS256) => algorithms.retain(|known| *known == Algorithm::PS256),
        Some(KeyAlgorithm::ES256) => algorithms.retain(|known| *known == Algorithm::ES256),
        Some(KeyAlgorithm::EdDSA) => algorithms.retain(|known| *known == Algorithm::EdDSA),
        Some(_) => return None,
    }
    (!algorithms.is_empty()).then(|| TokenKey { id: jwk.common.key_id.clone(), key, algorithms })
}

/// What a public key may be used with.
fn algorithms(key: &DecodingKey) -> Result<Vec<Algorithm>, String> {
    let bytes = match key.kind() {
        DecodingKeyKind::SecretOrDer(bytes) => bytes.len(),
        DecodingKeyKind::RsaModulusExponent { n, .. } => n.len(),
    };
    match key.family() {
        AlgorithmFamily::Rsa if bytes >= RSA_KEY_BYTES_MIN => {
            Ok(vec![Algorithm::RS256, Algorithm::PS256])
        }
        AlgorithmFamily::Rsa => Err("holds an RSA key of less than 2,048 bits".to_owned()),
        AlgorithmFamily::Ec if bytes == P256_POINT_BYTES => Ok(vec![Algorithm::ES256]),
        AlgorithmFamily::Ec => Err("holds a key on another curve than P-256".to_owned()),
        AlgorithmFamily::Ed => Ok(vec![Algorithm::EdDSA]),
        AlgorithmFamily::Hmac => Err("holds a secret, not a public key".to_owned()),
    }
}
