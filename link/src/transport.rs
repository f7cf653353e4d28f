use std::sync::Arc;

use quinn::{
    AckFrequencyConfig, ClientConfig, EndpointConfig, IdleTimeout, MtuDiscoveryConfig,
    ServerConfig, TransportConfig, VarInt,
    crypto::rustls::{QuicClientConfig, QuicServerConfig},
};
use trunkline_protocol::lane::LANES;

use crate::{
    congestion::MinWindowCubic,
    defaults::{
        IDLE_TIMEOUT, INITIAL_RTT, KEEP_ALIVE, LANE_WINDOW_BYTES, LINK_WINDOW_BYTES, MTU_BYTES_MAX,
    },
};

/// The QUIC application error codes with which either end closes a connection.
pub mod close_code {
    use quinn::VarInt;

    /// The end shuts down, or no longer needs the connection.
    pub const BYE: VarInt = VarInt::from_u32(0);
    /// The peer's certificate does not allow this protocol.
    pub const UNAUTHORIZED: VarInt = VarInt::from_u32(1);
    /// The peer sent malformed bytes.
    pub const MALFORMED: VarInt = VarInt::from_u32(2);
    /// The peer was silent for too long.
    pub const SILENT: VarInt = VarInt::from_u32(3);
    /// Another live process has the peer's name.
    pub const NAME_TAKEN: VarInt = VarInt::from_u32(4);
    /// A newer link of the same process replaces this one.
    pub const SUPERSEDED: VarInt = VarInt::from_u32(5);
    /// The peer uses another version.
    pub const VERSION: VarInt = VarInt::from_u32(6);
    /// The peer was declared dead.
    pub const DECLARED_DEAD: VarInt = VarInt::from_u32(7);
    /// There is no room for another connection.
    pub const FULL: VarInt = VarInt::from_u32(8);
}

/// The configuration of every endpoint: it accepts packets up to [`MTU_BYTES_MAX`]. quinn's default
/// would limit the peer to Ethernet's packet size.
pub fn endpoint_config() -> EndpointConfig {
    let mut config = EndpointConfig::default();
    config.max_udp_payload_size(MTU_BYTES_MAX).expect("it is above QUIC's least");
    config
}

/// The configuration of a relay's listening endpoint, for links and status streams.
pub fn server_config(crypto: Arc<QuicServerConfig>) -> ServerConfig {
    let mut config = ServerConfig::with_crypto(crypto);
    config.transport_config(Arc::new(transport())).migration(false);
    config
}

/// The configuration with which a node or an operator dials a relay.
pub fn client_config(crypto: Arc<QuicClientConfig>) -> ClientConfig {
    let mut config = ClientConfig::new(crypto);
    config.transport_config(Arc::new(transport()));
    config
}

fn transport() -> TransportConfig {
    let idle = IdleTimeout::try_from(IDLE_TIMEOUT).expect("seconds fit");
    let mut mtu = MtuDiscoveryConfig::default();
    mtu.upper_bound(MTU_BYTES_MAX);
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(VarInt::from_u32(1))
        .max_concurrent_uni_streams(VarInt::from_u32(LANES as u32))
        .max_idle_timeout(Some(idle))
        .keep_alive_interval(Some(KEEP_ALIVE))
        .stream_receive_window(VarInt::from_u32(LANE_WINDOW_BYTES))
        .receive_window(VarInt::from_u32(LINK_WINDOW_BYTES))
        .send_window(LINK_WINDOW_BYTES.into())
        .initial_rtt(INITIAL_RTT)
        .mtu_discovery_config(Some(mtu))
        .congestion_controller_factory(Arc::new(MinWindowCubic::default()))
        .ack_frequency_config(Some(AckFrequencyConfig::default()))
        .datagram_receive_buffer_size(None);
    transport
}
