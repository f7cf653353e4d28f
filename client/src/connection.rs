//! One connection to a node.

use std::{collections::VecDeque, mem, time::Duration};

use futures_util::{SinkExt, StreamExt};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{Message as WsMessage, protocol::WebSocketConfig},
};

use crate::{
    defaults::{CLIENT_READ_BUFFER_BYTES, CLIENT_TIMEOUT},
    error::{ClientError, Closed},
    frame::{self, ErrorFrame, Frame, ReceivedMessage, Refreshed, SendReceipt, Welcome},
};

/// What [`Closed::code`] is when the close frame has none (RFC 6455, section 7.4.1).
const NO_CODE: u16 = 1005;

/// One WebSocket connection to a node, logged in or not. Pings are answered while it reads.
#[derive(Debug)]
pub struct Client {
    socket: WebSocketStream<TcpStream>,
    timeout: Duration,
    /// Frames that were read while another one was awaited.
    buffered: VecDeque<Frame>,
}

impl Client {
    /// Opens a connection to a node's client URL, without a login.
    ///
    /// # Errors
    /// [`ClientError::Refused`] if the node answers with anything but an upgrade.
    pub async fn connect(url: &str) -> Result<Self, ClientError> {
        let socket = timeout(CLIENT_TIMEOUT, dial(url)).await;
        let socket = socket.map_err(|_| ClientError::Timeout(CLIENT_TIMEOUT))??;
        Ok(Self { socket, timeout: CLIENT_TIMEOUT, buffered: VecDeque::new() })
    }

    /// Opens a connection, logs in as `user`, and waits for the welcome.
    ///
    /// # Errors
    /// If there is no upgrade, or the first frame is no welcome.
    pub async fn login(url: &str, user: &str) -> Result<Self, ClientError> {
        let mut client = Self::connect(url).await?;
        client.send_login(user).await?;
        client.next_welcome().await?;
        Ok(client)
    }

    /// As [`Self::login`], with a token that shows who the user is.
    ///
    /// # Errors
    /// As [`Self::login`].
    pub async fn login_with_token(url: &str, user: &str, token: &str) -> Result<Self, ClientError> {
        let mut client = Self::connect(url).await?;
        client.send_text(frame::login(user, Some(token))).await?;
        client.next_welcome().await?;
        Ok(client)
    }

    /// Gives the session a newer token, and waits until the node has taken it. Other frames are kept
    /// for later.
    ///
    /// # Errors
    /// [`ClientError::Closed`] if it is not valid.
    pub async fn refresh(&mut self, token: &str) -> Result<Refreshed, ClientError> {
        self.send_text(frame::refresh(token)).await?;
        self.next_matching(|frame| match frame {
            Frame::Refreshed(refreshed) => Ok(refreshed),
            other => Err(other),
        })
        .await
    }

    /// The same client with another timeout for each frame.
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Writes a login.
    ///
    /// # Errors
    /// If the connection is gone, as with every write.
    pub async fn send_login(&mut self, user: &str) -> Result<(), ClientError> {
        self.send_text(frame::login(user, None)).await
    }

    /// Writes a send. `body` is JSON and goes out unchanged.
    ///
    /// # Errors
    /// If the connection is gone.
    pub async fn send(&mut self, id: &str, to: &str, body: &str) -> Result<(), ClientError> {
        self.send_text(frame::send(id, to, body)).await
    }

    /// Writes a text frame with any content.
    ///
    /// # Errors
    /// If the connection is gone.
    pub async fn send_text(&mut self, text: impl Into<String>) -> Result<(), ClientError> {
        Ok(self.socket.send(WsMessage::text(text.into())).await?)
    }

    /// The WebSocket itself, for what the protocol forbids.
    pub fn socket(&mut self) -> &mut WebSocketStream<TcpStream> {
        &mut self.socket
    }

    /// The next frame, in the order in which the node wrote them. Cancel-safe.
    ///
    /// # Errors
    /// [`ClientError::Closed`] once the connection has ended, and [`ClientError::Timeout`] if no
    /// frame comes in time.
    pub async fn next_frame(&mut self) -> Result<Frame, ClientError> {
        match self.buffered.pop_front() {
            Some(frame) => Ok(frame),
            None => self.read().await,
        }
    }

    /// The next welcome.
    ///
    /// # Errors
    /// As [`Self::next_frame`], and [`ClientError::Unexpected`] if another frame comes before it.
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
    pub async fn next_message(&mut self) -> Result<ReceivedMessage, ClientError> {
        self.next_matching(|frame| match frame {
            Frame::Message(message) => Ok(message),
            other => Err(other),
        })
        .await
    }

    /// The receipt of the send `id`; other frames are kept for later.
    ///
    /// # Errors
    /// As [`Self::next_frame`].
    pub async fn expect_receipt(&mut self, id: &str) -> Result<SendReceipt, ClientError> {
        self.next_matching(|frame| match frame {
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
        self.next_matching(|frame| match frame {
            Frame::Error(error) => Ok(error),
            other => Err(other),
        })
        .await
    }

    /// Reads until the node closes the connection, and returns its code and reason.
    ///
    /// # Errors
    /// If the next frame or the close does not come in time.
    pub async fn closed(&mut self) -> Result<Closed, ClientError> {
        loop {
            match self.read().await {
                Ok(frame) => self.buffered.push_back(frame),
                Err(ClientError::Closed(closed)) => return Ok(closed),
                Err(other) => return Err(other),
            }
        }
    }

    /// Closes the connection, and waits until the node has closed it too.
    ///
    /// # Errors
    /// If it does not.
    pub async fn close(mut self) -> Result<(), ClientError> {
        self.socket.close(None).await?;
        self.closed().await.map(drop)
    }

    /// The first frame that `select` takes, of the buffered ones and those to come.
    async fn next_matching<T>(
        &mut self,
        select: impl Fn(Frame) -> Result<T, Frame>,
    ) -> Result<T, ClientError> {
        let mut buffered = mem::take(&mut self.buffered).into_iter();
        while let Some(frame) = buffered.next() {
            match select(frame) {
                Ok(wanted) => {
                    self.buffered.extend(buffered);
                    return Ok(wanted);
                }
                Err(other) => self.buffered.push_back(other),
            }
        }
        loop {
            match select(self.read().await?) {
                Ok(wanted) => return Ok(wanted),
                Err(other) => self.buffered.push_back(other),
            }
        }
    }

    async fn read(&mut self) -> Result<Frame, ClientError> {
        let read = timeout(self.timeout, read(&mut self.socket)).await;
        read.map_err(|_| ClientError::Timeout(self.timeout))?
    }
}

async fn dial(url: &str) -> Result<WebSocketStream<TcpStream>, ClientError> {
    let host = url.strip_prefix("ws://").and_then(|rest| rest.split('/').next());
    let host = host.ok_or_else(|| ClientError::InvalidUrl(url.to_owned()))?;
    let socket = TcpStream::connect(host).await?;
    socket.set_nodelay(true)?;
    let config = WebSocketConfig::default().read_buffer_size(CLIENT_READ_BUFFER_BYTES);
    let (socket, _) = client_async_with_config(url, socket, Some(config)).await?;
    Ok(socket)
}

async fn read(socket: &mut WebSocketStream<TcpStream>) -> Result<Frame, ClientError> {
    loop {
        match socket.next().await {
            Some(Ok(WsMessage::Text(text))) => {
                let malformed = |source| ClientError::Malformed { text: text.to_string(), source };
                match Frame::parse(&text).map_err(malformed)? {
                    Some(frame) => return Ok(frame),
                    None => continue,
                }
            }
            Some(Ok(WsMessage::Close(Some(close)))) => {
                let (code, reason) = (close.code.into(), close.reason.as_str().to_owned());
                return Err(ClientError::Closed(Closed { code, reason }));
            }
            Some(Ok(WsMessage::Close(None))) => {
                return Err(ClientError::Closed(Closed { code: NO_CODE, reason: String::new() }));
            }
            Some(Ok(WsMessage::Binary(bytes))) => return Err(ClientError::Binary(bytes.len())),
            Some(Ok(WsMessage::Ping(_) | WsMessage::Pong(_) | WsMessage::Frame(_))) => {}
            Some(Err(error)) => return Err(error.into()),
            None => return Err(ClientError::ConnectionLost("the stream ended".to_owned())),
        }
    }
}
