use trunkline_protocol::status::NodeLoad;

use super::state::DataPlaneState;

impl DataPlaneState {
    /// The load report for the relay and the metrics. Its latencies are those since the last call.
    pub(crate) fn load(&mut self) -> NodeLoad {
        let Self { custody, env, slots, registrar, .. } = self;
        let (delivery, links) = (&env.delivery.counts, &env.links.counts);
        let status = *registrar.status().borrow();
        NodeLoad {
            sessions: env.delivery.sessions.logged_in as u32,
            slots: slots.taken() as u32,
            users: env.delivery.sessions.users() as u32,
            rebuilding: status.rebuilding,
            redis: !status.redis_away,
            redis_trouble: registrar.trouble(),
            accepted: env.metrics.accepted,
            delivered_locally: delivery.taken_local,
            delivered_from_links: delivery.taken_remote,
            outcomes: env.metrics.outcomes,
            unreported: env.metrics.unreported,
            pending: custody.pending() as u32,
            pending_bytes: custody.pending_bytes() as u64,
            lane_bytes: env.links.queued_bytes() as u64,
            session_bytes: env.delivery.sessions.queued_bytes() as u64,
            receipts_dropped: links.receipts_dropped,
            refused_full: delivery.refused_full + links.refused_full,
            ended_slow: delivery.ended_slow,
            session_panics: env.metrics.session_panics,
            refused_slots: slots.refused,
            look_ups: env.look_ups.total,
            stale_entries: registrar.counts().stale_entries_removed,
            latency: env.metrics.take_latencies(),
            ..NodeLoad::default()
        }
    }
}
