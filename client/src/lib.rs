//! A client of a node, as a developer in any language would write one.
//!
//! It takes the outside contract at its word and shares no code with the node.

pub mod defaults;
mod error;
mod frame;

use std::{collections::VecDeque, mem, time::Duration};

use futures_util::{SinkExt, StreamExt};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{Message as WsMessage, protocol::WebSocketConfig},
};

pub use self::{
    error::{ClientError, Closed, Refused},
    frame::{ErrorFrame, Frame, Message, Receipt, Welcome},
};
use crate::defaults::{CLIENT_READ_BUFFER_BYTES, CLIENT_TIMEOUT};

/// What [`Closed::code`] is when the close frame has none (RFC 6455, section 7.4.1).
const NO_CODE: u16 = 1005;

/// One WebSocket connection to a node, logged in or not.
#[derive(Debug)]
pub struct Client {
    socket: WebSocketStream<TcpStream>,
    patience: Duration,
    /// What was read while something else was waited for.
    passed_over: VecDeque<Frame>,
}

impl Client {
    /// Opens a connection to a node's client URL, and logs in nobody.
    ///
    /// # Errors
    /// [`ClientError::Refused`] if the node answers with anything but an upgrade.
    pub async fn connect(url: &str) -> Result<Self, ClientError> {
        let socket = timeout(CLIENT_TIMEOUT, dial(url)).await;
        let socket = socket.map_err(|_| ClientError::Late(CLIENT_TIMEOUT))??;
        Ok(Self { socket, patience: CLIENT_TIMEOUT, passed_over: VecDeque::new() })
    }

    /// Opens a connection, logs in as `user`, and waits for the welcome.
    ///
    /// # Errors
    /// If there is no upgrade, or the first frame is no welcome.
    pub async fn login(url: &str, user: &str) -> Result<Self, ClientError> {
        let mut client = Self::connect(url).await?;
        client.say_login(user).await?;
        client.next_welcome().await?;
        Ok(client)
    }

    /// The same client, waiting this long for a frame.
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Writes a login.
    ///
    /// # Errors
    /// If the connection is gone, as with every write.
    pub async fn say_login(&mut self, user: &str) -> Result<(), ClientError> {
        self.text(frame::login(user)).await
    }

    /// Writes a send. `body` is JSON, and goes out as it stands.
    ///
    /// # Errors
    /// If the connection is gone.
    pub async fn send(&mut self, id: &str, to: &str, body: &str) -> Result<(), ClientError> {
        self.text(frame::send(id, to, body)).await
    }

    /// Writes a text frame, whatever is in it.
    ///
    /// # Errors
    /// If the connection is gone.
    pub async fn text(&mut self, text: impl Into<String>) -> Result<(), ClientError> {
        Ok(self.socket.send(WsMessage::text(text.into())).await?)
    }

    /// The WebSocket itself, for what no honest client does.
    pub fn socket(&mut self) -> &mut WebSocketStream<TcpStream> {
        &mut self.socket
    }

    /// The next frame, in the order in which the node wrote them. Cancel-safe.
    ///
    /// # Errors
    /// [`ClientError::Closed`] once the connection has ended, and [`ClientError::Late`] if nothing
    /// comes within this client's patience.
    pub async fn next_frame(&mut self) -> Result<Frame, ClientError> {
        match self.passed_over.pop_front() {
            Some(frame) => Ok(frame),
            None => self.read().await,
        }
    }

    /// The next welcome.
    ///
    /// # Errors
    /// As [`Self::next_frame`], as with everything that waits for a frame; and
    /// [`ClientError::Unexpected`] if another frame comes before it.
    pub async fn next_welcome(&mut self) -> Result<Welcome, ClientError> {
        match self.next_frame().await? {
            Frame::Welcome(welcome) => Ok(welcome),
            other => Err(ClientError::Unexpected(Box::new(other))),
        }
    }

    /// The next message; other frames are kept for later.
    ///
    /// # Errors
    /// As [`Self::next_frame`].
    pub async fn next_message(&mut self) -> Result<Message, ClientError> {
        self.pick(|frame| match frame {
            Frame::Message(message) => Ok(message),
            other => Err(other),
        })
        .await
    }

    /// The receipt of the send `id`; other frames are kept for later.
    ///
    /// # Errors
    /// As [`Self::next_frame`].
    pub async fn expect_receipt(&mut self, id: &str) -> Result<Receipt, ClientError> {
        self.pick(|frame| match frame {
            Frame::Receipt(receipt) if receipt.id == id => Ok(receipt),
            other => Err(other),
        })
        .await
    }

    /// The next error frame; other frames are kept for later.
    ///
    /// # Errors
    /// As [`Self::next_frame`].
    pub async fn next_error(&mut self) -> Result<ErrorFrame, ClientError> {
        self.pick(|frame| match frame {
            Frame::Error(error) => Ok(error),
            other => Err(other),
        })
        .await
    }

    /// Reads until the node ends the connection, and tells how it did.
    ///
    /// # Errors
    /// If it does not, within this client's patience for each frame.
    pub async fn closed(&mut self) -> Result<Closed, ClientError> {
        loop {
            match self.read().await {
                Ok(frame) => self.passed_over.push_back(frame),
                Err(ClientError::Closed(closed)) => return Ok(closed),
                Err(other) => return Err(other),
            }
        }
    }

    /// Closes the connection and waits until the node has agreed.
    ///
    /// # Errors
    /// If it does not.
    pub async fn close(mut self) -> Result<(), ClientError> {
        self.socket.close(None).await?;
        self.closed().await.map(drop)
    }

    /// The first frame that `take` takes, among those passed over and those to come.
    async fn pick<T>(
        &mut self,
        take: impl Fn(Frame) -> Result<T, Frame>,
    ) -> Result<T, ClientError> {
        let mut passed_over = mem::take(&mut self.passed_over).into_iter();
        while let Some(frame) = passed_over.next() {
            match take(frame) {
                Ok(wanted) => {
                    self.passed_over.extend(passed_over);
                    return Ok(wanted);
                }
                Err(other) => self.passed_over.push_back(other),
            }
        }
        loop {
            match take(self.read().await?) {
                Ok(wanted) => return Ok(wanted),
                Err(other) => self.passed_over.push_back(other),
            }
        }
    }

    async fn read(&mut self) -> Result<Frame, ClientError> {
        let read = timeout(self.patience, read(&mut self.socket)).await;
        read.map_err(|_| ClientError::Late(self.patience))?
    }
}

async fn dial(url: &str) -> Result<WebSocketStream<TcpStream>, ClientError> {
    let host = url.strip_prefix("ws://").and_then(|rest| rest.split('/').next());
    let host = host.ok_or_else(|| ClientError::Url(url.to_owned()))?;
    let socket = TcpStream::connect(host).await?;
    socket.set_nodelay(true)?;
    let config = WebSocketConfig::default().read_buffer_size(CLIENT_READ_BUFFER_BYTES);
    let (socket, _) = client_async_with_config(url, socket, Some(config)).await?;
    Ok(socket)
}

/// Pings are answered on the way.
async fn read(socket: &mut WebSocketStream<TcpStream>) -> Result<Frame, ClientError> {
    loop {
        match socket.next().await {
            Some(Ok(WsMessage::Text(text))) => return Frame::parse(&text),
            Some(Ok(WsMessage::Close(Some(close)))) => {
                let (code, reason) = (close.code.into(), close.reason.as_str().to_owned());
                return Err(ClientError::Closed(Closed { code, reason }));
            }
            Some(Ok(WsMessage::Close(None))) => {
                return Err(ClientError::Closed(Closed { code: NO_CODE, reason: String::new() }));
            }
            Some(Ok(WsMessage::Binary(bytes))) => return Err(ClientError::Binary(bytes.len())),
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(error.into()),
            None => return Err(ClientError::Cut("the stream ended".to_owned())),
        }
    }
}
