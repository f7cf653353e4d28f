use std::sync::Arc;

use quinn::{
    AckFrequencyConfig, ClientConfig, EndpointConfig, IdleTimeout, MtuDiscoveryConfig,
    ServerConfig, TransportConfig, VarInt,
    crypto::rustls::{QuicClientConfig, QuicServerConfig},
};
use trunkline_protocol::lane::LANES;

use crate::{
    congestion::FlooredCubic,
    defaults::{
        IDLE_TIMEOUT, INITIAL_RTT, KEEP_ALIVE, LANE_WINDOW_BYTES, LINK_WINDOW_BYTES, MTU_BYTES_MAX,
    },
};

/// Why an end closed a connection, as QUIC application error codes.
pub mod close_code {
    use quinn::VarInt;

    /// The end is leaving, by its own will.
    pub const BYE: VarInt = VarInt::from_u32(0);
    /// The peer may not speak this protocol.
    pub const UNAUTHORIZED: VarInt = VarInt::from_u32(1);
    /// The peer said something that makes no sense.
    pub const MALFORMED: VarInt = VarInt::from_u32(2);
    /// The peer said nothing for too long.
    pub const SILENT: VarInt = VarInt::from_u32(3);
    /// Another living process has the peer's name.
    pub const NAME_TAKEN: VarInt = VarInt::from_u32(4);
    /// A newer link of the same process took this one's place.
    pub const SUPERSEDED: VarInt = VarInt::from_u32(5);
    /// The peer speaks another version.
    pub const VERSION: VarInt = VarInt::from_u32(6);
    /// The peer was judged dead.
    pub const DECLARED_DEAD: VarInt = VarInt::from_u32(7);
    /// There is no room for another connection.
    pub const FULL: VarInt = VarInt::from_u32(8);
}

/// What every endpoint takes: packets as large as the path allows, up to [`MTU_BYTES_MAX`]. quinn's
/// own default makes the peer stop at Ethernet's.
pub fn endpoint_config() -> EndpointConfig {
    let mut config = EndpointConfig::default();
    config.max_udp_payload_size(MTU_BYTES_MAX).expect("it is above QUIC's least");
    config
}

/// What a relay listens with: links from nodes, and the status streams of operators.
pub fn server_config(crypto: Arc<QuicServerConfig>) -> ServerConfig {
    let mut config = ServerConfig::with_crypto(crypto);
    config.transport_config(Arc::new(transport())).migration(false);
    config
}

/// What a node, or an operator's window, dials a relay with.
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
        .congestion_controller_factory(Arc::new(FlooredCubic::default()))
        .ack_frequency_config(Some(AckFrequencyConfig::default()))
        .datagram_receive_buffer_size(None);
    transport
}
