//! One link: the handle that the hub has of it, and the actor that serves it.

use std::{
    cell::{Cell, RefCell},
    convert::Infallible,
    rc::Rc,
};

use bytes::Bytes;
use quinn::{Connection, RecvStream, SendStream};
use tokio::{
    sync::{Notify, mpsc},
    task::JoinSet,
    time::{self, Instant, MissedTickBehavior},
};
use tracing::{debug, info};
use trunkline_link::{
    ControlReader,
    defaults::{CLOSE_TIMEOUT, HANDSHAKE_TIMEOUT, HEARTBEAT},
};
use trunkline_protocol::{
    Name,
    control::{self, Hello, ToNode, ToRelay},
};

use crate::{
    clock::unix_ms,
    defaults::{CONTROL_PRIORITY, CONTROL_QUEUE_MAX},
    end::End,
    hub::Hub,
    knock::knock,
    lanes::{read_lane, write_lanes},
    liveness::LinkId,
    roster,
    switch::Port,
    walk::Tested,
};

/// What is to be written to a link's control stream, encoded.
pub(crate) type Outbox = mpsc::Receiver<Bytes>;

/// What the hub has of a link: it can say things on it, and end it.
#[derive(Debug)]
pub(crate) struct Link {
    /// Which link.
    pub(crate) id: LinkId,
    /// The node's name, from its certificate.
    pub(crate) name: Name,
    /// The connection.
    pub(crate) connection: Connection,
    /// When it was opened, in Unix milliseconds.
    pub(crate) since_ms: u64,
    /// What the node first said.
    pub(crate) hello: Hello,
    /// Its place in the switch.
    pub(crate) port: Rc<Port>,
    control: mpsc::Sender<Bytes>,
    admitted: Cell<bool>,
    ending: RefCell<Option<End>>,
    changed: Notify,
}

impl Link {
    /// A link that is not admitted yet, and what is to be written to its control stream.
    pub(crate) fn new(
        id: LinkId,
        name: Name,
        connection: Connection,
        port: Rc<Port>,
        hello: Hello,
    ) -> (Rc<Self>, Outbox) {
        let (control, outbox) = mpsc::channel(CONTROL_QUEUE_MAX);
        let link = Self {
            id,
            name,
            connection,
            since_ms: unix_ms(),
            hello,
            port,
            control,
            admitted: Cell::new(false),
            ending: RefCell::new(None),
            changed: Notify::new(),
        };
        (Rc::new(link), outbox)
    }

    /// Lets the link in.
    pub(crate) fn admit(&self) {
        self.admitted.set(true);
        self.changed.notify_one();
    }

    /// Whether it was let in, and has not been ended.
    pub(crate) fn is_up(&self) -> bool {
        self.admitted.get()
    }

    /// Says something to the node.
    pub(crate) fn say(&self, message: &ToNode) {
        self.say_encoded(control::encode(message).into());
    }

    /// Says something that was encoded before.
    pub(crate) fn say_encoded(&self, message: Bytes) {
        if self.control.try_send(message).is_err() {
            self.end(End::Unread);
        }
    }

    /// Ends the link. The first reason counts.
    pub(crate) fn end(&self, end: End) {
        self.ending.borrow_mut().get_or_insert(end);
        self.admitted.set(false);
        self.changed.notify_one();
    }

    /// Waits until the link is admitted or ended.
    async fn admission(&self) -> Result<(), End> {
        loop {
            if let Some(end) = self.ending.borrow_mut().take() {
                return Err(end);
            }
            if self.admitted.get() {
                return Ok(());
            }
            self.changed.notified().await;
        }
    }

    /// Waits until the link is ended.
    async fn ended(&self) -> End {
        loop {
            if let Some(end) = self.ending.borrow_mut().take() {
                return end;
            }
            self.changed.notified().await;
        }
    }
}

/// Serves an authorized connection as a link, until it ends.
pub(crate) async fn serve(hub: Rc<Hub>, connection: Connection, name: Name) {
    let Err(end) = run(&hub, &connection, &name).await;
    let address = connection.remote_address();
    match &end {
        End::Lost(_) => debug!(node = %name, %address, "link lost: {end}"),
        _ if end.is_refusal() => hub.refused(name.as_str(), address, &end.to_string()),
        _ => info!(node = %name, %address, "link closed: {end}"),
    }
    connection.close(end.code(), end.to_string().as_bytes());
}

async fn run(hub: &Rc<Hub>, connection: &Connection, name: &Name) -> Result<Infallible, End> {
    let greeting = time::timeout(HANDSHAKE_TIMEOUT, greet(connection));
    let (sending, control, hello) = greeting.await??;
    let (link, outbox) = hub.introduce(connection, name, &hello)?;
    let _introduced = Introduced { hub, id: link.id };
    let mut tasks = JoinSet::new();
    tasks.spawn_local(write_control(sending, outbox));
    tokio::select! {
        biased;
        lost = connection.closed() => return Err(lost.into()),
        admission = link.admission() => admission?,
    }
    if hub.logs_recovery(name.as_str()) {
        let address = connection.remote_address();
        info!(node = %name, incarnation = %hello.incarnation, %address, "link up");
    }
    let mut actor = Actor { hub: hub.clone(), link, control, tasks, heartbeats: 0 };
    let Err(end) = actor.run().await;
    if matches!(end, End::Condemned(_)) {
        // The verdict, which was said last, should arrive before the connection is closed.
        let _ = time::timeout(CLOSE_TIMEOUT, connection.closed()).await;
    }
    Err(end)
}

/// Takes the control stream and the hello.
async fn greet(connection: &Connection) -> Result<(SendStream, Control, Hello), End> {
    let (sending, receiving) = connection.accept_bi().await?;
    let _ = sending.set_priority(CONTROL_PRIORITY);
    let mut control = Control::new(receiving);
    match control.read().await? {
        Some(ToRelay::Hello(hello)) => {
            check(&hello)?;
            Ok((sending, control, hello))
        }
        Some(_) => Err(End::NoHello),
        None => Err(End::ControlFinished),
    }
}

fn check(hello: &Hello) -> Result<(), End> {
    if hello.version != control::CONTROL_VERSION {
        return Err(End::Version(hello.version));
    }
    roster::check(hello)
}

/// Why a link's tasks can be joined: a panic in one of them goes on in the link's own.
pub(crate) const NO_PANIC: &str = "the tasks of a link end by themselves";

type Control = ControlReader<RecvStream, ToRelay>;

/// Tells the hub that the link is gone, however its actor ends.
struct Introduced<'a> {
    hub: &'a Hub,
    id: LinkId,
}

impl Drop for Introduced<'_> {
    fn drop(&mut self) {
        self.hub.part(self.id);
    }
}

struct Actor {
    hub: Rc<Hub>,
    link: Rc<Link>,
    control: Control,
    /// Writes the control stream, the lanes both ways, and knocks. Each ends the link.
    tasks: JoinSet<End>,
    heartbeats: u64,
}

impl Actor {
    async fn run(&mut self) -> Result<Infallible, End> {
        self.tasks.spawn_local(write_lanes(self.link.connection.clone(), self.link.port.clone()));
        self.tasks.spawn_local(knock(self.hub.clone(), self.link.id, self.link.connection.clone()));
        let mut heartbeat = time::interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let link = self.link.clone();
        loop {
            tokio::select! {
                biased;
                // A verdict about the link ends it, whatever else there is to do.
                end = link.ended() => return Err(end),
                // Nothing more will come.
                lost = link.connection.closed() => return Err(lost.into()),
                // Signs of life, before anything that only works.
                message = self.control.read() => {
                    self.control_message(message?.ok_or(End::ControlFinished)?)?;
                }
                Some(ended) = self.tasks.join_next() => return Err(ended.expect(NO_PANIC)),
                stream = link.connection.accept_uni() => self.open_lane(stream?),
                _ = heartbeat.tick() => self.heartbeat(),
            }
        }
    }

    fn control_message(&mut self, message: ToRelay) -> Result<(), End> {
        let (hub, id) = (&self.hub, self.link.id);
        hub.liveness(|liveness, now| match message {
            ToRelay::Probed { nonce } => liveness.probed(id, nonce, now),
            _ => liveness.heard(id, now),
        });
        match message {
            ToRelay::Hello(hello) => {
                check(&hello)?;
                hub.hello(&self.link, &hello);
            }
            ToRelay::Load(load) => hub.load(&self.link, *load),
            ToRelay::Traced { message, after_us, what } => {
                hub.walks.borrow_mut().walked(self.link.name.clone(), message, after_us, what);
            }
            ToRelay::Tested { test, message, took_us, outcome, missed } => {
                let tested = Tested { message, took_us, outcome, missed };
                hub.walks.borrow_mut().tested(test, tested);
            }
            ToRelay::Draining => hub.liveness(|liveness, now| liveness.draining(id, now)),
            ToRelay::Bye => {
                hub.liveness(|liveness, now| liveness.bye(id, now));
                return Err(End::Left);
            }
            ToRelay::Heartbeat { .. } | ToRelay::Probed { .. } | ToRelay::Unknown => {}
        }
        Ok(())
    }

    /// The number of a stream is its place in the order of opening: the lane's.
    fn open_lane(&mut self, stream: RecvStream) {
        let lane = stream.id().index() as usize;
        let reading = read_lane(self.hub.clone(), self.link.port.clone(), lane, stream);
        self.tasks.spawn_local(reading);
    }

    fn heartbeat(&mut self) {
        self.heartbeats += 1;
        self.link.say(&ToNode::Heartbeat { seq: self.heartbeats });
    }
}

async fn write_control(mut stream: SendStream, mut outbox: Outbox) -> End {
    while let Some(message) = outbox.recv().await {
        if stream.write_chunk(message).await.is_err() {
            return End::Unread;
        }
    }
    End::Left
}
