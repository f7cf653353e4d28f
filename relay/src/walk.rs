//! Test messages: sent through a node at an operator's wish, and traced to their outcome.

mod timeline;

use std::{collections::VecDeque, rc::Rc};

use hashbrown::HashMap;
use tokio::{
    select,
    sync::{Notify, oneshot},
    time,
};
use trunkline_protocol::{
    Incarnation, MessageId, Name, Outcome, User,
    control::{ToNode, TracedMessage},
    status::{Trace, TraceEvent},
};

use crate::{
    defaults::{FOLLOWED_MAX, STEPS_LATE, TEST_TIMEOUT, TESTS_MAX},
    hub::Hub,
    link::Link,
    switch::{Footprint, Passage},
};
use timeline::{Mark, Timeline, Told};

/// The test messages that are under way, and what nodes have told of messages that are traced.
#[derive(Debug, Default)]
pub(crate) struct Walks {
    last: u64,
    open: HashMap<u64, Option<oneshot::Sender<Tested>>>,
    notes: VecDeque<Note>,
    noted: Rc<Notify>,
}

/// What became of a test message.
#[derive(Debug)]
pub(crate) struct Tested {
    /// Which message it was.
    pub(crate) message: TracedMessage,
    /// The microseconds that it took.
    pub(crate) took_us: u64,
    /// Its outcome.
    pub(crate) outcome: Outcome,
    /// How many did not get what others did.
    pub(crate) missed: u32,
}

/// A step, as a node told it.
#[derive(Debug)]
struct Note {
    message: TracedMessage,
    at: Name,
    told: Told,
}

impl Walks {
    fn begin(&mut self) -> Result<(u64, oneshot::Receiver<Tested>), String> {
        if self.open.len() == TESTS_MAX {
            return Err(format!("{TESTS_MAX} test messages are under way: try again soon"));
        }
        self.last += 1;
        let (tell, tested) = oneshot::channel();
        self.open.insert(self.last, Some(tell));
        Ok((self.last, tested))
    }

    fn end(&mut self, number: u64) {
        self.open.remove(&number);
        if self.open.is_empty() {
            self.notes.clear();
        }
    }

    /// A node tells a step.
    pub(crate) fn walked(
        &mut self,
        at: Name,
        message: TracedMessage,
        after_us: u64,
        what: TraceEvent,
    ) {
        if self.open.is_empty() {
            return;
        }
        if self.notes.len() == FOLLOWED_MAX {
            self.notes.pop_front();
        }
        self.notes.push_back(Note { message, at, told: Told { after_us, what } });
        self.noted.notify_waiters();
    }

    /// A node tells what became of a test message.
    pub(crate) fn tested(&mut self, number: u64, tested: Tested) {
        if let Some(tell) = self.open.get_mut(&number).and_then(Option::take) {
            // Who asked may have gone away since.
            let _ = tell.send(tested);
        }
    }

    fn of(&self, message: TracedMessage) -> impl Iterator<Item = &Note> {
        self.notes.iter().filter(move |note| note.message == message)
    }
}

/// Forgets a test message, however following it ends.
struct Open<'a> {
    hub: &'a Hub,
    number: u64,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.hub.walks.borrow_mut().end(self.number);
    }
}

impl Hub {
    /// Sends `user` a test message through `node`, or any, and follows it to its outcome.
    pub(crate) async fn test(
        &self,
        from: User,
        user: User,
        node: Option<Name>,
    ) -> Result<Box<Trace>, String> {
        let link = self.tester(node.as_ref())?;
        let (number, tested) = self.walks.borrow_mut().begin()?;
        let _open = Open { hub: self, number };
        link.say(&ToNode::Test { test: number, user, from });
        let tested = select! {
            tested = time::timeout(TEST_TIMEOUT, tested) => tested,
            _ = link.connection.closed() => {
                return Err(format!("{} lost its link before the outcome was known", link.name));
            }
        };
        let tested = tested.ok().and_then(Result::ok);
        let seconds = TEST_TIMEOUT.as_secs();
        let tested =
            tested.ok_or_else(|| format!("{} told no outcome within {seconds} s", link.name))?;
        // What a node tells may come later than the receipt that it sent at the same time.
        let _ = time::timeout(STEPS_LATE, self.all_told(&link, tested.message)).await;
        Ok(Box::new(self.walk(&link, &tested)))
    }

    fn tester(&self, node: Option<&Name>) -> Result<Rc<Link>, String> {
        let links = self.links.borrow();
        let up = links.values().filter(|link| link.is_up());
        let fitting = up.filter(|link| node.is_none_or(|name| link.name == *name));
        let first = fitting.min_by(|one, other| one.name.cmp(&other.name));
        first.cloned().ok_or_else(|| match node {
            Some(node) => format!("the node {node} has no link to this relay"),
            None => "no node has a link to this relay".to_owned(),
        })
    }

    /// Completes when every node whose receipt was passed back has told so itself.
    async fn all_told(&self, link: &Link, message: TracedMessage) {
        let noted = self.walks.borrow().noted.clone();
        loop {
            let more = noted.notified();
            if self.is_all_told(link, message) {
                return;
            }
            more.await;
        }
    }

    fn is_all_told(&self, link: &Link, message: TracedMessage) -> bool {
        let prints = self.footprints(link, message);
        let receipts = prints.iter().filter(|print| print.passage == Passage::Back).count();
        let walks = self.walks.borrow();
        let others = walks.of(message).filter(|note| note.at != link.name);
        let answers = others.filter(|note| matches!(note.told.what, TraceEvent::Answered { .. }));
        answers.count() >= receipts
    }

    fn walk(&self, link: &Link, tested: &Tested) -> Trace {
        let Tested { message, took_us, outcome, missed } = *tested;
        let names = self.names();
        let name = |incarnation: Incarnation| names.get(&incarnation).cloned();
        let prints = self.footprints(link, message).into_iter().filter_map(|print| {
            let other = if print.passage == Passage::Back { print.from } else { print.to };
            Some(Mark { at: print.at, node: name(other)?, passage: print.passage })
        });
        let walks = self.walks.borrow();
        let (own, others): (Vec<_>, Vec<_>) =
            walks.of(message).partition(|note| note.at == link.name);
        let timeline = Timeline {
            origin: &link.name,
            relay: &self.name,
            marks: prints.collect(),
            others: others.iter().map(|note| (note.at.clone(), note.told.clone())).collect(),
        };
        let own: Vec<_> = own.iter().map(|note| note.told.clone()).collect();
        Trace {
            message: MessageId { origin: message.id_incarnation, seq: message.seq }.to_string(),
            from: link.name.clone(),
            outcome,
            missed,
            took_us,
            hops: timeline.steps(&own),
        }
    }

    /// Where the message, or a receipt for it, has passed the switch.
    fn footprints(&self, link: &Link, message: TracedMessage) -> Vec<Footprint> {
        let origin = link.port.incarnation();
        let is_it = |print: &Footprint| match print.passage {
            Passage::Back => print.to == origin && print.seqs.contains(&message.seq),
            _ => print.ids == message.id_incarnation && print.seqs.contains(&message.seq),
        };
        self.switch.footprints().iter().filter(|print| is_it(print)).cloned().collect()
    }

    fn names(&self) -> HashMap<Incarnation, Name> {
        let known = self.liveness(|liveness, _| {
            let nodes = liveness.nodes().into_iter();
            nodes.map(|(name, seen)| (seen.incarnation, name.clone())).collect::<Vec<_>>()
        });
        let links = self.links.borrow();
        let linked = links.values().map(|link| (link.port.incarnation(), link.name.clone()));
        known.into_iter().chain(linked).collect()
    }
}
