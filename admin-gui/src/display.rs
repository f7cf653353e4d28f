//! Which display the window is shown on: the first of those that the environment names at which
//! someone answers. A name alone says little: a session that has ended leaves its names behind.

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

/// The port of the first X display; each next one has the next.
const X_PORT: u16 = 6_000;

/// Where the sockets of X displays are.
const X_SOCKETS: &str = "/tmp/.X11-unix/X";

/// What an X client says first: least significant byte first, a version, and no key. The version is
/// one that no server has, so that it refuses, which is an answer: one that took this client in would
/// start anew when it goes, if it is the only one, and turn away whoever comes meanwhile.
const X_HELLO: [u8; 12] = [b'l', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// How the window speaks to a display.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backend {
    Wayland,
    X11,
}

/// No display answers. Says what each of those that are named says instead.
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
    // A connection that is open already, from whoever has started the program.
    if variable("WAYLAND_SOCKET").is_some() {
        return Ok(Backend::Wayland);
    }
    let runtime = variable("XDG_RUNTIME_DIR");
    let ask = |backend, name: &OsString| match backend {
        Backend::Wayland => ask_wayland(name, runtime.as_ref()),
        Backend::X11 => ask_x11(&name.to_string_lossy()),
    };
    let mut said = Vec::new();
    for (name, backend) in [("WAYLAND_DISPLAY", Backend::Wayland), ("DISPLAY", Backend::X11)] {
        let Some(value) = variable(name) else {
            said.push(format!("{name} is not set"));
            continue;
        };
        match ask(backend, &value) {
            Ok(()) => return Ok(backend),
            Err(error) => said.push(format!("{name}={} ({error})", value.display())),
        }
    }
    Err(NoDisplay(said))
}

fn ask_wayland(name: &OsString, runtime: Option<&OsString>) -> io::Result<()> {
    let path = match runtime {
        _ if Path::new(name).is_absolute() => PathBuf::from(name),
        Some(runtime) => Path::new(runtime).join(name),
        None => return Err(io::Error::other("XDG_RUNTIME_DIR is not set")),
    };
    // wl_display.get_registry: to object 1, 12 bytes with opcode 1, the new object is 2.
    let words: [u32; 3] = [1, 12 << 16 | 1, 2];
    let hello: Vec<u8> = words.into_iter().flat_map(u32::to_ne_bytes).collect();
    ask_socket(UnixStream::connect(path)?, &hello)
}

fn ask_x11(name: &str) -> io::Result<()> {
    let unusable = || io::Error::other("not [HOST]:NUMBER");
    // A path, as some desktops have it, names its socket.
    if name.starts_with('/') {
        let path = name.rsplit_once('.').map(|(path, _)| path);
        let stream =
            UnixStream::connect(name).or_else(|error| path.map_or(Err(error), UnixStream::connect));
        return ask_socket(stream?, &X_HELLO);
    }
    let (host, number) = name.rsplit_once(':').ok_or_else(unusable)?;
    let number = number.split('.').next().unwrap_or(number);
    let number: u16 = number.parse().map_err(|_| unusable())?;
    let host = host.rsplit_once('/').map_or(host, |(_, host)| host);
    if !matches!(host, "" | "unix") {
        return ask_host(host, number);
    }
    let path = format!("{X_SOCKETS}{number}");
    let stream = SocketAddr::from_abstract_name(&path)
        .and_then(|address| UnixStream::connect_addr(&address))
        .or_else(|_| UnixStream::connect(&path));
    match stream {
        Ok(stream) => ask_socket(stream, &X_HELLO),
        // A server elsewhere that is reached by a port of this machine.
        Err(error) if host.is_empty() => ask_host("localhost", number).map_err(|_| error),
        Err(error) => Err(error),
    }
}

fn ask_host(host: &str, number: u16) -> io::Result<()> {
    let port = X_PORT.checked_add(number).ok_or_else(|| io::Error::other("no such display"))?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let mut last = io::Error::other("its host has no address");
    for address in (host, port).to_socket_addrs()? {
        let asked = TcpStream::connect_timeout(&address, DISPLAY_TIMEOUT).and_then(|stream| {
            stream.set_read_timeout(Some(DISPLAY_TIMEOUT))?;
            ask(stream, &X_HELLO)
        });
        match asked {
            Ok(()) => return Ok(()),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn ask_socket(stream: UnixStream, hello: &[u8]) -> io::Result<()> {
    stream.set_read_timeout(Some(DISPLAY_TIMEOUT))?;
    stream.set_write_timeout(Some(DISPLAY_TIMEOUT))?;
    ask(stream, hello)
}

/// Waits for the first byte of an answer.
fn ask(mut stream: impl Read + Write, hello: &[u8]) -> io::Result<()> {
    let silent = |error: io::Error| match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => io::Error::other("nobody answers"),
        _ => error,
    };
    stream.write_all(hello).map_err(silent)?;
    stream.read_exact(&mut [0]).map_err(silent)
}

#[cfg(test)]
mod tests {
    use std::{os::unix::net::UnixListener, thread};

    use super::*;

    /// A display at which someone answers, or none does.
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
        // One that nobody holds any more refuses.
        path.into_os_string()
    }

    #[test]
    fn the_first_display_that_answers_is_used() {
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
                Err(words) => {
                    let said = chosen.unwrap_err().to_string();
                    assert!(words.iter().all(|words| said.contains(words)), "{said}");
                }
            }
        }
    }

    #[test]
    fn a_name_that_is_none_is_told() {
        for name in ["nowhere", ":", ":x", "localhost:65000"] {
            assert!(ask_x11(name).is_err(), "{name}");
        }
        let relative = ask_wayland(&"wayland-0".into(), None).unwrap_err();
        assert!(relative.to_string().contains("XDG_RUNTIME_DIR"));
    }
}
