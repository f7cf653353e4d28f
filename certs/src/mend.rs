//! The mends that error texts end in.

use std::path::Path;

use crate::identity::Identity;

/// What to do about a CA that is not there or not whole.
pub(crate) fn bring_ca(dir: &Path) -> String {
    format!(
        "copy it from where the cluster's CA was made, or make a CA with \
         `trunkline-certs init --dir {}`",
        dir.display()
    )
}

/// What to do about a CA's key that is not there or not the right one.
pub(crate) fn find_ca_key() -> String {
    "issue where the cluster's own ca.key is kept".to_owned()
}

/// What to do about a CA that is there but must not be used.
pub(crate) fn move_to_new_ca() -> String {
    "make a CA in another folder with `trunkline-certs init` and issue every certificate from it"
        .to_owned()
}

/// What to do when a CA is in the way of a new one.
pub(crate) fn keep_ca(dir: &Path) -> String {
    format!(
        "issue from the CA in {} with `trunkline-certs issue`, or give another --dir",
        dir.display()
    )
}

/// What to do about a certificate that is not there.
pub(crate) fn issue(dir: &Path, identity: &Identity) -> String {
    format!("issue it with {}", issue_command(dir, identity))
}

/// What to do about a certificate that is of no use.
pub(crate) fn issue_again(dir: &Path, identity: &Identity) -> String {
    format!("issue it again with {}", issue_command(dir, identity))
}

fn issue_command(dir: &Path, Identity { role, name }: &Identity) -> String {
    format!("`trunkline-certs issue --dir {} --role {role} --name {name}`", dir.display())
}
