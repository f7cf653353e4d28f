//! Users that are logged in and idle while a load runs on the same system.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use crate::{engine::Engine, error::LoadError, protocol::WireProtocol, system::System};

/// How often their thread checks whether it has to end.
const CHECK_INTERVAL: Duration = Duration::from_millis(100);

/// Users that stay logged in until this is dropped. A thread of its own answers their pings.
#[derive(Debug)]
pub struct IdleUsers {
    leave: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl IdleUsers {
    /// Logs `count` users in, over all nodes.
    pub fn log_in<P: WireProtocol>(system: System, count: usize) -> Result<Self, LoadError> {
        let leave = Arc::new(AtomicBool::new(false));
        let (sender, result) = mpsc::channel();
        let leaving = Arc::clone(&leave);
        let thread = thread::spawn(move || {
            let logged_in = log_in_all::<P>(&system, count);
            let (mut engine, logged_in) = match logged_in {
                Ok(engine) => (Some(engine), Ok(())),
                Err(error) => (None, Err(error)),
            };
            // The caller waits for this.
            let _ = sender.send(logged_in);
            while let Some(engine) = &mut engine
                && !leaving.load(Ordering::Relaxed)
                // If one is lost, the thread ends, and the other measurement shows the logouts.
                && engine.run(CHECK_INTERVAL).is_ok()
            {}
        });
        let idle_users = Self { leave, thread: Some(thread) };
        result.recv().expect("the thread sends before it ends")?;
        Ok(idle_users)
    }
}

impl Drop for IdleUsers {
    fn drop(&mut self) {
        self.leave.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn log_in_all<P: WireProtocol>(system: &System, count: usize) -> Result<Engine<P>, LoadError> {
    let mut engine = Engine::new()?;
    let run = fastrand::u32(..);
    engine
        .log_in((0..count).map(|number| (system.node(number), format!("b{run:08x}-{number}"))))?;
    Ok(engine)
}
