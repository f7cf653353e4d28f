use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use thiserror::Error;

const START_TIMEOUT: Duration = Duration::from_secs(20);
const START_ATTEMPTS: usize = 5;
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);
const PROBE_PAUSE: Duration = Duration::from_millis(10);

/// Why no redis-server could be started.
#[derive(Debug, Error)]
pub enum RedisServerError {
    /// The program is not on the `PATH`.
    #[error(
        "redis-server is not installed; `just setup` installs it (Debian: apt-get install redis-server)"
    )]
    NotInstalled,
    /// Each time it was started, it exited or did not answer.
    #[error("redis-server does not start on a free port of 127.0.0.1")]
    NotReady,
    /// No port, no folder, or no process.
    #[error("cannot start redis-server: {0}")]
    Io(#[from] io::Error),
}

/// A redis-server on a free port of 127.0.0.1 that writes nothing to disk. It keeps its port across
/// restarts. Dropping this kills it.
#[derive(Debug)]
pub struct RedisServer {
    address: SocketAddr,
    folder: TempDir,
    process: Option<Child>,
}

impl RedisServer {
    /// Starts a server, and waits until it answers. Blocks for about ten milliseconds.
    pub fn start() -> Result<Self, RedisServerError> {
        for _ in 0..START_ATTEMPTS {
            let mut server =
                Self { address: free_address()?, folder: tempfile::tempdir()?, process: None };
            match server.spawn() {
                // Another process may have bound the port meanwhile.
                Err(RedisServerError::NotReady) => {}
                Err(error) => return Err(error),
                Ok(()) => return Ok(server),
            }
        }
        Err(RedisServerError::NotReady)
    }

    /// Its URL, also while it is stopped.
    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// The address in [`Self::url`].
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Pauses it (`SIGSTOP`): connections stay open, and nothing is answered.
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// Resumes it (`SIGCONT`): it executes the commands that arrived during the pause.
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// Kills it. Its data is lost.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            // Killing fails only if the process has exited already.
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Kills it if it runs, and starts it at the same address, empty.
    pub fn restart_empty(&mut self) -> Result<(), RedisServerError> {
        self.stop();
        self.spawn()
    }

    fn spawn(&mut self) -> Result<(), RedisServerError> {
        let process = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", &self.address.port().to_string()])
            .args(["--save", "", "--appendonly", "no", "--daemonize", "no"])
            .arg("--dir")
            .arg(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| match error.kind() {
                ErrorKind::NotFound => RedisServerError::NotInstalled,
                _ => RedisServerError::Io(error),
            })?;
        self.process = Some(process);
        self.wait_until_ready()
    }

    fn wait_until_ready(&mut self) -> Result<(), RedisServerError> {
        let deadline = Instant::now() + START_TIMEOUT;
        while Instant::now() < deadline {
            let running = matches!(self.process.as_mut().map(Child::try_wait), Some(Ok(None)));
            if !running {
                break;
            }
            if answers(self.address).is_ok_and(|answers| answers) {
                return Ok(());
            }
            thread::sleep(PROBE_PAUSE);
        }
        self.stop();
        Err(RedisServerError::NotReady)
    }

    fn signal(&self, signal: Signal) {
        let process = self.process.as_ref().expect("the test has stopped redis-server");
        kill_process(Pid::from_child(process), signal).expect("redis-server is a child process");
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.stop();
    }
}

fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

fn answers(address: SocketAddr) -> io::Result<bool> {
    let mut stream = TcpStream::connect_timeout(&address, PROBE_TIMEOUT)?;
    stream.set_read_timeout(Some(PROBE_TIMEOUT))?;
    stream.write_all(b"PING\r\n")?;
    let mut answer = [0; 5];
    stream.read_exact(&mut answer)?;
    Ok(answer == *b"+PONG")
}
