//! What is sent when: flows, and the pace of each group of them.

use hdrhistogram::Histogram;

use super::{
    flow::{Counts, Flow},
    peer::Template,
    stamp::Stamp,
};
use crate::defaults::{LATENCY_DIGITS, LATENCY_MAX_NS};

/// How fast a traffic goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// Each flow has so many messages on their way; the arrival of one lets the next one go.
    Closed {
        /// How many.
        in_flight: u32,
    },
    /// All flows in turn, evenly, so many messages a second between them, whatever arrives.
    Open {
        /// How many.
        per_second: f64,
    },
    /// One message of each flow, in turn, with so many of them on their way.
    Once {
        /// How many.
        in_flight: u64,
    },
}

/// A message that may go: its flow, and when it was due.
pub(super) type Due = (u32, u64);

/// Flows that go at one pace and are counted together.
#[derive(Debug)]
pub(super) struct Traffic {
    pace: Pace,
    flows: Vec<u32>,
    running: bool,
    start_ns: u64,
    /// How many messages were released since the start, where they go in turn.
    turns: u64,
    counts: Counts,
    /// From when a message was due to its arrival, of those due since `measured_from_ns`.
    latency_ns: Histogram<u64>,
    measured_from_ns: u64,
}

impl Traffic {
    fn new(pace: Pace) -> Self {
        Self {
            pace,
            flows: Vec::new(),
            running: false,
            start_ns: 0,
            turns: 0,
            counts: Counts::default(),
            latency_ns: Histogram::new_with_max(LATENCY_MAX_NS, LATENCY_DIGITS)
                .expect("the bounds are those of a histogram"),
            measured_from_ns: u64::MAX,
        }
    }

    fn start(&mut self, now_ns: u64, released: &mut Vec<Due>) {
        (self.running, self.start_ns, self.turns) = (true, now_ns, 0);
        match self.pace {
            Pace::Closed { in_flight } => {
                for _ in 0..in_flight {
                    released.extend(self.flows.iter().map(|flow| (*flow, now_ns)));
                }
            }
            Pace::Once { in_flight } => {
                for _ in 0..in_flight {
                    released.extend(self.next_once(now_ns));
                }
            }
            Pace::Open { .. } => {}
        }
    }

    fn next_once(&mut self, now_ns: u64) -> Option<Due> {
        let flow = self.flows.get(self.turns as usize)?;
        self.turns += 1;
        Some((*flow, now_ns))
    }

    /// What a message that is no longer on its way lets go.
    fn next_after(&mut self, flow: u32, now_ns: u64) -> Option<Due> {
        match self.pace {
            Pace::Closed { .. } if self.running => Some((flow, now_ns)),
            Pace::Once { .. } if self.running => self.next_once(now_ns),
            _ => None,
        }
    }

    /// When the next message of an open traffic is due.
    fn next_due_ns(&self) -> Option<u64> {
        match self.pace {
            Pace::Open { per_second } if self.running => {
                Some(self.start_ns + (self.turns as f64 * 1e9 / per_second) as u64)
            }
            _ => None,
        }
    }

    fn release_due(&mut self, now_ns: u64, released: &mut Vec<Due>) {
        while let Some(due_ns) = self.next_due_ns().filter(|due_ns| *due_ns <= now_ns) {
            let flow = self.flows[(self.turns % self.flows.len() as u64) as usize];
            released.push((flow, due_ns));
            self.turns += 1;
        }
    }
}

/// All traffics of an engine and their flows.
#[derive(Debug, Default)]
pub(super) struct Plan {
    flows: Vec<Flow>,
    traffics: Vec<Traffic>,
    /// Messages that may go now.
    released: Vec<Due>,
}

impl Plan {
    /// Adds a traffic without flows.
    pub(super) fn add_traffic(&mut self, pace: Pace) -> usize {
        self.traffics.push(Traffic::new(pace));
        self.traffics.len() - 1
    }

    /// Adds a flow between two sessions.
    pub(super) fn add_flow(&mut self, traffic: usize, ends: (usize, usize), template: Template) {
        let id = self.flows.len() as u32;
        self.flows.push(Flow::new(id, traffic, ends, template));
        self.traffics[traffic].flows.push(id);
    }

    pub(super) fn counts(&self, traffic: usize) -> Counts {
        self.traffics[traffic].counts
    }

    pub(super) fn latency_ns(&self, traffic: usize) -> &Histogram<u64> {
        &self.traffics[traffic].latency_ns
    }

    /// Lets a traffic go.
    pub(super) fn start(&mut self, traffic: usize, now_ns: u64) {
        self.traffics[traffic].start(now_ns, &mut self.released);
    }

    /// Sends no more of a traffic; what is on its way still arrives.
    pub(super) fn stop(&mut self, traffic: usize) {
        self.traffics[traffic].running = false;
    }

    /// Records the latency of what is due from now on, and forgets what was recorded.
    pub(super) fn measure(&mut self, traffic: usize, now_ns: u64) {
        let traffic = &mut self.traffics[traffic];
        traffic.measured_from_ns = now_ns;
        traffic.latency_ns.reset();
    }

    /// When the next message of an open traffic is due.
    pub(super) fn next_due_ns(&self) -> Option<u64> {
        self.traffics.iter().filter_map(Traffic::next_due_ns).min()
    }

    /// Moves what may go now, and the sessions that it goes from, to the end of `due`.
    pub(super) fn release(&mut self, now_ns: u64, due: &mut Vec<(usize, Due)>) {
        for traffic in &mut self.traffics {
            traffic.release_due(now_ns, &mut self.released);
        }
        let flows = &self.flows;
        let from = |due: Due| (flows[due.0 as usize].from, due);
        due.extend(self.released.drain(..).map(from));
    }

    /// Appends the frame of a message that is due.
    pub(super) fn write(&mut self, (flow, due_ns): Due, out: &mut Vec<u8>) {
        let flow = &mut self.flows[flow as usize];
        flow.write_next(due_ns, out);
        self.traffics[flow.traffic].counts.sent += 1;
    }

    /// Takes note that `body` has arrived at session `at`. Returns whether it is one of ours.
    pub(super) fn note_arrival(&mut self, body: &[u8], at: usize, now_ns: u64) -> bool {
        let Some(stamp) = Stamp::at_end_of(body) else { return false };
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

    /// Takes note that a send was told to have arrived. Returns whether it is one of ours.
    pub(super) fn note_delivered(&mut self, flow: u32) -> bool {
        let counts = self.counts_of(flow);
        counts.map(|counts| counts.delivered += 1).is_some()
    }

    /// Takes note that nobody knows of a send. Returns whether it is one of ours.
    pub(super) fn note_unsure(&mut self, flow: u32) -> bool {
        let counts = self.counts_of(flow);
        counts.map(|counts| counts.unconfirmed += 1).is_some()
    }

    fn counts_of(&mut self, flow: u32) -> Option<&mut Counts> {
        let flow = self.flows.get(flow as usize)?;
        Some(&mut self.traffics[flow.traffic].counts)
    }

    /// Takes note that a send was refused. Returns whether it is one of ours.
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
