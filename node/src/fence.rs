//! The fence: a node that has lost its lease, or was declared dead, starts a new incarnation.

use tokio::{select, sync::mpsc};
use tracing::warn;
use trunkline_directory::{LeaseState, Registrar};
use trunkline_protocol::{
    Incarnation,
    control::{Hello, ToRelay},
};

use crate::{data_plane::DataPlane, link::RelayCommand};

/// Watches the lease and the relay's commands.
pub(crate) struct NodeFence {
    pub(crate) data_plane: DataPlane,
    pub(crate) registrar: Registrar,
    /// Control messages for the relay.
    pub(crate) outbox: mpsc::Sender<ToRelay>,
    pub(crate) hello: Hello,
}

impl NodeFence {
    /// Completes when an operator drains the node.
    pub(crate) async fn run(&self, commands: &mut mpsc::Receiver<RelayCommand>) {
        let mut status = self.registrar.status();
        loop {
            select! {
                command = commands.recv() => match command {
                    Some(RelayCommand::Reincarnate) => self.reincarnate(),
                    Some(RelayCommand::Drain) => return,
                    // The link has ended for good, and its own result says why.
                    None => std::future::pending().await,
                },
                changed = status.changed() => {
                    let lost = matches!(status.borrow_and_update().lease, LeaseState::Lost { .. });
                    if changed.is_ok() && lost {
                        self.reincarnate();
                    }
                }
            }
        }
    }

    fn reincarnate(&self) {
        let incarnation = Incarnation::fresh();
        let former = self.data_plane.turn(|state, _| {
            let former = state.incarnation();
            state.reincarnate(incarnation);
            former
        });
        warn!(%former, %incarnation, "declared dead, starting a new incarnation");
        // If this finds no link or a full outbox, the hello of the next link says the same.
        let _ = self.outbox.try_send(ToRelay::Hello(self.hello.clone()));
    }
}
