//! The other members: who is there, and what goes to and fro. Labels are etcd's: `To`, `From`, `Local`, `Remote`, ids in hex.

use super::{counter_row, family, gauge_row, labelled, names};
use crate::metrics::PeerFigures;
use prometheus::proto::{Bucket, Histogram, Metric, MetricFamily, MetricType};
use quorate_coordinator::Coordinator;

pub(super) fn families(door: &Coordinator, figures: &[PeerFigures]) -> Vec<MetricFamily> {
    use names::*;
    let local = door.member().to_string();
    let peers = door.peers();
    let seen = |value: &dyn Fn(bool) -> f64| -> Vec<Metric> {
        let row = |(member, is_active): &(_, bool)| {
            let remote = ToString::to_string(member);
            gauge_row(vec![("Local", &local), ("Remote", &remote)], value(*is_active))
        };
        peers.iter().map(row).collect()
    };
    let counted = |label: &'static str, figure: &dyn Fn(&PeerFigures) -> u64| -> Vec<Metric> {
        let row =
            |peer: &PeerFigures| counter_row(vec![(label, &peer.member.to_string())], figure(peer) as f64);
        figures.iter().map(row).collect()
    };
    let (sent, received) = (|peer: &PeerFigures| peer.sent_bytes, |peer: &PeerFigures| peer.received_bytes);
    let failed = (|peer: &PeerFigures| peer.sent_failures, |peer: &PeerFigures| peer.received_failures);
    let round_trips = figures.iter().map(round_trip_row).collect();
    let families = vec![
        family(
            ACTIVE_PEERS,
            "1 for each member that this one is in contact with.",
            MetricType::GAUGE,
            seen(&|is_active| f64::from(u8::from(is_active))),
        ),
        family(KNOWN_PEERS, "1 for each other member.", MetricType::GAUGE, seen(&|_| 1.0)),
        family(PEER_SENT_BYTES, "Bytes of messages to a member.", MetricType::COUNTER, counted("To", &sent)),
        family(
            PEER_RECEIVED_BYTES,
            "Bytes of messages from a member.",
            MetricType::COUNTER,
            counted("From", &received),
        ),
        family(
            PEER_SENT_FAILURES,
            "Messages to a member that brought no answer.",
            MetricType::COUNTER,
            counted("To", &failed.0),
        ),
        family(
            PEER_RECEIVED_FAILURES,
            "Messages from a member that could not be answered.",
            MetricType::COUNTER,
            counted("From", &failed.1),
        ),
        family(
            PEER_ROUND_TRIP,
            "The way to a member and back, looked at every four seconds.",
            MetricType::HISTOGRAM,
            round_trips,
        ),
    ];
    // A family without a series would be refused by the encoder: a cluster of one has none of these.
    families.into_iter().filter(|family| !family.get_metric().is_empty()).collect()
}

fn round_trip_row(peer: &PeerFigures) -> Metric {
    let mut below = 0;
    let buckets = peer.round_trips.iter().map(|(bound, count)| {
        below += count;
        let mut bucket = Bucket::default();
        bucket.set_upper_bound(*bound);
        bucket.set_cumulative_count(below);
        bucket
    });
    let mut histogram = Histogram::default();
    histogram.set_bucket(buckets.collect());
    histogram.set_sample_count(below + peer.longer_round_trips);
    histogram.set_sample_sum(peer.round_trip_total.as_secs_f64());
    let mut row = labelled(vec![("To", &peer.member.to_string())]);
    row.set_histogram(histogram);
    row
}
