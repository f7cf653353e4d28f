//! Recognizes the content of a PEM file that is not the expected one.

use std::path::Path;

use crate::error::CertsErrorKind;

/// The start of the line before a PEM item; the label follows.
const BEGIN: &str = "-----BEGIN ";

/// Whether the key in a PEM file is encrypted, as PKCS #8 or in OpenSSL's own format.
pub(crate) fn is_encrypted(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    let mut lines = text.lines().map(str::trim);
    lines.any(|line| {
        line == "Proc-Type: 4,ENCRYPTED" || label(line) == Some("ENCRYPTED PRIVATE KEY")
    })
}

/// The error for a file without the `expected` item.
pub(crate) fn other_content(path: &Path, text: &[u8], expected: &'static str) -> CertsErrorKind {
    let path = path.to_owned();
    match found(text).filter(|found| found != expected) {
        Some(found) => CertsErrorKind::OtherPem { path, found, expected },
        None => CertsErrorKind::NotPem { path, expected },
    }
}

fn found(text: &[u8]) -> Option<String> {
    // DER: a sequence with a length of two bytes.
    if text.starts_with(b"\x30\x82") {
        return Some("binary DER".to_owned());
    }
    let text = String::from_utf8_lossy(text);
    let label = text.lines().find_map(|line| label(line.trim()))?;
    Some(match label {
        "CERTIFICATE" | "TRUSTED CERTIFICATE" | "X509 CERTIFICATE" => "a certificate".to_owned(),
        "CERTIFICATE REQUEST" => "a certificate request".to_owned(),
        "PUBLIC KEY" | "RSA PUBLIC KEY" => "a public key".to_owned(),
        "OPENSSH PRIVATE KEY" => "an OpenSSH private key".to_owned(),
        label if label.ends_with("PRIVATE KEY") => "a private key".to_owned(),
        label => format!("the PEM item {label:?}"),
    })
}

fn label(line: &str) -> Option<&str> {
    line.strip_prefix(BEGIN)?.strip_suffix("-----")
}
