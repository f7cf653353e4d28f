//! Every limit and timeout of a node.

use std::{num::NonZeroU32, ops::RangeInclusive, time::Duration};

use trunkline_protocol::lane::BODY_BYTES_MAX;

/// How many sessions a node takes, if it is not told otherwise.
pub const CAPACITY: u32 = 500;
/// The bounds of it.
pub const CAPACITY_BOUNDS: RangeInclusive<u32> = 1..=1_000_000;

/// How many files a node has open beside its sessions: connections that are refused or scrape it,
/// Redis, its sockets, what the runtime needs.
pub const OTHER_FILES: u64 = 128;

/// The largest frame a client may send, in bytes, if the node is not told otherwise.
pub const FRAME_BYTES_MAX: usize = 64 * 1024;
/// The bounds of it: a body has to fit into a batch.
pub const FRAME_BYTES_MAX_BOUNDS: RangeInclusive<usize> = 256..=BODY_BYTES_MAX;

/// How many sessions a user may have on one node, if the node is not told otherwise.
pub const SESSIONS_PER_USER: usize = 8;
/// The bounds of it.
pub const SESSIONS_PER_USER_BOUNDS: RangeInclusive<usize> = 1..=1_000;

/// How long a send may take to its outcome, if the node is not told otherwise.
pub const SEND_DEADLINE: Duration = Duration::from_secs(5);
/// The bounds of it, in milliseconds.
pub const SEND_DEADLINE_MS_BOUNDS: RangeInclusive<u64> = 100..=600_000;

/// How many sends may wait for their outcome.
pub const PENDING_MAX: usize = 256 * 1024;

/// How many bytes these may hold.
pub const PENDING_BYTES_MAX: usize = 128 * 1024 * 1024;

/// How long a route is believed, counted from when the directory was asked.
pub const ROUTE_LIFE: Duration = Duration::from_secs(5);

/// How many recipients are known at a time: users to whom something was sent within
/// [`ROUTE_LIFE`].
pub const RECIPIENTS_MAX: usize = 250_000;

/// A send that reached nobody is retried at once, and from then on with this pause.
pub const RETRY: Duration = Duration::from_millis(100);

/// How long the last receipts of a node that has died may take to arrive.
pub const LAST_RECEIPTS: Duration = Duration::from_millis(250);

/// How exactly the deadlines of sends are kept.
pub const TICK: Duration = Duration::from_millis(20);

/// How many bytes of messages may wait for one session.
pub const SESSION_BYTES_MAX: usize = 1024 * 1024;

/// The share of a session's buffer that only receipts may use. A session whose receipts would
/// not fit is not read until they do.
pub const SESSION_RECEIPT_BYTES_MAX: usize = 256 * 1024;

/// What a receipt, or the envelope of a message, needs at most besides its variable parts.
pub const RECEIPT_BYTES: usize = 192;

/// The first allocation of a session's buffer.
pub const BUFFER_BYTES_MIN: usize = 1024;

/// How many empty buffers are kept for the next session that has something to write, and how large
/// each may be.
pub const BUFFERS_MAX: usize = 256;
/// See [`BUFFERS_MAX`].
pub const POOLED_BYTES_MAX: usize = 64 * 1024;

/// How many messages' memory is kept for those to come, and how large each may be.
pub const LETTERS_KEPT: usize = 4 * 1024;
/// See [`LETTERS_KEPT`].
pub const LETTER_BYTES_KEPT: usize = 1024;

/// A batch that has grown to this is sealed before the flush.
pub const BATCH_BYTES: usize = 16 * 1024;

/// How long receipts for other nodes wait for something to go with.
pub const RECEIPT_DELAY: Duration = Duration::from_millis(1);

/// How many look-ups are under way at a time; further ones wait.
pub const LOOK_UPS_MAX: usize = 1_024;

/// How much is read of one socket at a time, into memory that all sessions share.
pub const READ_BYTES: usize = 32 * 1024;

/// The buffer of a session's WebSocket codec, where no frame is larger. An idle session holds it, so
/// it is small.
pub const CODEC_BYTES: usize = 1024;

/// How many sockets are looked after before what came of it is flushed: the relay and the other nodes
/// work on that while this one reads on.
pub const SOCKETS_PER_TURN: usize = 32;

/// How many frames of one session are handled before others have their turn.
pub const FRAMES_PER_TURN: usize = 64;

/// How many raw bytes of one session are read before others have their turn: whatever frames they
/// are, of whatever kind and size.
pub const BYTES_PER_TURN: usize = 2 * READ_BYTES;

/// How many bytes the head of an HTTP request may have. A browser adds all cookies of its domain.
pub const REQUEST_BYTES_MAX: usize = 16 * 1024;

/// How many bytes are still read of a connection that is being closed, so that the client can read
/// the last answer.
pub const LINGER_BYTES_MAX: u64 = 256 * 1024;

/// How many connections may be between accept and upgrade.
pub const DIALS_MAX: usize = 1_024;

/// How long a dial may take to its complete request.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a session may take to log in.
pub const LOGIN_WITHIN: Duration = Duration::from_secs(10);

/// How long the directory may take to register a login.
pub const REGISTER_WITHIN: Duration = Duration::from_secs(3);

/// After how long a silence a session is pinged, and how long it may then be silent before it is
/// ended, if the node is not told otherwise. Shorter than the idle time-outs that proxies and
/// address translators start from, of which 30 s is the lowest that is common.
pub const PING_INTERVAL: Duration = Duration::from_secs(25);
/// The bounds of it, in seconds.
pub const PING_INTERVAL_SECONDS_BOUNDS: RangeInclusive<u64> = 1..=3_600;

/// How often sessions are looked at for what is due.
pub const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// A session whose socket takes nothing for so long, though something waits, is ended.
pub const SLOW_AFTER: Duration = Duration::from_secs(10);

/// How long a client may take to answer a close.
pub const CLOSE_WITHIN: Duration = Duration::from_secs(2);

/// How many bad requests a session may make before the next one ends it.
pub const BAD_REQUESTS_MAX: NonZeroU32 = NonZeroU32::new(15).expect("it is not zero");

/// One bad request is forgiven each time so long has passed: a client that sends a heartbeat of its
/// own, which is no frame of this protocol, stays.
pub const BAD_REQUEST_FORGIVEN_AFTER: Duration = Duration::from_secs(5);

/// The shortest pause before a lost link is dialled again.
pub const REDIAL_MIN: Duration = Duration::from_millis(50);

/// The longest. It is shorter than half the time for which a relay waits for a node to come back.
pub const REDIAL_MAX: Duration = Duration::from_millis(750);

/// How often the relay is told how much there is to do.
pub const LOAD_EVERY: Duration = Duration::from_secs(1);

/// How long a drain may take.
pub const DRAIN_WITHIN: Duration = Duration::from_secs(15);

/// How many sessions a second are told to go when the node drains.
pub const DRAIN_PER_SECOND: u32 = 1_000;

/// The jitter that clients of a draining node are told to wait before they dial again, in
/// milliseconds.
pub const DRAIN_RETRY_MS: std::ops::Range<u64> = 100..2_000;

/// How long the directory may take to forget a node that leaves.
pub const UNREGISTER_WITHIN: Duration = Duration::from_secs(5);

/// How often a drain goes on.
pub const DRAIN_STEP: Duration = Duration::from_millis(20);

/// How long the last words to the relay may take.
pub const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);

/// How many dials the kernel may hold before they are accepted.
pub const LISTEN_BACKLOG: i32 = 1_024;

/// How many control messages may wait for the link: the steps of a few messages that are traced
/// among them.
pub const OUTBOX: usize = 128;

/// How many messages of other nodes are traced at a time; of more, the oldest is forgotten.
pub const FOLLOWED_MAX: usize = 64;
