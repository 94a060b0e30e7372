//! Who is told of what was applied, once they have begun: until then nobody watches, and nobody keeps time.

use quorate_coordinator::LeaseClock;
use quorate_state_machine::Effects;
use quorate_watch::Feed;
use std::sync::OnceLock;

/// See the module.
#[derive(Default)]
pub struct Audience {
    watches: OnceLock<Feed>,
    leases: OnceLock<LeaseClock>,
}

impl Audience {
    /// From now on `changes` is told of what happens to keys.
    ///
    /// # Panics
    /// The second time.
    pub fn hear_of_changes(&self, changes: Feed) {
        assert!(self.watches.set(changes).is_ok(), "the watches are started once");
    }

    /// From now on `leases` is told of those that begin and end.
    ///
    /// # Panics
    /// The second time.
    pub fn hear_of_leases(&self, leases: LeaseClock) {
        assert!(self.leases.set(leases).is_ok(), "the lease clock is started once");
    }

    /// Tells everybody who has begun. Called on the apply thread, after the answers; never waits.
    pub fn tell(&self, effects: Effects) {
        let Effects { changes, leases, replaced } = effects;
        if let Some(clock) = self.leases.get() {
            clock.note(&leases);
            if replaced.is_some() {
                clock.follow();
            }
        }
        if let Some(feed) = self.watches.get() {
            if !changes.is_empty() {
                feed.push(changes);
            }
            if let Some(revision) = replaced {
                feed.jump(revision);
            }
        }
    }
}
