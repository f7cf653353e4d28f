//! Users who are logged in and do nothing, beside a load on the same system.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use crate::{
    engine::{Engine, LoadError},
    peer::Peer,
    system::System,
};

/// How soon their thread sees that it is to end.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Users who stay logged in until this is dropped. A thread of its own answers their pings.
#[derive(Debug)]
pub struct Bystanders {
    leave: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Bystanders {
    /// Logs so many in, over all nodes in turn.
    ///
    /// # Errors
    /// If one of them cannot be.
    pub fn log_in<P: Peer>(system: System, count: usize) -> Result<Self, LoadError> {
        let leave = Arc::new(AtomicBool::new(false));
        let (told, outcome) = mpsc::channel();
        let left = Arc::clone(&leave);
        let thread = thread::spawn(move || {
            let logged_in = crowd::<P>(&system, count);
            let (mut engine, told_outcome) = match logged_in {
                Ok(engine) => (Some(engine), Ok(())),
                Err(error) => (None, Err(error)),
            };
            // Whoever asked waits for it.
            let _ = told.send(told_outcome);
            while let Some(engine) = &mut engine
                && !left.load(Ordering::Relaxed)
                // Who loses a bystander sees it in the figures of what was beside.
                && engine.run(LOOK_EVERY).is_ok()
            {}
        });
        let bystanders = Self { leave, thread: Some(thread) };
        outcome.recv().expect("the thread tells before it ends")?;
        Ok(bystanders)
    }
}

impl Drop for Bystanders {
    fn drop(&mut self) {
        self.leave.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn crowd<P: Peer>(system: &System, count: usize) -> Result<Engine<P>, LoadError> {
    let mut engine = Engine::new()?;
    let run = fastrand::u32(..);
    engine
        .log_in((0..count).map(|number| (system.node(number), format!("b{run:08x}-{number}"))))?;
    Ok(engine)
}
