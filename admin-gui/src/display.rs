//! Chooses the display: the first of those that the environment names which answers. The variables
//! alone prove nothing, as a session that has ended may leave them behind.

use std::{
    env,
    ffi::OsString,
    io::{self, Read, Write},
    net::{TcpStream, ToSocketAddrs},
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixStream},
    },
    path::{Path, PathBuf},
};

use thiserror::Error;

use crate::defaults::DISPLAY_TIMEOUT;

/// The TCP port of X display 0; display n has the n-th port after it.
const X_PORT: u16 = 6_000;

/// The Unix sockets of X displays.
const X_SOCKETS: &str = "/tmp/.X11-unix/X";

/// An X connection setup: least significant byte first, protocol version 0, no authorisation. No server
/// has that version, so it refuses, which is answer enough: a server that accepted its first client
/// would reset itself when that client left, and refuse others meanwhile.
const X_SETUP: [u8; 12] = [b'l', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// A display protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backend {
    Wayland,
    X11,
}

/// No display answers. Holds what is wrong with each variable.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{}", .0.join("; "))]
pub struct NoDisplay(Vec<String>);

/// The display to use.
///
/// # Errors
/// If none answers.
pub(crate) fn choose() -> Result<Backend, NoDisplay> {
    choose_from(|name| env::var_os(name).filter(|value| !value.is_empty()))
}

fn choose_from(variable: impl Fn(&str) -> Option<OsString>) -> Result<Backend, NoDisplay> {
    // An open connection, inherited from the process that started this one.
    if variable("WAYLAND_SOCKET").is_some() {
        return Ok(Backend::Wayland);
    }
    let runtime = variable("XDG_RUNTIME_DIR");
    let probe = |backend, name: &OsString| match backend {
        Backend::Wayland => probe_wayland(name, runtime.as_ref()),
        Backend::X11 => probe_x11(&name.to_string_lossy()),
    };
    let mut errors = Vec::new();
    for (name, backend) in [("WAYLAND_DISPLAY", Backend::Wayland), ("DISPLAY", Backend::X11)] {
        let Some(value) = variable(name) else {
            errors.push(format!("{name} is not set"));
            continue;
        };
        match probe(backend, &value) {
            Ok(()) => return Ok(backend),
            Err(error) => errors.push(format!("{name}={} ({error})", value.display())),
        }
    }
    Err(NoDisplay(errors))
}

fn probe_wayland(name: &OsString, runtime: Option<&OsString>) -> io::Result<()> {
    let path = match runtime {
        _ if Path::new(name).is_absolute() => PathBuf::from(name),
        Some(runtime) => Path::new(runtime).join(name),
        None => return Err(io::Error::other("XDG_RUNTIME_DIR is not set")),
    };
    // wl_display.get_registry: object 1, 12 bytes with opcode 1, the new object is 2.
    let request: [u32; 3] = [1, 12 << 16 | 1, 2];
    let request: Vec<u8> = request.into_iter().flat_map(u32::to_ne_bytes).collect();
    probe_socket(UnixStream::connect(path)?, &request)
}

fn probe_x11(name: &str) -> io::Result<()> {
    let unusable = || io::Error::other("not [HOST]:NUMBER");
    // A path names the socket itself; a screen number may follow it.
    if name.starts_with('/') {
        let path = name.rsplit_once('.').map(|(path, _)| path);
        let stream =
            UnixStream::connect(name).or_else(|error| path.map_or(Err(error), UnixStream::connect));
        return probe_socket(stream?, &X_SETUP);
    }
    let (host, number) = name.rsplit_once(':').ok_or_else(unusable)?;
    let number = number.split('.').next().unwrap_or(number);
    let number: u16 = number.parse().map_err(|_| unusable())?;
    let host = host.rsplit_once('/').map_or(host, |(_, host)| host);
    if !matches!(host, "" | "unix") {
        return probe_host(host, number);
    }
    let path = format!("{X_SOCKETS}{number}");
    let stream = SocketAddr::from_abstract_name(&path)
        .and_then(|address| UnixStream::connect_addr(&address))
        .or_else(|_| UnixStream::connect(&path));
    match stream {
        Ok(stream) => probe_socket(stream, &X_SETUP),
        // A server on another machine, behind a forwarded port of this one.
        Err(error) if host.is_empty() => probe_host("localhost", number).map_err(|_| error),
        Err(error) => Err(error),
    }
}

fn probe_host(host: &str, number: u16) -> io::Result<()> {
    let port = X_PORT.checked_add(number).ok_or_else(|| io::Error::other("no such display"))?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let mut last = io::Error::other("its host has no address");
    for address in (host, port).to_socket_addrs()? {
        let probed = TcpStream::connect_timeout(&address, DISPLAY_TIMEOUT).and_then(|stream| {
            stream.set_read_timeout(Some(DISPLAY_TIMEOUT))?;
            exchange(stream, &X_SETUP)
        });
        match probed {
            Ok(()) => return Ok(()),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn probe_socket(stream: UnixStream, request: &[u8]) -> io::Result<()> {
    stream.set_read_timeout(Some(DISPLAY_TIMEOUT))?;
    stream.set_write_timeout(Some(DISPLAY_TIMEOUT))?;
    exchange(stream, request)
}

/// Writes a request and waits for the first byte of the answer.
fn exchange(mut stream: impl Read + Write, request: &[u8]) -> io::Result<()> {
    let silent = |error: io::Error| match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => io::Error::other("no answer"),
        _ => error,
    };
    stream.write_all(request).map_err(silent)?;
    stream.read_exact(&mut [0]).map_err(silent)
}

#[cfg(test)]
mod tests {
    use std::{os::unix::net::UnixListener, thread};

    use super::*;

    /// The socket of a display: live, or left behind by a server that has ended.
    fn display(folder: &Path, name: &str, answers: bool) -> OsString {
        let path = folder.join(name);
        let listener = UnixListener::bind(&path).unwrap();
        if answers {
            thread::spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                stream.read_exact(&mut [0; 12]).unwrap();
                stream.write_all(&[1]).unwrap();
            });
        }
        // Dropping the listener leaves the socket file, which refuses connections.
        path.into_os_string()
    }

    #[test]
    fn first_display_that_answers_is_used() {
        let folder = tempfile::tempdir().unwrap();
        let cases = [
            (Some(true), Some(true), Ok(Backend::Wayland)),
            (Some(false), Some(true), Ok(Backend::X11)),
            (None, Some(true), Ok(Backend::X11)),
            (Some(true), Some(false), Ok(Backend::Wayland)),
            (Some(true), None, Ok(Backend::Wayland)),
            (Some(false), Some(false), Err(["WAYLAND_DISPLAY=", "DISPLAY="])),
            (None, Some(false), Err(["WAYLAND_DISPLAY is not set", "DISPLAY="])),
            (None, None, Err(["WAYLAND_DISPLAY is not set", "DISPLAY is not set"])),
        ];
        for (number, (wayland, x11, expected)) in cases.into_iter().enumerate() {
            let make =
                |kind: &str, answers| display(folder.path(), &format!("{kind}{number}"), answers);
            let wayland = wayland.map(|answers| make("wayland", answers));
            let x11 = x11.map(|answers| make("x", answers));
            let chosen = choose_from(|name| match name {
                "WAYLAND_DISPLAY" => wayland.clone(),
                "DISPLAY" => x11.clone(),
                _ => None,
            });
            match expected {
                Ok(backend) => assert_eq!(chosen, Ok(backend), "case {number}"),
                Err(causes) => {
                    let error = chosen.unwrap_err().to_string();
                    assert!(causes.iter().all(|cause| error.contains(cause)), "{error}");
                }
            }
        }
    }

    #[test]
    fn malformed_display_names_are_errors() {
        for name in ["nowhere", ":", ":x", "localhost:65000"] {
            assert!(probe_x11(name).is_err(), "{name}");
        }
        let relative = probe_wayland(&"wayland-0".into(), None).unwrap_err();
        assert!(relative.to_string().contains("XDG_RUNTIME_DIR"));
    }
}
