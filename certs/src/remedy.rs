//! What an error message tells the operator to do.

use std::path::Path;

use crate::identity::Identity;

/// For a file that exists and cannot be read.
pub(crate) const CHECK_ACCESS: &str = "check its owner and mode";

/// For a file that cannot be written.
pub(crate) const CHECK_FOLDER: &str = "check the folder's owner, mode and free space";

/// For a CA that parses and cannot sign.
pub(crate) const CHECK_CA: &str = "check the CA, it is not one of `trunkline-certs init`";

/// For a CA's key that is missing or belongs to another CA.
pub(crate) const FIND_CA_KEY: &str = "issue where the cluster's own ca.key is kept";

/// For a list of denied certificates that cannot be used.
pub(crate) const DENIED_FORM: &str =
    "write role/name/serial, one a line, as `trunkline-certs revoke` does";

/// For a certificate that is to be revoked, and is missing.
pub(crate) const FIND_CERTIFICATE: &str =
    "revoke where the certificate is, or add role/name/serial to denied.txt yourself";

/// For a CA that has expired.
pub(crate) const MOVE_TO_NEW_CA: &str =
    "make a CA in another folder with `trunkline-certs init` and issue every certificate from it";

/// For a CA that is missing or not usable.
pub(crate) fn bring_ca(dir: &Path) -> String {
    format!(
        "copy it from where the cluster's CA was made, or make a CA with \
         `trunkline-certs init --dir {}`",
        dir.display()
    )
}

/// For a CA that would be overwritten.
pub(crate) fn keep_ca(dir: &Path) -> String {
    format!(
        "issue from the CA in {} with `trunkline-certs issue`, or give another --dir",
        dir.display()
    )
}

/// For a private key that is encrypted.
pub(crate) fn decrypt(path: &Path) -> String {
    format!("decrypt it with `openssl pkey -in {} -out NEW`", path.display())
}

/// For a certificate that is missing.
pub(crate) fn issue(dir: &Path, identity: &Identity) -> String {
    format!("issue it with {}", issue_command(dir, identity))
}

/// For a certificate that cannot be used.
pub(crate) fn issue_again(dir: &Path, identity: &Identity) -> String {
    format!("issue it again with {}", issue_command(dir, identity))
}

fn issue_command(dir: &Path, Identity { role, name }: &Identity) -> String {
    format!("`trunkline-certs issue --dir {} --role {role} --name {name}`", dir.display())
}
