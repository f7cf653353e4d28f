//! The fence: a node that has lost its lease, or was declared dead, starts a new incarnation.

use tokio::{select, sync::mpsc};
use tracing::warn;
use trunkline_directory::LeaseState;
use trunkline_protocol::{
    Incarnation,
    control::{Hello, ToRelay},
};

use crate::{data_plane::DataPlane, link::RelayCommand};

/// Watches the lease and the relay's commands. Completes when an operator drains the node.
pub(crate) async fn fence(
    data_plane: &DataPlane,
    outbox: &mpsc::Sender<ToRelay>,
    hello: &Hello,
    commands: &mut mpsc::Receiver<RelayCommand>,
) {
    let mut status = data_plane.registrar().status();
    loop {
        select! {
            command = commands.recv() => match command {
                Some(RelayCommand::Reincarnate) => {}
                Some(RelayCommand::Drain) => return,
                // The link has ended for good, and its own result says why.
                None => std::future::pending().await,
            },
            changed = status.changed() => {
                let lost = matches!(status.borrow_and_update().lease, LeaseState::Lost { .. });
                if changed.is_err() || !lost {
                    continue;
                }
            }
        }
        let incarnation = Incarnation::fresh();
        let former = data_plane.turn(|state, _| state.reincarnate(incarnation));
        warn!(%former, %incarnation, "declared dead, starting a new incarnation");
        // If this finds no link or a full outbox, the hello of the next link says the same.
        let _ = outbox.try_send(ToRelay::Hello(hello.clone()));
    }
}
