//! Room for what is to be stored: the quota and the disk, and the alarm that says that there is none.
//!
//! Both are asked before a command is proposed; what a command of the log does depends on neither, only on the alarm.

use super::Coordinator;
use crate::call::{Call, Identity};
use crate::error::Error;
use quorate_state_machine::{Alarm, AlarmChange, AlarmKind, Kind, Refusal, cost};
use std::time::Duration;

/// A disk with less than this is as good as full: the log takes 64 MiB at a time, the engine as much for its files.
const FREE_BYTES_MIN: u64 = 256 << 20;
/// How often the disk is looked at. At 100 MB a second it is noticed well before the disk is full.
const LOOK_PERIOD: Duration = Duration::from_secs(1);

impl Coordinator {
    /// Lets `kind` in if there is room for what it may add; else raises the alarm. etcd: `v3rpc/quota.go`.
    pub(super) async fn admit(&self, call: &Call, kind: &Kind) -> Result<(), Error> {
        let size = self.shared.consensus.reader().size();
        if self.limits().quota.has_room(size, cost::of(kind)) {
            return Ok(());
        }
        Box::pin(self.raise_no_space(call)).await; // seldom: no call should be larger for it
        Err(Refusal::NoSpace.into())
    }

    /// Looks at the free space of a disk from time to time, for ever, and raises the alarm when there is too little.
    /// `free` tells the bytes that are left, if that can be told; it may block.
    ///
    /// Once raised the alarm stays until it is disarmed, also when there is space again.
    pub async fn guard_disk(&self, mut free: impl FnMut() -> Option<u64>) {
        let clock = self.clock().clone();
        loop {
            if free().is_some_and(|bytes| bytes < FREE_BYTES_MIN) {
                let deadline = clock.now() + self.limits().call_time_max;
                self.raise_no_space(&Call { identity: Identity::Anonymous, deadline }).await;
            }
            clock.sleep_until(clock.now() + LOOK_PERIOD).await;
        }
    }

    /// Has the alarm raised for this member, if it is not yet. If that fails, the next one who finds no room tries again.
    async fn raise_no_space(&self, call: &Call) {
        let alarm = Alarm { kind: AlarmKind::NO_SPACE, member: self.member() };
        let newest = self.shared.consensus.reader().newest();
        if !newest.alarms().any(|raised| raised == alarm) {
            let _ = self.propose(call, Kind::Alarm(AlarmChange::Raise(alarm))).await;
        }
    }
}
