//! The signature check of JSON Web Tokens with HS256, by `ring`, which TLS brings along.
//!
//! The providers that `jsonwebtoken` comes with support every algorithm: RSA and elliptic curves are
//! 35 crates that no token here needs.

use jsonwebtoken::{
    Algorithm, DecodingKey,
    crypto::{CryptoProvider, JwtVerifier, KeyUtils},
    errors::{ErrorKind, Result},
};
use ring::hmac;
use signature::Verifier;

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
    match algorithm {
        Algorithm::HS256 => {
            let key = hmac::Key::new(hmac::HMAC_SHA256, key.try_get_as_bytes()?);
            Ok(Box::new(Hs256(key)))
        }
        _ => Err(ErrorKind::InvalidAlgorithm.into()),
    }
}

struct Hs256(hmac::Key);

impl Verifier<Vec<u8>> for Hs256 {
    fn verify(&self, message: &[u8], tag: &Vec<u8>) -> std::result::Result<(), signature::Error> {
        // In constant time: how much of a forged tag is right cannot be measured.
        hmac::verify(&self.0, message, tag).map_err(|_| signature::Error::new())
    }
}

impl JwtVerifier for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
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
