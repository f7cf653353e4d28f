use std::{io, net, rc::Rc};

use tokio::{net::TcpListener, task::LocalSet};

use super::isolated::data_plane;
use crate::{
    edge::{Auth, BrowserRules, Listener, SendRates, SessionRules},
    origins::Origins,
};

/// Echoes every message of up to `frame_bytes_max` bytes while it is polled. Needs a current-thread
/// runtime of its own.
///
/// # Errors
/// If the listener cannot be used.
pub async fn serve_echo(listener: net::TcpListener, frame_bytes_max: usize) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let data_plane = data_plane(1).map_err(io::Error::other)?;
    let rules =
        SessionRules { frame_bytes_max, rates: SendRates::default(), auth: Auth::Open, echo: true };
    let clients = Listener {
        listener: TcpListener::from_std(listener)?,
        tls: None,
        data_plane: data_plane.clone(),
        rules: Rc::new(rules),
        browsers: Rc::new(BrowserRules { origins: Origins::Any, has_page: false }),
    };
    let tasks = LocalSet::new();
    tasks.spawn_local(data_plane.flush_when_needed());
    tasks.run_until(clients.run()).await;
    Ok(())
}
