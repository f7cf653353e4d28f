use std::time::Duration;

use tokio::{
    io::{DuplexStream, ReadHalf, WriteHalf, duplex, split},
    sync::mpsc,
    task::JoinSet,
};
use trunkline_link::{ControlError, ControlReader, ControlWriter, LaneClosed, close_code};
use trunkline_protocol::{
    Incarnation,
    control::{self, Hello, ToNode, ToRelay},
};

use super::{LinkControl, RelayCommand, error::LinkError, redial_pauses};
use crate::{
    data_plane::tests::test_data_plane,
    defaults::{OUTBOX, REDIAL_MAX, REDIAL_MIN},
};

/// A relay at the other end of a control stream in memory.
struct Relay {
    reader: ControlReader<ReadHalf<DuplexStream>, ToRelay>,
    writer: ControlWriter<WriteHalf<DuplexStream>, ToNode>,
    outbox: mpsc::Sender<ToRelay>,
    commands: mpsc::Receiver<RelayCommand>,
    incarnation: Incarnation,
}

impl Relay {
    /// The node's next message that is no heartbeat.
    async fn next(&mut self) -> ToRelay {
        loop {
            match self.reader.read().await.unwrap().unwrap() {
                ToRelay::Heartbeat { .. } => {}
                message => return message,
            }
        }
    }
}

/// Serves a control stream, with what the relay does at its other end: it stays open if that returns
/// it. Returns how the stream ended.
async fn serve(
    lane_ends: bool,
    relay: impl AsyncFnOnce(Relay) -> Option<Relay>,
) -> Result<(), LinkError> {
    let (data_plane, _told) = test_data_plane();
    let incarnation = data_plane.turn(|state, _| state.incarnation());
    let (near, far) = duplex(64 * 1024);
    let ((near_read, near_write), (far_read, far_write)) = (split(near), split(far));
    let (outbox, outgoing) = mpsc::channel(OUTBOX);
    let (commands, commanded) = mpsc::channel(OUTBOX);
    let hello = Hello {
        version: control::CONTROL_VERSION,
        incarnation: Incarnation::from_bytes([0; 16]),
        url: String::new(),
        capacity: 1,
        started_at_ms: 0,
        software: String::new(),
    };
    let mut control =
        LinkControl { data_plane, hello, outbox: outgoing, commands, said_bye: false };
    let mut lanes = JoinSet::new();
    if lane_ends {
        lanes.spawn(async { LinkError::LaneClosed(LaneClosed) });
    }
    let (mut writer, mut reader) = (ControlWriter::new(near_write), ControlReader::new(near_read));
    let relay = relay(Relay {
        reader: ControlReader::new(far_read),
        writer: ControlWriter::new(far_write),
        outbox,
        commands: commanded,
        incarnation,
    });
    let relay = async {
        let _still_open = relay.await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        ended = control.serve(&mut writer, &mut reader, &mut lanes) => ended,
        () = relay => unreachable!("it is pending"),
    }
}

#[tokio::test]
async fn probe_is_answered_and_the_hello_is_of_the_current_incarnation() {
    let ended = serve(false, async |mut relay| {
        relay.writer.write(&ToNode::Probe { nonce: 7 }).await.unwrap();
        assert_eq!(relay.next().await, ToRelay::Probed { nonce: 7 });
        let stale = Hello {
            version: control::CONTROL_VERSION,
            incarnation: Incarnation::from_bytes([0; 16]),
            url: String::new(),
            capacity: 1,
            started_at_ms: 0,
            software: String::new(),
        };
        relay.outbox.send(ToRelay::Hello(stale)).await.unwrap();
        let ToRelay::Hello(hello) = relay.next().await else { panic!("no hello") };
        assert_eq!(hello.incarnation, relay.incarnation);
        None
    });
    assert!(matches!(ended.await, Err(LinkError::Ended | LinkError::Control(_))));
}

#[tokio::test]
async fn only_the_current_incarnation_can_be_declared_dead() {
    let ended = serve(false, async |mut relay| {
        let former = Incarnation::from_bytes([3; 16]);
        for incarnation in [former, relay.incarnation] {
            relay.writer.write(&ToNode::DeclaredDead { incarnation }).await.unwrap();
        }
        relay.writer.write(&ToNode::Drain).await.unwrap();
        assert_eq!(relay.commands.recv().await, Some(RelayCommand::Reincarnate));
        assert_eq!(relay.commands.recv().await, Some(RelayCommand::Drain));
        None
    });
    assert!(ended.await.is_err());
}

#[tokio::test]
async fn malformed_control_message_is_closed_as_malformed() {
    let ended = serve(false, async |relay| {
        let mut stream = relay.writer.into_inner();
        tokio::io::AsyncWriteExt::write_all(&mut stream, &[0xff; 4]).await.unwrap();
        None
    });
    let error = ended.await.unwrap_err();
    assert!(matches!(error, LinkError::Control(ControlError::Malformed(_))), "{error}");
    assert_eq!(error.close_code(), close_code::MALFORMED);
}

#[tokio::test]
async fn lost_lane_ends_the_link_as_lost() {
    let error = serve(true, async |relay| Some(relay)).await.unwrap_err();
    assert!(matches!(error, LinkError::LaneClosed(_)), "{error}");
    assert_eq!(error.close_code(), close_code::BYE);
}

#[tokio::test(start_paused = true)]
async fn silent_relay_loses_the_link() {
    let ended = serve(false, async |relay| {
        tokio::time::sleep(Duration::from_secs(10)).await;
        Some(relay)
    });
    assert!(matches!(ended.await, Err(LinkError::Silent)));
}

#[test]
fn redial_pauses_grow_within_their_bounds_and_never_end() {
    for _ in 0..20 {
        let pauses: Vec<_> = redial_pauses().take(100).collect();
        assert!((REDIAL_MIN / 2..REDIAL_MIN).contains(&pauses[0]), "{pauses:?}");
        assert!((REDIAL_MAX / 2..=REDIAL_MAX).contains(&pauses[99]), "{pauses:?}");
    }
    let first = redial_pauses().next();
    assert!((0..20).any(|_| redial_pauses().next() != first), "the jitter differs between nodes");
}
