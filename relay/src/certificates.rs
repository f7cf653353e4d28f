//! Certificates that change while the relay runs.

use std::{convert::Infallible, path::PathBuf, sync::Arc};

use tokio::sync::watch;
use tracing::{info, warn};
use trunkline_certs::{Credentials, DeniedCertificates};
use trunkline_ops::WatchedFiles;

use crate::defaults::CERTIFICATES_CHECKED_EVERY;

/// Reads the relay's own certificate again when its files change.
pub(crate) async fn watch(credentials: Credentials) -> Infallible {
    let files = WatchedFiles::new(credentials.paths());
    files.watch(CERTIFICATES_CHECKED_EVERY, move || credentials.reload_and_tell()).await
}

/// Reads the list of denied certificates in `dir` again when it changes. A list that cannot be used leaves
/// the last one in use.
pub(crate) async fn watch_denied(
    dir: PathBuf,
    denied: watch::Sender<Arc<DeniedCertificates>>,
) -> Infallible {
    let files = WatchedFiles::new(vec![DeniedCertificates::path(&dir)]);
    let reload = move || match DeniedCertificates::load(&dir) {
        Ok(list) => {
            info!(certificates = list.count(), "the list of denied certificates has changed");
            denied.send_replace(Arc::new(list));
        }
        Err(error) => {
            warn!(%error, "the list of denied certificates cannot be used: the last one stays");
        }
    };
    files.watch(CERTIFICATES_CHECKED_EVERY, reload).await
}
