//! Tokens of PyJWT 2 (`tests/tokens.json`, of alice, until 2096), and tokens that are signed here.

use std::{collections::HashMap, fs, path::PathBuf, time::SystemTime};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::hmac;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// An hour in the lives of these tokens.
const HOUR: u64 = 3_600;

/// Files of keys in a folder of their own.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for (name, content) in [
            ("secret", SECRET),
            ("rsa.pem", include_str!("tests/rsa.public-key")),
            ("rsa-1024.pem", include_str!("tests/rsa-1024.public-key")),
            ("p256.pem", include_str!("tests/p256.public-key")),
            ("p384.pem", include_str!("tests/p384.public-key")),
            ("ed25519.pem", include_str!("tests/ed25519.public-key")),
            ("jwks.json", include_str!("tests/jwks.json")),
        ] {
            folder.write(name, content);
        }
        folder
    }

    fn write(&self, name: &str, content: &str) {
        fs::write(self.0.path().join(name), content).unwrap();
    }

    fn files(&self, secrets: &[&str], public_keys: &[&str], key_sets: &[&str]) -> KeyFiles {
        let paths = |names: &[&str]| -> Vec<PathBuf> {
            names.iter().map(|name| self.0.path().join(name)).collect()
        };
        let [secrets, public_keys, key_sets] = [secrets, public_keys, key_sets].map(paths);
        KeyFiles { secrets, public_keys, key_sets }
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

fn auth(files: KeyFiles) -> Auth {
    Auth::jwt(files, &[], &[]).unwrap()
}

/// What is wrong with a file.
fn refused(files: KeyFiles) -> String {
    Auth::jwt(files, &[], &[]).unwrap_err().to_string()
}

fn sign(secret: &str, claims: &Value) -> String {
    let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let signed = format!("{}.{}", part(&json!({"alg": "HS256", "typ": "JWT"})), part(claims));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag))
}

/// A token for alice with these claims, as the node judges it.
fn judge(auth: &Auth, claims: Value) -> Result<Option<u64>, String> {
    let mut all = json!({"sub": "alice", "exp": now() + HOUR});
    all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
    auth.check("alice", Some(&sign(SECRET, &all)), now()).map_err(|error| error.to_string())
}

fn tokens() -> HashMap<String, String> {
    serde_json::from_str(include_str!("tests/tokens.json")).unwrap()
}

#[test]
fn token_admits_only_its_subject() {
    let auth = auth(Folder::new().files(&["secret"], &[], &[]));
    let token = sign(SECRET, &json!({"sub": "alice", "exp": now() + HOUR}));
    assert_eq!(auth.check("alice", Some(&token), now()).unwrap(), Some(now() + HOUR));
    assert!(matches!(auth.check("bob", Some(&token), now()), Err(AuthError::OtherUser)));
    assert!(matches!(auth.check("alice", None, now()), Err(AuthError::Missing)));
    assert_eq!(Auth::Open.check("alice", None, now()).unwrap(), None);
}

#[test]
fn each_algorithm_works_with_its_own_kind_of_key_only() {
    let folder = Folder::new();
    let all = tokens();
    for (file, verified) in [
        (
            "rsa.pem",
            &["RS256", "PS256", "RS256 with kid", "RS256 with another kid", "PS256 with kid"][..],
        ),
        ("p256.pem", &["ES256", "ES256 with kid"]),
        ("ed25519.pem", &["EdDSA", "EdDSA with kid"]),
    ] {
        let auth = auth(folder.files(&[], &[file], &[]));
        for (name, token) in &all {
            let checked = auth.check("alice", Some(token), now());
            assert_eq!(
                checked.is_ok(),
                verified.contains(&name.as_str()),
                "{file} {name}: {checked:?}"
            );
        }
    }
}

#[test]
fn key_set_verifies_by_key_id_and_algorithm() {
    let auth = auth(Folder::new().files(&[], &[], &["jwks.json"]));
    for (name, token) in tokens() {
        // The set says that its RSA key is for RS256, and names each key.
        let (algorithm, more) = name.split_once(' ').unwrap_or((&name, ""));
        let is_valid =
            ["RS256", "ES256", "EdDSA"].contains(&algorithm) && ["", "with kid"].contains(&more);
        let checked = auth.check("alice", Some(&token), now());
        assert_eq!(checked.is_ok(), is_valid, "{name}: {checked:?}");
    }
}

#[test]
fn claims_of_time_are_honoured_with_grace() {
    let auth = auth(Folder::new().files(&["secret"], &[], &[]));
    let now = now();
    for (claims, reason) in [
        (json!({"exp": now - JWT_GRACE_SECONDS - 2}), "expired"),
        (json!({"exp": null}), "exp"),
        (json!({"nbf": now + JWT_GRACE_SECONDS + 5}), "not valid yet"),
        (json!({"iat": now + JWT_GRACE_SECONDS + 5}), "in the future"),
    ] {
        let error = judge(&auth, claims).unwrap_err();
        assert!(error.contains(reason), "{error}");
    }
    for claims in [
        json!({"nbf": now + JWT_GRACE_SECONDS - 5, "iat": now + JWT_GRACE_SECONDS - 5}),
        json!({"exp": (now + HOUR) as f64 + 0.5}),
    ] {
        assert_eq!(judge(&auth, claims), Ok(Some(now + HOUR)));
    }
    // A login within the grace is a session until its end.
    let end = judge(&auth, json!({"exp": now - 5})).unwrap();
    assert_eq!(end, Some(now - 5 + JWT_GRACE_SECONDS));
}

#[test]
fn audience_and_issuer_are_checked() {
    let folder = Folder::new();
    let files = || folder.files(&["secret"], &[], &[]);
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let strict = Auth::jwt(files(), &names(&["chat", "push"]), &names(&["login"])).unwrap();
    let good = json!({"aud": ["other", "push"], "iss": "login"});
    assert!(judge(&strict, good).is_ok());
    for (claims, reason) in [
        (json!({"iss": "login"}), "no `aud`"),
        (json!({"aud": "mail", "iss": "login"}), "audience"),
        (json!({"aud": "chat"}), "no `iss`"),
        (json!({"aud": "chat", "iss": "evil"}), "issuer"),
    ] {
        let error = judge(&strict, claims).unwrap_err();
        assert!(error.contains(reason), "{error}");
    }
    // RFC 7519, section 4.1.3: a node that is no audience refuses a token for one.
    assert!(judge(&auth(files()), json!({"aud": "chat"})).unwrap_err().contains("--jwt-audience"));
}

#[test]
fn invalid_token_is_rejected() {
    let auth = auth(Folder::new().files(&["secret"], &[], &[]));
    let claims = json!({"sub": "alice", "exp": now() + HOUR});
    let other = sign(&SECRET.replace('0', "x"), &claims);
    let no_subject = sign(SECRET, &json!({"exp": now() + HOUR}));
    for token in ["nonsense", "a.b.c", "", &other, &no_subject, &tokens()["none"]] {
        let checked = auth.check("alice", Some(token), now());
        assert!(matches!(checked, Err(AuthError::Invalid(_))), "{token}: {checked:?}");
    }
}

#[test]
fn several_secrets_allow_a_rotation() {
    let folder = Folder::new();
    let next = "f".repeat(32);
    folder.write("next", &format!("{next}\n"));
    let auth = auth(folder.files(&["secret", "next"], &[], &[]));
    for secret in [SECRET, &next] {
        let token = sign(secret, &json!({"sub": "alice", "exp": now() + HOUR}));
        auth.check("alice", Some(&token), now()).unwrap();
    }
}

#[test]
fn reload_keeps_the_last_good_keys() {
    let folder = Folder::new();
    let Auth::Jwt(check) = auth(folder.files(&["secret"], &[], &[])) else { unreachable!() };
    let auth = Auth::Jwt(check.clone());
    folder.write("secret", "short");
    assert!(check.reload().is_err());
    assert!(judge(&auth, json!({})).is_ok());
    folder.write("secret", &"f".repeat(32));
    assert_eq!(check.reload().unwrap(), 1);
    assert!(judge(&auth, json!({})).unwrap_err().contains("signature"));
}

#[test]
fn unusable_key_file_is_refused_with_its_flag() {
    let folder = Folder::new();
    folder.write("empty", " \n");
    folder.write("short", "tiny");
    folder.write("set", r#"{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}"#);
    for (files, flag, reason) in [
        (folder.files(&["empty"], &[], &[]), "--jwt-secret-file", "is empty"),
        (folder.files(&["short"], &[], &[]), "--jwt-secret-file", "4 bytes"),
        (folder.files(&["rsa.pem"], &[], &[]), "--jwt-secret-file", "PEM form"),
        (folder.files(&[], &["secret"], &[]), "--jwt-public-key-file", "no public key"),
        (folder.files(&[], &["rsa-1024.pem"], &[]), "--jwt-public-key-file", "2,048 bits"),
        (folder.files(&[], &["p384.pem"], &[]), "--jwt-public-key-file", "P-256"),
        (folder.files(&[], &[], &["secret"]), "--jwks-file", "no key set"),
        (folder.files(&[], &[], &["set"]), "--jwks-file", "no key that verifies"),
    ] {
        let error = refused(files);
        assert!(error.contains(flag) && error.contains(reason), "{error}");
    }
}
