use std::{
    io::{self, Write},
    net::{TcpListener, TcpStream},
    rc::Rc,
    time::Duration,
};

use tokio::{
    io::AsyncRead,
    task::{self, LocalSet},
    time,
};
use tokio_tungstenite::tungstenite::{Error, Message, WebSocket, protocol::Role};
use trunkline_directory::Location;

use super::super::{ReadAhead, SendRates, SessionRules, SessionTask, login::Login};
use crate::{
    client_socket::{ClientReader, in_the_clear},
    data_plane::{DataPlane, GrantedSlot, SessionKey},
    edge::auth::Auth,
    testing::isolated,
};

/// How often a client polls its connection before the test fails.
const POLLS_MAX: usize = 100_000;

/// A data plane without Redis and relay, to which clients connect over loopback.
pub(super) struct SessionBench {
    pub(super) data_plane: DataPlane,
    rules: Rc<SessionRules>,
}

/// A client of a session.
pub(super) struct TestClient {
    socket: WebSocket<TcpStream>,
    pub(super) key: SessionKey,
}

impl SessionBench {
    /// Runs a test with the tasks of a data plane.
    pub(super) async fn run(sessions_per_user: usize, test: impl AsyncFnOnce(&Self)) {
        let data_plane = isolated::data_plane(sessions_per_user).unwrap();
        let tasks = LocalSet::new();
        tasks.spawn_local(data_plane.clone().flush_when_needed());
        tasks.spawn_local(data_plane.clone().tick_when_needed());
        let rules = Rc::new(SessionRules {
            frame_bytes_max: 1024,
            rates: SendRates::default(),
            auth: Auth::Open,
            #[cfg(feature = "testing")]
            echo: false,
        });
        tasks.run_until(test(&Self { data_plane, rules })).await;
    }

    /// Connects a client whose session waits for the login.
    pub(super) fn connect(&self) -> TestClient {
        self.connect_with(|reading| reading, |_| {})
    }

    /// Connects a client whose login the directory has registered, with sessions at `others`.
    pub(super) fn connect_as(&self, user: &str, others: Vec<Location>) -> TestClient {
        let registered = Box::pin(std::future::ready(Some(others)));
        let login = Login::Registering(user.parse().unwrap(), registered);
        self.connect_with(|reading| reading, |session| session.requests.login = login)
    }

    /// Connects a client to a session that reads through `wrap` and was changed by `modify`.
    pub(super) fn connect_with<R: AsyncRead + Unpin + 'static>(
        &self,
        wrap: impl FnOnce(ClientReader) -> R,
        modify: impl FnOnce(&mut SessionTask<R>),
    ) -> TestClient {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        stream.set_nonblocking(true).unwrap();
        accepted.set_nonblocking(true).unwrap();
        let (reading, writing) = in_the_clear(tokio::net::TcpStream::from_std(accepted).unwrap());
        let key = self.data_plane.turn(|state, _| state.open(writing));
        let slot = self.data_plane.turn(|state, _| state.slots.acquire());
        let Some(GrantedSlot::Free(slot)) = slot else { panic!("no slot is free") };
        let connection = (wrap(reading), Vec::new(), slot);
        let (data_plane, rules) = (self.data_plane.clone(), self.rules.clone());
        let mut session =
            SessionTask::new(data_plane, key, connection, ReadAhead::default(), rules);
        modify(&mut session);
        task::spawn_local(session.run());
        TestClient { socket: WebSocket::from_raw_socket(stream, Role::Client, None), key }
    }

    /// Lets time pass, and then closes or pings the sessions that are due.
    pub(super) async fn sweep_after(&self, pause: Duration) {
        time::advance(pause).await;
        self.data_plane.turn(|state, now| state.sweep(now));
    }

    /// Waits until no session is left.
    pub(super) async fn all_sessions_ended(&self) {
        for _ in 0..POLLS_MAX {
            if self.data_plane.turn(|state, _| state.session_keys()).is_empty() {
                return;
            }
            task::yield_now().await;
        }
        panic!("a session did not end");
    }
}

impl TestClient {
    pub(super) fn send(&mut self, message: impl Into<Message>) {
        self.socket.send(message.into()).unwrap();
    }

    /// Writes bytes that need not be whole frames.
    pub(super) async fn send_bytes(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            match self.socket.get_mut().write(bytes) {
                Ok(count) => bytes = &bytes[count..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => task::yield_now().await,
                Err(error) => panic!("{error}"),
            }
        }
    }

    pub(super) fn close(&mut self) {
        self.socket.close(None).unwrap();
    }

    /// The next message that is no pong. Polls instead of waiting, because paused time would run ahead of the socket.
    pub(super) async fn next(&mut self) -> Message {
        for _ in 0..POLLS_MAX {
            match self.socket.read() {
                Ok(Message::Pong(_)) => {}
                Ok(message) => return message,
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                    task::yield_now().await;
                }
                Err(error) => panic!("{error}"),
            }
        }
        panic!("no message arrived");
    }

    pub(super) async fn text(&mut self) -> String {
        self.next().await.into_text().unwrap().as_str().to_owned()
    }

    /// Reads until the close frame. Returns its code, and the texts before it.
    pub(super) async fn closed(&mut self) -> (u16, Vec<String>) {
        let mut texts = Vec::new();
        loop {
            match self.next().await {
                Message::Close(frame) => return (frame.unwrap().code.into(), texts),
                Message::Text(text) => texts.push(text.as_str().to_owned()),
                _ => {}
            }
        }
    }
}
