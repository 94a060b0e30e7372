//! Recorded histories of a cluster, and whether they keep the laws.
//!
//! Whoever tests a cluster, simulated or real, writes down what its clients asked and were told ([`Recording`], in
//! memory or as a file of JSON lines). [`check`] reads that and nothing else: it knows no server, no clock, no
//! network and no chance, and uses none of the crates it judges, so it cannot share their mistakes. The recording
//! begins with an empty store, at revision 1, and has every write of the cluster in it.
//!
//! # The laws
//!
//! - K1 A revision is written once.
//! - K2 The order of revisions keeps the order of time: what began after a revision had been told of, to whomever,
//!   stands after it.
//! - K3 Every answer is what the order gives: header revision, `succeeded`, `deleted`, and each record with its value,
//!   lease, create and mod revision and version. An acknowledged write is there.
//! - K4 Every revision was written by somebody: a call, once, or the end of a lease. A write that was done twice, or
//!   done though it was refused, leaves a revision that nobody wrote.
//! - K5 A watch is told what it asked for, in the order of revisions, and nothing twice.
//! - K6 A watch is told exactly the writes of its range, from its start to its last event or progress, each revision
//!   in one response.
//! - K7 Progress comes after its events, and no event comes under an older header.
//! - K8 No lease ends early: its TTL, counted from when the last answered grant or keep-alive was sent, is a promise.
//! - K9 No lease lives for ever: nobody reads a key whose lease had its last possible renewal a TTL and a grace ago.
//! - K10 Members that hash the same revision, compacted at the same one, say the same.
//!
//! K1-K4 together are linearizability of all calls, with etcd's key space ([`KeySpace`]) as the sequential object.
//!
//! # Why the order of revisions decides
//!
//! Checking linearizability is a search through all orders of calls that overlap, and NP-hard in general. etcd's
//! answers spare us nearly all of it, because each names a revision, and a write has one of its own:
//!
//! 1. *The order of the writes is given.* In any order that explains the answers, the write of revision r comes after
//!    exactly r - 2 other writes, so an acknowledged write of revision r stands at place r (K1). What changed nothing
//!    and was told revision r stands after write r and before write r + 1. Calls in such a place change nothing, so
//!    their order among themselves is free but for time, and time orders them without a circle.
//! 2. *Time is a condition on pairs.* An order keeps real time if no call stands before one that had ended when it
//!    began. With places known, that is one comparison with the furthest place that had been seen by then (K2).
//! 3. *Answers need the state of their place only*, which is what the writes up to there make of an empty store. They
//!    are compared in one walk over all revisions (K3).
//! 4. *What is unknown* may stand at any place after everything that had ended when it began, or nowhere. Where it
//!    changes nothing, nobody can tell; so only its place as a write matters. Every revision up to the newest that
//!    anybody saw has a writer; those that no acknowledged call claims, the gaps, must each be written by an unknown
//!    call, by an expiry (at most one a lease), or by an acknowledged revoke, whose answer does not tell whether there
//!    was a key to remove. Beyond the newest revision nothing was seen, and unknown calls can stand there or not.
//!
//! So a history is linearizable if and only if the gaps can be filled such that the walk finds every answer right.
//! That filling is the only search (`search`). It is complete: a gap's candidates are left out only for reasons that
//! hold in every filling, and it goes back over a gap only if no other writer there could have changed the keys
//! that did not fit. The reasons are facts that answers tell (`facts`): a record names the call that wrote its mod
//! revision; nobody wrote the key from there to where it was read, nor deleted it since its create revision; between
//! two records of a life the versions count the puts. A candidate that is the only one for a gap is none for others.
//!
//! The proof of the pudding: `check::tests::reference` compares the verdict with that of a search through all orders
//! that knows nothing of this, on thousands of small histories, true and bent.
//!
//! What watches were told joins in as more facts, in a second pass, and what clients know of their leases in a third:
//! a finding then says who is to blame. What a pass cannot decide it leaves to the next, which knows more. A verdict is only as good as what was recorded: an unknown call that nobody
//! ever sees may have been done or not, and the checker takes whatever explains the rest.
//!
//! # What it does not judge
//!
//! Ranges of several keys, reads at older revisions, serializable reads, compactions, nested transactions and
//! comparisons other than equality are not recorded. A `prev_kv` that an event leaves out is not missed, since a
//! compaction may have taken it.
//!
//! # Cost
//!
//! O(n log n) time and O(n) memory for n entries, O(g u) to find who may have filled g gaps among u unknown calls and
//! leases; then about one trial a gap, each the cost of one call on the key space. Ten thousand calls of thirty
//! clients over forty keys, with leases, ten watches and every thirtieth answer lost, are judged in all three passes
//! in less than three seconds in a development build. Histories that lose far more over a handful of keys can be
//! hard: after [`Settings::trials_max`] trials the verdict is [`Law::Undecided`], which is no approval.

mod check;
mod explain;
mod facts;
mod hash;
mod history;
mod lease;
mod model;
mod operation;
mod past;
mod plan;
mod recording;
mod search;
#[cfg(test)]
mod testing;
mod watch;

pub use check::{Law, Settings, Verdict, Violation, check};
pub use history::{Call, History, LeaseCall, Malformed, Watch};
pub use model::{Change, Effect, KeySpace};
pub use operation::{Answer, Compare, LeaseId, Operation, Record, Revision, Step, StepAnswer, Target};
pub use plan::Writer;
pub use recording::{Ask, Entry, Event, Id, MemberHash, Outcome, Range, ReadError, Recording, Time, Told};
pub use search::Placed;
