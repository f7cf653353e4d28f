//! When each message is sent: flows, and the pace of each group of flows.

use hdrhistogram::Histogram;

use super::{
    flow::{MessageFlow, TrafficCounts},
    protocol::Template,
    stamp::Stamp,
};
use crate::defaults::{LATENCY_DIGITS, LATENCY_MAX_NS};

/// How fast a traffic sends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TrafficPace {
    /// Each flow keeps this many messages in flight: an arrival releases the next one.
    Closed {
        /// How many.
        in_flight: u32,
    },
    /// All flows take turns at a steady rate, whatever arrives.
    Open {
        /// Messages a second of all flows together.
        per_second: f64,
    },
    /// One message of each flow, one flow after the other, with this many in flight.
    Once {
        /// How many.
        in_flight: u64,
    },
}

/// A message that is due: its flow, and when it was due.
pub(super) type DueMessage = (u32, u64);

/// Flows that share a pace and are counted together.
#[derive(Debug)]
pub(super) struct Traffic {
    pace: TrafficPace,
    flows: Vec<u32>,
    running: bool,
    start_ns: u64,
    /// How many messages were released since the start, where flows take turns.
    released: u64,
    counts: TrafficCounts,
    /// From due time to arrival, of the messages that were due since `measured_from_ns`.
    latency_ns: Histogram<u64>,
    measured_from_ns: u64,
}

impl Traffic {
    fn new(pace: TrafficPace) -> Self {
        Self {
            pace,
            flows: Vec::new(),
            running: false,
            start_ns: 0,
            released: 0,
            counts: TrafficCounts::default(),
            latency_ns: Histogram::new_with_max(LATENCY_MAX_NS, LATENCY_DIGITS)
                .expect("the bounds are those of a histogram"),
            measured_from_ns: u64::MAX,
        }
    }

    fn start(&mut self, now_ns: u64, released: &mut Vec<DueMessage>) {
        (self.running, self.start_ns, self.released) = (true, now_ns, 0);
        match self.pace {
            TrafficPace::Closed { in_flight } => {
                for _ in 0..in_flight {
                    released.extend(self.flows.iter().map(|flow| (*flow, now_ns)));
                }
            }
            TrafficPace::Once { in_flight } => {
                for _ in 0..in_flight {
                    released.extend(self.next_once(now_ns));
                }
            }
            TrafficPace::Open { .. } => {}
        }
    }

    fn next_once(&mut self, now_ns: u64) -> Option<DueMessage> {
        let flow = self.flows.get(self.released as usize)?;
        self.released += 1;
        Some((*flow, now_ns))
    }

    /// The message that is released when another one is no longer in flight.
    fn next_after(&mut self, flow: u32, now_ns: u64) -> Option<DueMessage> {
        match self.pace {
            TrafficPace::Closed { .. } if self.running => Some((flow, now_ns)),
            TrafficPace::Once { .. } if self.running => self.next_once(now_ns),
            _ => None,
        }
    }

    /// When the next message at a steady rate is due.
    fn next_due_ns(&self) -> Option<u64> {
        match self.pace {
            TrafficPace::Open { per_second } if self.running => {
                Some(self.start_ns + (self.released as f64 * 1e9 / per_second) as u64)
            }
            _ => None,
        }
    }

    fn release_due(&mut self, now_ns: u64, released: &mut Vec<DueMessage>) {
        while let Some(due_ns) = self.next_due_ns().filter(|due_ns| *due_ns <= now_ns) {
            let flow = self.flows[(self.released % self.flows.len() as u64) as usize];
            released.push((flow, due_ns));
            self.released += 1;
        }
    }
}

/// All traffics of an engine and their flows.
#[derive(Debug, Default)]
pub(super) struct TrafficPlan {
    flows: Vec<MessageFlow>,
    traffics: Vec<Traffic>,
    /// Messages that are due now.
    released: Vec<DueMessage>,
}

impl TrafficPlan {
    /// Adds a traffic without flows.
    pub(super) fn add_traffic(&mut self, pace: TrafficPace) -> usize {
        self.traffics.push(Traffic::new(pace));
        self.traffics.len() - 1
    }

    /// Adds a flow between two sessions.
    pub(super) fn add_flow(&mut self, traffic: usize, ends: (usize, usize), template: Template) {
        let id = self.flows.len() as u32;
        self.flows.push(MessageFlow::new(id, traffic, ends, template));
        self.traffics[traffic].flows.push(id);
    }

    pub(super) fn counts(&self, traffic: usize) -> TrafficCounts {
        self.traffics[traffic].counts
    }

    pub(super) fn latency_ns(&self, traffic: usize) -> &Histogram<u64> {
        &self.traffics[traffic].latency_ns
    }

    /// Starts a traffic.
    pub(super) fn start(&mut self, traffic: usize, now_ns: u64) {
        self.traffics[traffic].start(now_ns, &mut self.released);
    }

    /// Stops sending. Messages in flight still arrive and count.
    pub(super) fn stop(&mut self, traffic: usize) {
        self.traffics[traffic].running = false;
    }

    /// Resets the latencies, and records those of messages that are due from now on.
    pub(super) fn measure(&mut self, traffic: usize, now_ns: u64) {
        let traffic = &mut self.traffics[traffic];
        traffic.measured_from_ns = now_ns;
        traffic.latency_ns.reset();
    }

    /// When the next message at a steady rate is due.
    pub(super) fn next_due_ns(&self) -> Option<u64> {
        self.traffics.iter().filter_map(Traffic::next_due_ns).min()
    }

    /// Appends the messages that are due now, with their sending sessions, to `due`.
    pub(super) fn release(&mut self, now_ns: u64, due: &mut Vec<(usize, DueMessage)>) {
        for traffic in &mut self.traffics {
            traffic.release_due(now_ns, &mut self.released);
        }
        let flows = &self.flows;
        let from = |due: DueMessage| (flows[due.0 as usize].from, due);
        due.extend(self.released.drain(..).map(from));
    }

    /// Appends the frame of a message that is due.
    pub(super) fn write(&mut self, (flow, due_ns): DueMessage, out: &mut Vec<u8>) {
        let flow = &mut self.flows[flow as usize];
        flow.write_next(due_ns, out);
        self.traffics[flow.traffic].counts.sent += 1;
    }

    /// Counts the arrival of `body` at session `at`. Returns whether it is right. A body without a
    /// stamp is somebody else's, such as an operator's test, and is ignored.
    pub(super) fn note_arrival(&mut self, body: &[u8], at: usize, now_ns: u64) -> bool {
        let Some(stamp) = Stamp::at_end_of(body) else { return true };
        let Some(flow) = self.flows.get_mut(stamp.flow as usize) else { return false };
        if flow.to != at || flow.body_bytes() != body.len() {
            return false;
        }
        let traffic = &mut self.traffics[flow.traffic];
        if traffic.counts.note(flow.arrived(stamp.seq)) {
            self.released.extend(traffic.next_after(stamp.flow, now_ns));
            if stamp.due_ns >= traffic.measured_from_ns {
                traffic.latency_ns.saturating_record(now_ns.saturating_sub(stamp.due_ns));
            }
        }
        true
    }

    /// Counts a receipt `delivered`. Returns whether the flow exists.
    pub(super) fn note_delivered(&mut self, flow: u32) -> bool {
        let counts = self.counts_of(flow);
        counts.map(|counts| counts.delivered += 1).is_some()
    }

    /// Counts a receipt `unconfirmed`. Returns whether the flow exists.
    pub(super) fn note_unconfirmed(&mut self, flow: u32) -> bool {
        let counts = self.counts_of(flow);
        counts.map(|counts| counts.unconfirmed += 1).is_some()
    }

    fn counts_of(&mut self, flow: u32) -> Option<&mut TrafficCounts> {
        let flow = self.flows.get(flow as usize)?;
        Some(&mut self.traffics[flow.traffic].counts)
    }

    /// Counts a refused send. Returns whether the flow exists.
    pub(super) fn note_refused(&mut self, flow: u32, now_ns: u64) -> bool {
        let Some(traffic) = self.flows.get(flow as usize).map(|flow| flow.traffic) else {
            return false;
        };
        let traffic = &mut self.traffics[traffic];
        traffic.counts.refused += 1;
        self.released.extend(traffic.next_after(flow, now_ns));
        true
    }
}
