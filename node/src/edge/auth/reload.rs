use std::{future::pending, sync::Arc};

use tokio::{task, time};
use tracing::{info, warn};
use trunkline_ops::WatchedFiles;

use super::{Auth, TokenCheck};
use crate::defaults::FILES_CHECKED_EVERY;

/// Reads the keys again whenever their files change. Never ends.
pub(crate) async fn reload_keys(auth: Auth) {
    let Auth::Jwt(check) = auth else { return pending().await };
    let mut files = WatchedFiles::new(check.files());
    loop {
        time::sleep(FILES_CHECKED_EVERY).await;
        let check = check.clone();
        // On a thread that may block: a file system may be slow.
        let looked = task::spawn_blocking(move || {
            if files.have_changed() {
                reload(&check);
            }
            files
        });
        files = looked.await.expect("it does not panic");
    }
}

fn reload(check: &Arc<TokenCheck>) {
    match check.reload() {
        Ok(keys) => info!(keys, "the keys for tokens have changed and are in use"),
        Err(error) => {
            warn!(%error, "the keys for tokens have changed and cannot be used: those before stay")
        }
    }
}
