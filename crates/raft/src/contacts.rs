//! When this member last heard of the others: what tells a leader that it still has a quorum, and a follower that there still
//! is a leader. openraft says neither.

use parking_lot::Mutex;
use quorate_tasks::{Clock, Moment};
use quorate_types::MemberId;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Clones are the same contacts.
#[derive(Clone)]
pub(crate) struct Contacts {
    clock: Arc<dyn Clock>,
    /// Who has not been heard of for longer is not connected: the election time-out.
    bound: Duration,
    peers: Arc<Mutex<BTreeMap<MemberId, Contact>>>,
}

/// From when to when nothing was missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Contact {
    pub(crate) since: Moment,
    pub(crate) last: Moment,
}

impl Contacts {
    pub(crate) fn new(clock: Arc<dyn Clock>, bound: Duration) -> Self {
        Self { clock, bound, peers: Arc::default() }
    }

    pub(crate) fn now(&self) -> Moment {
        self.clock.now()
    }

    pub(crate) async fn sleep(&self, span: Duration) {
        self.clock.sleep_until(self.clock.now() + span).await;
    }

    pub(crate) fn bound(&self) -> Duration {
        self.bound
    }

    /// `member` has asked or answered something just now.
    pub(crate) fn heard(&self, member: MemberId) {
        let now = self.clock.now();
        let mut peers = self.peers.lock();
        let contact = peers.entry(member).or_insert(Contact { since: now, last: now });
        if contact.last + self.bound < now {
            contact.since = now;
        }
        contact.last = now;
    }

    /// The last unbroken time of `member`, whether or not it goes on.
    pub(crate) fn of(&self, member: MemberId) -> Option<Contact> {
        self.peers.lock().get(&member).copied()
    }

    /// The last unbroken time in which more than half of `voters` were heard of, `me` among them, whether or not it goes on.
    pub(crate) fn quorum(&self, me: MemberId, voters: &[MemberId]) -> Option<Contact> {
        let now = self.clock.now();
        let own = Contact { since: Moment::default(), last: now };
        let contact = |&voter: &MemberId| if voter == me { Some(own) } else { self.of(voter) };
        let contacts: Vec<Contact> = voters.iter().filter_map(contact).collect();
        let middle = voters.len() / 2;
        let last = nth(contacts.iter().map(|contact| std::cmp::Reverse(contact.last)), middle)?.0;
        let is_connected = |contact: &&Contact| last <= contact.last || now <= contact.last + self.bound;
        let connected = contacts.iter().filter(is_connected);
        let since = nth(connected.map(|contact| contact.since), middle)?;
        Some(Contact { since, last })
    }

    /// `contact`'s beginning, if it is not over.
    pub(crate) fn unbroken(&self, contact: Option<Contact>) -> Option<Moment> {
        let now = self.clock.now();
        contact.filter(|contact| now <= contact.last + self.bound).map(|contact| contact.since)
    }
}

/// The value at `position` in ascending order.
fn nth<T: Ord>(values: impl Iterator<Item = T>, position: usize) -> Option<T> {
    let mut values: Vec<T> = values.collect();
    values.sort_unstable();
    (position < values.len()).then(|| values.swap_remove(position))
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorate_tasks::testing::ManualClock;

    const ME: MemberId = MemberId(1);
    const SECOND: Duration = Duration::from_secs(1);

    fn at(seconds: u64) -> Moment {
        Moment(Duration::from_secs(seconds))
    }

    #[test]
    fn a_contact_lasts_as_long_as_no_gap_is_longer_than_the_bound() {
        let clock = ManualClock::default();
        let contacts = Contacts::new(Arc::new(clock.clone()), SECOND);
        let other = MemberId(2);
        assert_eq!(contacts.unbroken(contacts.of(other)), None, "never heard of");
        contacts.heard(other);
        for _ in 0..3 {
            clock.advance(SECOND);
            assert_eq!(contacts.unbroken(contacts.of(other)), Some(at(0)));
            contacts.heard(other);
        }
        clock.advance(SECOND + Duration::from_nanos(1));
        assert_eq!(contacts.unbroken(contacts.of(other)), None, "too long ago");
        contacts.heard(other);
        assert_eq!(
            contacts.unbroken(contacts.of(other)),
            Some(at(4) + Duration::from_nanos(1)),
            "a new beginning"
        );
    }

    #[test]
    fn a_quorum_is_connected_since_its_last_member_is() {
        let clock = ManualClock::default();
        let contacts = Contacts::new(Arc::new(clock.clone()), Duration::from_secs(10));
        let five: Vec<MemberId> = (1..=5).map(MemberId).collect();
        let quorum = |voters: &[MemberId]| contacts.unbroken(contacts.quorum(ME, voters));
        assert_eq!(quorum(&[ME]), Some(at(0)), "alone it always is");
        for second in 1..=3 {
            clock.advance(SECOND);
            contacts.heard(MemberId(1 + second));
            let since = (second > 1).then(|| at(2));
            assert_eq!(quorum(&five), since, "heard of {second} of four others");
        }
        assert_eq!(quorum(&five[1..]), Some(at(3)), "without a vote of its own: three of four");
        clock.advance(Duration::from_secs(10));
        assert_eq!(quorum(&five), None, "two of three were heard of too long ago");
    }
}
