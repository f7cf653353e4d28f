//! `token`: a JSON Web Token, for trying a node that runs with `--auth jwt`.

use std::{io, path::PathBuf};

use anyhow::{Context, Result};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use clap::Args;
use ring::hmac;
use serde_json::{Map, Value, json};
use trunkline_ops::{read_secret, unix_ms};
use trunkline_protocol::User;

use crate::terminal::print;

/// The protected header of the tokens (RFC 7515, section 4).
const HEADER: &[u8] = br#"{"alg":"HS256","typ":"JWT"}"#;

/// What `token` takes.
#[derive(Debug, Args)]
#[command(after_help = "Example: trunkline token alice --secret-file secret --audience chat")]
pub(crate) struct Token {
    /// The user that may log in with it
    user: User,
    /// The file with the secret: that of the node's --jwt-secret-file
    #[arg(long, value_name = "FILE")]
    secret_file: PathBuf,
    /// For how many seconds it is valid
    #[arg(long, value_name = "N", default_value_t = 3_600)]
    seconds: u64,
    /// The audience that it names
    #[arg(long, value_name = "NAME")]
    audience: Option<String>,
    /// The issuer that it names
    #[arg(long, value_name = "NAME")]
    issuer: Option<String>,
}

impl Token {
    /// Prints the token.
    pub(crate) fn run(self) -> Result<()> {
        let secret = read_secret(&self.secret_file, "secret");
        let secret =
            secret.with_context(|| format!("--secret-file {}", self.secret_file.display()))?;
        let token = sign(&secret, &self.claims(unix_ms() / 1_000));
        ignore_closed_pipe(print(token))
    }

    fn claims(&self, now: u64) -> Value {
        let mut claims = Map::from_iter([
            ("sub".to_owned(), json!(self.user)),
            ("iat".to_owned(), json!(now)),
            ("exp".to_owned(), json!(now.saturating_add(self.seconds))),
        ]);
        for (name, value) in [("aud", &self.audience), ("iss", &self.issuer)] {
            if let Some(value) = value {
                claims.insert(name.to_owned(), json!(value));
            }
        }
        Value::Object(claims)
    }
}

/// Signs claims with HS256 (RFC 7515, section 3.1).
fn sign(secret: &[u8], claims: &Value) -> String {
    let (header, claims) =
        (URL_SAFE_NO_PAD.encode(HEADER), URL_SAFE_NO_PAD.encode(claims.to_string()));
    let signed = format!("{header}.{claims}");
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag))
}

fn ignore_closed_pipe(printed: io::Result<()>) -> Result<()> {
    match printed {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        printed => Ok(printed?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_has_the_claims_that_were_asked_for() {
        let token = Token {
            user: "alice".parse().unwrap(),
            secret_file: PathBuf::new(),
            seconds: 60,
            audience: Some("chat".to_owned()),
            issuer: None,
        };
        let claims = json!({"sub": "alice", "iat": 1_000, "exp": 1_060, "aud": "chat"});
        assert_eq!(token.claims(1_000), claims);
    }
}
