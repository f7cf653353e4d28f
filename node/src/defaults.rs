//! Every limit and timeout of a node.

use std::{num::NonZeroU32, ops::RangeInclusive, time::Duration};

use trunkline_protocol::lane::BODY_BYTES_MAX;

/// How many sessions a node accepts, without a flag.
pub const CAPACITY: u32 = 500;
/// The bounds of the flag.
pub const CAPACITY_BOUNDS: RangeInclusive<u32> = 1..=1_000_000;

/// How many files a node has open besides its sessions: handshakes, rejected connections, scrapes,
/// Redis, its own sockets, the runtime.
pub const OTHER_FILES: u64 = 128 + HANDSHAKES_MAX as u64;

/// The largest frame that a client may send, in bytes, without a flag.
pub const FRAME_BYTES_MAX: usize = 64 * 1024;
/// The bounds of the flag: a body has to fit into a batch.
pub const FRAME_BYTES_MAX_BOUNDS: RangeInclusive<usize> = 256..=BODY_BYTES_MAX;

/// How many messages a second a session may send, without a flag.
pub const MESSAGES_PER_SECOND: u32 = 1_000;

/// How many bytes a second a session may send, without a flag.
pub const BYTES_PER_SECOND: u32 = 4 * 1024 * 1024;

/// How many sends of one session may wait for their outcome. The node does not read a session that
/// has more.
pub const SESSION_PENDING_MAX: usize = 1_024;

/// How many bytes these sends may hold.
pub const SESSION_PENDING_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A session's pending sends may take this part of what is free, so that no number of sessions takes
/// everything from the others (Choudhury and Hahne, "Dynamic Queue Length Thresholds", 1998).
pub const SESSION_PENDING_PART: usize = 8;

/// How many sessions a user may have on one node, without a flag.
pub const SESSIONS_PER_USER: usize = 8;
/// The bounds of the flag.
pub const SESSIONS_PER_USER_BOUNDS: RangeInclusive<usize> = 1..=1_000;

/// How long a send may wait for its outcome, without a flag.
pub const SEND_DEADLINE: Duration = Duration::from_secs(5);
/// The bounds of the flag, in milliseconds.
pub const SEND_DEADLINE_MS_BOUNDS: RangeInclusive<u64> = 100..=600_000;

/// How many sends may wait for their outcome.
pub const PENDING_MAX: usize = 256 * 1024;

/// How many bytes these sends may hold.
pub const PENDING_BYTES_MAX: usize = 128 * 1024 * 1024;

/// How long a route is valid, counted from the look-up in the directory.
pub const ROUTE_LIFE: Duration = Duration::from_secs(5);

/// How many recipients a node keeps: users who were sent something within [`ROUTE_LIFE`].
pub const RECIPIENTS_MAX: usize = 250_000;

/// A send that reached nobody is retried at once, and from then on with this pause.
pub const RETRY: Duration = Duration::from_millis(100);

/// How long the last receipts of a node that has died may take to arrive.
pub const LAST_RECEIPTS: Duration = Duration::from_millis(250);

/// The precision of the deadlines of sends.
pub const TICK: Duration = Duration::from_millis(20);

/// How many bytes of messages may wait for one session.
pub const SESSION_BYTES_MAX: usize = 1024 * 1024;

/// The part of a session's buffer that only receipts may use. The node stops reading a session
/// whose receipts would not fit.
pub const SESSION_RECEIPT_BYTES_MAX: usize = 256 * 1024;

/// The most bytes of a receipt's frame, or of the envelope of a message, without the variable parts.
pub const FRAME_OVERHEAD_BYTES_MAX: usize = 192;

/// The first allocation of a session's buffer.
pub const BUFFER_BYTES_MIN: usize = 1024;

/// How many empty buffers are kept for sessions that have something to write, and how large each may
/// be.
pub const BUFFERS_MAX: usize = 256;
/// See [`BUFFERS_MAX`].
pub const POOLED_BYTES_MAX: usize = 64 * 1024;

/// How many buffers of ended messages are kept for new ones, and how large each may be.
pub const MESSAGES_POOLED_MAX: usize = 4 * 1024;
/// See [`MESSAGES_POOLED_MAX`].
pub const MESSAGE_BYTES_POOLED_MAX: usize = 1024;

/// A batch of this size is sealed before the flush.
pub const BATCH_BYTES: usize = 16 * 1024;

/// How long receipts for other nodes wait for a message to travel with.
pub const RECEIPT_DELAY: Duration = Duration::from_millis(1);

/// How many look-ups run at a time; further ones wait.
pub const LOOK_UPS_MAX: usize = 1_024;

/// How many notices that a user has logged in elsewhere may wait to be compared with the directory.
pub const REPLACEMENTS_MAX: usize = 1_024;

/// How much one read takes from a socket, into a buffer that all sessions share.
pub const READ_BYTES: usize = 32 * 1024;

/// The initial buffer of a session's WebSocket codec. It is small, because idle sessions keep it.
pub const CODEC_BYTES: usize = 1024;

/// How many sockets are served before a flush: the relay and the other nodes work on that while this
/// node continues to read.
pub const SOCKETS_PER_TURN: usize = 32;

/// How many frames of one session are handled in its turn.
pub const FRAMES_PER_TURN: usize = 64;

/// How many bytes of one session are read in its turn, whatever frames they contain.
pub const BYTES_PER_TURN: usize = 2 * READ_BYTES;

/// The same before the session's login: a stranger gets a smaller part of each turn.
pub const BYTES_PER_TURN_BEFORE_LOGIN: usize = 4 * 1024;

/// What a read counts at least against the bytes of a turn.
pub const READ_BYTES_CHARGED_MIN: usize = 4 * 1024;

/// How many fragments a message of the largest size may have. Smaller messages may have more.
pub const FRAGMENTS_MAX: usize = 1_024;

/// How many bytes of a TLS connection may wait to be written, encrypted.
pub const TLS_WRITE_BYTES_MAX: usize = 64 * 1024;

/// The largest head of an HTTP request. A browser adds all cookies of its domain.
pub const HEAD_BYTES_MAX: usize = 16 * 1024;

/// How many bytes are read from a connection that is being closed, so that the client can read the
/// answer.
pub const LINGER_BYTES_MAX: u64 = 256 * 1024;

/// How many connections may be between accept and upgrade. At more, the oldest is closed: clients that
/// say nothing keep no others out.
pub const HANDSHAKES_MAX: usize = 1_024;

/// The pause after a failed accept, so that a lack of file descriptors causes no busy loop.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long a client may take to send a complete HTTP request.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// How many free slots of a node count when clients are sent elsewhere: what one node claims must not
/// draw everyone to it.
pub const FREE_SLOTS_COUNTED_MAX: u32 = 10_000;

/// For how long a node that claims to register its users anew is believed: until then, a user that the
/// directory does not have is asked for again.
pub const REBUILDING_BELIEVED: Duration = Duration::from_secs(120);

/// How long clients wait before they dial a full node again, in seconds.
pub const RETRY_AFTER_SECONDS: &str = "1";

/// How long a client may take to log in.
pub const LOGIN_WITHIN: Duration = Duration::from_secs(10);

/// How many bytes the secret of HS256 should have (RFC 7518, section 3.2). A shorter one gives a
/// warning.
pub const JWT_SECRET_BYTES: usize = 32;

/// A secret of fewer bytes is refused.
pub const JWT_SECRET_BYTES_MIN: usize = 16;

/// For how many seconds a token is accepted after its end or before its begin: clocks differ.
pub const JWT_GRACE_SECONDS: u64 = 30;

/// How often files are checked for changes: keys for tokens.
pub const FILES_CHECKED_EVERY: Duration = Duration::from_secs(2);

/// How long the directory may take to register a login.
pub const REGISTER_WITHIN: Duration = Duration::from_secs(3);

/// A session that is silent for this long is pinged, and after twice as long it is closed, without a
/// flag. Shorter than the common idle timeouts of proxies and address translators, which start at
/// 30 s.
pub const PING_INTERVAL: Duration = Duration::from_secs(25);
/// The bounds of the flag, in seconds.
pub const PING_INTERVAL_SECONDS_BOUNDS: RangeInclusive<u64> = 1..=3_600;

/// How often sessions are checked for pings and timeouts.
pub const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// A session is closed if its socket accepts nothing for this long, though frames wait.
pub const SLOW_AFTER: Duration = Duration::from_secs(10);

/// How long a client may take to answer a close frame.
pub const CLOSE_WITHIN: Duration = Duration::from_secs(2);

/// How many bad requests a session may make; the next one ends it.
pub const BAD_REQUESTS_MAX: NonZeroU32 = NonZeroU32::new(15).expect("it is not zero");

/// One bad request is forgiven per interval, so that a client with a foreign heartbeat may stay.
pub const BAD_REQUEST_FORGIVEN_AFTER: Duration = Duration::from_secs(5);

/// The shortest pause before a lost link is redialled.
pub const REDIAL_MIN: Duration = Duration::from_millis(50);

/// The longest pause: less than half the time that a relay waits for a node to come back.
pub const REDIAL_MAX: Duration = Duration::from_millis(750);

/// How often a node reports its load to the relay.
pub const LOAD_EVERY: Duration = Duration::from_secs(1);

/// How long a drain may take.
pub const DRAIN_WITHIN: Duration = Duration::from_secs(15);

/// How many sessions a second a draining node closes.
pub const DRAIN_PER_SECOND: u32 = 1_000;

/// The range of the delay before clients of a draining node redial, in milliseconds.
pub const DRAIN_RETRY_MS: std::ops::Range<u64> = 100..2_000;

/// How long the directory may take to remove a node that shuts down.
pub const UNREGISTER_WITHIN: Duration = Duration::from_secs(5);

/// The interval between the steps of a drain.
pub const DRAIN_STEP: Duration = Duration::from_millis(20);

/// How many connections may wait in the kernel to be accepted.
pub const LISTEN_BACKLOG: i32 = 1_024;

/// How many control messages may wait for the link, trace events included.
pub const OUTBOX: usize = 128;

/// How many messages of other nodes are traced at a time; of more, the oldest is forgotten.
pub const TRACED_MAX: usize = 64;
