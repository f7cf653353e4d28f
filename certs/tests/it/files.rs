//! Files in other encodings, with other content or other modes.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    process::{Command, Output},
};

use trunkline_certs::Role;

use crate::folder::CertsFolder;

const ENCRYPTED_PKCS8: &str = "\
-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAhv0GxhNrKAzgICCAAw
DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEK0j5kMNJZlv8sPcNfAlYQUEgZDp
kFmYWZc0reXhIFMvO6qtdzK7nEPOZaZIIH2M2pi/uMp70c1uUwmRPezc+HFKPH+d
CgI5bKsu5Ot9yrvsXh8aPoSIWXyIA9Mz2OPYaM5yT1YxYEEv9uchonyJMNyuR8mU
AUgzg9zuIVl/esTAGZTAZqFr4Q6GAxPUaNWOnSNm4QQEY19BNRgXquFYpZcnIL0=
-----END ENCRYPTED PRIVATE KEY-----
";

const ENCRYPTED_SEC1: &str = "\
-----BEGIN EC PRIVATE KEY-----
Proc-Type: 4,ENCRYPTED
DEK-Info: AES-256-CBC,03D46DD499BB708C38CBEFE9F1DBBF4E

a+L4HXuH0hwKBiZDJU6FmAAgmGEPSjgw5cjs3ySV0zF/KfynlvoL+rYW2iWpqPSu
uVSP5dqJf6TCiOKmBSv90vWX5s2yYd2i7w1OoFPIlfhOON2JyBmnI6lh9OfpZ2K8
ryq3IFZRZfXodzKXQqWRkZQySkDRuz0Dj5CqsuQfFG4=
-----END EC PRIVATE KEY-----
";

fn issued() -> CertsFolder {
    let folder = CertsFolder::new();
    folder.issue(Role::Node, "node-1");
    folder
}

#[test]
fn byte_order_mark_and_crlf_are_accepted() {
    let folder = issued();
    for file in ["ca.pem", "node/node-1.pem", "node/node-1.key"] {
        let text = folder.read(file).replace('\n', "\r\n");
        folder.write(file, &format!("\u{feff}{text}"));
    }
    folder.load(Role::Node, "node-1").unwrap();
}

#[test]
fn encrypted_key_is_recognized() {
    for key in [ENCRYPTED_PKCS8, ENCRYPTED_SEC1] {
        let folder = issued();
        for key in [key.to_owned(), key.replace('\n', "\r\n"), format!("\u{feff}{key}")] {
            folder.write("node/node-1.key", &key);
            let text = folder.load_error(Role::Node, "node-1");
            assert!(
                text.starts_with(
                    "certs/node/node-1.key is an encrypted private key: decrypt it with `openssl \
                     pkey -in certs/node/node-1.key -out NEW`, or issue it again with"
                ),
                "{text}"
            );
        }
    }
}

#[test]
fn other_content_is_named() {
    let folder = issued();
    let (certificate, key) = (folder.read("node/node-1.pem"), folder.read("node/node-1.key"));
    let label = |label: &str| format!("-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n");
    for (file, content, words) in [
        ("node/node-1.key", certificate.clone(), "holds a certificate, not a private key"),
        ("node/node-1.key", label("PUBLIC KEY"), "holds a public key, not a private key"),
        ("node/node-1.key", label("OPENSSH PRIVATE KEY"), "holds an OpenSSH private key, not"),
        ("node/node-1.key", label("DH PARAMETERS"), "holds the PEM item \"DH PARAMETERS\", not"),
        ("node/node-1.key", String::new(), "is empty"),
        ("node/node-1.key", " \r\n".to_owned(), "is empty"),
        ("node/node-1.pem", key.clone(), "holds a private key, not a certificate"),
        ("node/node-1.pem", label("CERTIFICATE REQUEST"), "holds a certificate request, not a"),
        ("ca.pem", folder.read("ca.key"), "holds a private key, not a certificate"),
    ] {
        let before = folder.read(file);
        folder.write(file, &content);
        let text = folder.load_error(Role::Node, "node-1");
        assert!(text.starts_with(&format!("certs/{file} {words}")), "{words}: {text}");
        assert!(text.contains("trunkline-certs") && text.lines().count() == 1, "{text}");
        folder.write(file, &before);
    }
    folder.load(Role::Node, "node-1").unwrap();
}

#[test]
fn utf16_and_der_are_recognized() {
    let folder = issued();
    let text = format!("\u{feff}{}", folder.read("node/node-1.key"));
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    fs::write(folder.path("node/node-1.key"), utf16).unwrap();
    assert!(folder.load_error(Role::Node, "node-1").contains("is UTF-16 text (save it as UTF-8)"));
    fs::write(folder.path("node/node-1.key"), b"\x30\x82\x01\x00").unwrap();
    assert!(folder.load_error(Role::Node, "node-1").contains("holds binary DER"));
}

#[test]
fn key_that_others_may_read_is_warned_about() {
    let folder = CertsFolder::new();
    let output = issue(&folder);
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    for mode in [0o640, 0o604, 0o660, 0o644] {
        fs::set_permissions(folder.path("ca.key"), Permissions::from_mode(mode)).unwrap();
        let output = issue(&folder);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success() && said.lines().count() == 1, "{said}");
        let remedy = format!("chmod 600 {}", folder.path("ca.key").display());
        assert!(said.contains("WARN") && said.contains(&remedy), "{said}");
        assert!(said.contains(&format!("{mode:04o}")), "{said}");
    }
}

fn issue(folder: &CertsFolder) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trunkline-certs"));
    command.env_clear().args(["issue", "--role", "node", "--name", "node-1", "--dir"]);
    command.arg(folder.dir()).output().unwrap()
}
