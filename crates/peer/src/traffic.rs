//! What goes to and comes from each member, and how long an answer takes: the figures of etcd's `etcd_network_peer_*`.
//!
//! Bytes are those of messages as they are encoded, without gRPC's and HTTP's own. Counters are looked up when a call or a stream begins;
//! a message costs one addition, and a look at its lengths.

use quorate_types::MemberId;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Upper bounds of the classes of round trips, in seconds: from 0.1 ms on, each twice the one before. The last class has no bound.
pub const ROUND_TRIP_CLASSES: [f64; 16] = [
    0.0001, 0.0002, 0.0004, 0.0008, 0.0016, 0.0032, 0.0064, 0.0128, 0.0256, 0.0512, 0.1024, 0.2048, 0.4096,
    0.8192, 1.6384, 3.2768,
];

/// The counters of all members. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct Traffic {
    members: Arc<Mutex<BTreeMap<MemberId, Arc<Counters>>>>,
}

/// What one member's counters say.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Figures {
    /// Bytes of messages to it.
    pub sent_bytes: u64,
    /// Bytes of messages from it.
    pub received_bytes: u64,
    /// Calls to it that brought no answer, and streams that broke.
    pub sent_failures: u64,
    /// Calls of it that could not be answered.
    pub received_failures: u64,
    /// How many round trips took so long; see [`ROUND_TRIP_CLASSES`].
    pub round_trips: [u64; ROUND_TRIP_CLASSES.len() + 1],
    /// How long they took together.
    pub round_trip_total: Duration,
}

/// Of one member.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    sent_bytes: AtomicU64,
    received_bytes: AtomicU64,
    sent_failures: AtomicU64,
    received_failures: AtomicU64,
    round_trips: [AtomicU64; ROUND_TRIP_CLASSES.len() + 1],
    round_trip_nanos: AtomicU64,
}

fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Ordering::Relaxed);
}

impl Traffic {
    pub(crate) fn of(&self, member: MemberId) -> Arc<Counters> {
        let mut members = self.members.lock().unwrap_or_else(PoisonError::into_inner);
        members.entry(member).or_default().clone()
    }

    /// Every member that something went to or came from since the start.
    #[must_use]
    pub fn figures(&self) -> Vec<(MemberId, Figures)> {
        let members = self.members.lock().unwrap_or_else(PoisonError::into_inner);
        members.iter().map(|(member, counters)| (*member, counters.figures())).collect()
    }
}

impl Counters {
    pub(crate) fn sent(&self, message: &impl prost::Message) {
        add(&self.sent_bytes, message.encoded_len() as u64);
    }

    pub(crate) fn received(&self, message: &impl prost::Message) {
        add(&self.received_bytes, message.encoded_len() as u64);
    }

    pub(crate) fn send_failed(&self) {
        add(&self.sent_failures, 1);
    }

    pub(crate) fn receive_failed(&self) {
        add(&self.received_failures, 1);
    }

    pub(crate) fn answered_after(&self, span: Duration) {
        let class = ROUND_TRIP_CLASSES.iter().position(|bound| span.as_secs_f64() <= *bound);
        add(&self.round_trips[class.unwrap_or(ROUND_TRIP_CLASSES.len())], 1);
        add(&self.round_trip_nanos, u64::try_from(span.as_nanos()).unwrap_or(u64::MAX));
    }

    fn figures(&self) -> Figures {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Figures {
            sent_bytes: read(&self.sent_bytes),
            received_bytes: read(&self.received_bytes),
            sent_failures: read(&self.sent_failures),
            received_failures: read(&self.received_failures),
            round_trips: self.round_trips.each_ref().map(read),
            round_trip_total: Duration::from_nanos(read(&self.round_trip_nanos)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_trip_counts_in_the_first_class_that_it_fits() {
        let traffic = Traffic::default();
        let counters = traffic.of(MemberId(7));
        for (micros, class) in [(0, 0), (100, 0), (101, 1), (3_276_800, 15), (3_276_801, 16)] {
            let before = counters.figures().round_trips[class];
            counters.answered_after(Duration::from_micros(micros));
            assert_eq!(counters.figures().round_trips[class], before + 1, "{micros} us");
        }
        let [(member, figures)] = traffic.figures()[..] else { unreachable!("one member") };
        assert_eq!(member, MemberId(7));
        assert_eq!(figures.round_trip_total, Duration::from_micros(100 + 101 + 3_276_800 + 3_276_801));
    }

    #[test]
    fn bytes_are_those_of_encoded_messages() {
        let counters = Traffic::default().of(MemberId(7));
        let message = quorate_proto::peer::AppendRequest {
            entries: vec![vec![0; 100].into()],
            ..quorate_proto::peer::AppendRequest::default()
        };
        counters.sent(&message);
        counters.received(&message);
        counters.received(&message);
        let figures = counters.figures();
        assert_eq!((figures.sent_bytes, figures.received_bytes), (102, 204));
    }
}
