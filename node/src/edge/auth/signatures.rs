//! The signature check of JSON Web Tokens, by `ring`, which TLS brings along.
//!
//! The providers that `jsonwebtoken` comes with are 35 crates, or a second TLS library.

use jsonwebtoken::{
    Algorithm, DecodingKey, DecodingKeyKind,
    crypto::{CryptoProvider, JwtVerifier, KeyUtils},
    errors::{ErrorKind, Result},
};
use ring::{
    hmac,
    signature::{
        ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
        RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
    },
};
use signature::{Error, Verifier};

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |_, _| Err(ErrorKind::InvalidAlgorithm.into()),
    verifier_factory: verifier,
    key_utils: KeyUtils::new_unimplemented(),
};

/// Lets `jsonwebtoken` check signatures by this module from now on.
pub(super) fn install() {
    // A second node in the same process finds it installed.
    let _ = PROVIDER.install_default();
}

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>> {
    let key = match algorithm {
        Algorithm::HS256 => Key::Secret(hmac::Key::new(hmac::HMAC_SHA256, key.try_get_as_bytes()?)),
        Algorithm::RS256 => rsa(&RSA_PKCS1_2048_8192_SHA256, key),
        Algorithm::PS256 => rsa(&RSA_PSS_2048_8192_SHA256, key),
        Algorithm::ES256 => public(&ECDSA_P256_SHA256_FIXED, key.try_get_as_bytes()?),
        Algorithm::EdDSA => public(&ED25519, key.try_get_as_bytes()?),
        _ => return Err(ErrorKind::InvalidAlgorithm.into()),
    };
    Ok(Box::new(TokenVerifier { algorithm: *algorithm, key }))
}

fn rsa(parameters: &'static RsaParameters, key: &DecodingKey) -> Key {
    match key.kind() {
        DecodingKeyKind::SecretOrDer(der) => public(parameters, der),
        DecodingKeyKind::RsaModulusExponent { n, e } => {
            let [n, e] = [n, e].map(|number| without_zeros(number).to_vec());
            Key::Rsa(parameters, RsaPublicKeyComponents { n, e })
        }
    }
}

/// A big-endian number without leading zeros, which `ring` refuses and some issuers write.
fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeros..]
}

fn public(algorithm: &'static dyn VerificationAlgorithm, bytes: &[u8]) -> Key {
    Key::Public(UnparsedPublicKey::new(algorithm, bytes.to_vec()))
}

struct TokenVerifier {
    algorithm: Algorithm,
    key: Key,
}

enum Key {
    Secret(hmac::Key),
    Rsa(&'static RsaParameters, RsaPublicKeyComponents<Vec<u8>>),
    Public(UnparsedPublicKey<Vec<u8>>),
}

impl Verifier<Vec<u8>> for TokenVerifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), Error> {
        let verified = match &self.key {
            // In constant time: how much of a forged tag is right cannot be measured.
            Key::Secret(key) => hmac::verify(key, message, signature),
            Key::Rsa(parameters, key) => key.verify(parameters, message, signature),
            Key::Public(key) => key.verify(message, signature),
        };
        verified.map_err(|_| Error::new())
    }
}

impl JwtVerifier for TokenVerifier {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::Validation;
    use serde_json::Value;

    use super::*;

    /// The example of RFC 7515, appendix A.1; it expired in 2011.
    const TOKEN: &str = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.\
        eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.\
        dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const SECRET: &str =
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";

    fn check(token: &str, secret: &str) -> Result<Value> {
        install();
        let mut validation = Validation::new(Algorithm::HS256);
        validation.validate_exp = false;
        let secret = secret.replace('-', "+").replace('_', "/") + "==";
        let key = DecodingKey::from_base64_secret(&secret)?;
        Ok(jsonwebtoken::decode(token, &key, &validation)?.claims)
    }

    #[test]
    fn only_the_right_secret_verifies_a_token() {
        assert_eq!(check(TOKEN, SECRET).unwrap()["iss"], "joe");
        let wrong = check(TOKEN, &SECRET.replace("Ay", "By")).unwrap_err();
        assert_eq!(wrong.kind(), &ErrorKind::InvalidSignature);
        let forged = check(&TOKEN.replace("jXk", "jXg"), SECRET).unwrap_err();
        assert_eq!(forged.kind(), &ErrorKind::InvalidSignature);
    }
}
