//! Alarms: what is wrong with a member, for all to know, until somebody says that it is well again.
//!
//! A raised alarm decides, on every member alike, what is refused from its place in the log on. As in etcd a damaged
//! member speaks before a full one.

use crate::answer::Refusal;
use crate::command::Kind;
use crate::spaces::ALARM;
use crate::{Fault, cost};
use bytes::Bytes;
use prost::Message;
use quorate_proto::etcdserverpb::alarm_request::AlarmAction;
use quorate_proto::etcdserverpb::{AlarmMember, AlarmRequest};
use quorate_storage::{Batch, Order, Range, View};
use quorate_types::MemberId;
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

/// What is wrong. The number is etcd's; one that nobody knows can be raised too, and has no effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AlarmKind(pub i32);

impl AlarmKind {
    /// Nothing. It cannot be raised; asked for, it stands for every kind.
    pub const NONE: Self = Self(0);
    /// A member has no space left.
    pub const NO_SPACE: Self = Self(1);
    /// A member holds other data than the rest.
    pub const CORRUPT: Self = Self(2);
}

/// One alarm. In order: by kind, then by member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Alarm {
    /// What is wrong.
    pub kind: AlarmKind,
    /// With whom; zero if that is not known.
    pub member: MemberId,
}

/// What is to become of an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlarmChange {
    /// It is raised, if it is not yet.
    Raise(Alarm),
    /// It is over. Kind and member must be those that were raised.
    Disarm(Alarm),
}

/// What a command would do, as far as alarms care.
enum Act {
    /// It takes space.
    Grow,
    /// It changes keys or leases without taking space.
    Change,
    /// Neither.
    Keep,
}

/// The alarms that are raised. A clone is cheap: they change rarely.
#[derive(Debug, Clone, Default)]
pub(crate) struct Alarms {
    raised: Arc<BTreeSet<Alarm>>,
}

impl Alarms {
    pub(crate) fn open(view: &dyn View) -> Result<Self, Fault> {
        let (mut raised, mut is_corrupt) = (BTreeSet::new(), false);
        let mut take = |key: &[u8], _: &[u8]| match AlarmMember::decode(key) {
            Ok(record) => {
                raised.insert(record.into());
                ControlFlow::Continue(())
            }
            Err(_) => {
                is_corrupt = true;
                ControlFlow::Break(())
            }
        };
        view.scan(ALARM, Range::ALL, Order::Ascending, &mut take)
            .map_err(|source| Fault::Storage { action: "read the alarms", source })?;
        if is_corrupt {
            return Err(Fault::Undecodable { what: "alarm" });
        }
        Ok(Self { raised: Arc::new(raised) })
    }

    pub(crate) fn list(&self) -> impl Iterator<Item = Alarm> {
        self.raised.iter().copied()
    }

    /// Why `kind` may not be done now. Asked before anything else is looked at.
    pub(crate) fn refusal(&self, kind: &Kind) -> Option<Refusal> {
        if self.raised.is_empty() {
            return None;
        }
        let is_raised = |kind| self.raised.iter().any(|alarm| alarm.kind == kind);
        match Act::of(kind) {
            Act::Grow | Act::Change if is_raised(AlarmKind::CORRUPT) => Some(Refusal::Corrupt),
            Act::Grow if is_raised(AlarmKind::NO_SPACE) => Some(Refusal::NoSpace),
            Act::Grow | Act::Change | Act::Keep => None,
        }
    }

    /// Does `change`; answers the alarm that it was about, raised before or not, unless there is none.
    pub(crate) fn change(&mut self, change: AlarmChange, batch: &mut Batch) -> Option<Alarm> {
        match change {
            AlarmChange::Raise(alarm) if alarm.kind == AlarmKind::NONE => None,
            AlarmChange::Raise(alarm) => {
                if Arc::make_mut(&mut self.raised).insert(alarm) {
                    batch.put(ALARM, record_key(alarm), Bytes::new());
                }
                Some(alarm)
            }
            AlarmChange::Disarm(alarm) => Arc::make_mut(&mut self.raised).remove(&alarm).then(|| {
                batch.delete(ALARM, record_key(alarm));
                alarm
            }),
        }
    }
}

impl Act {
    fn of(kind: &Kind) -> Self {
        match kind {
            Kind::Put(_) | Kind::Txn(_) | Kind::LeaseGrant { .. } if cost::of(kind) > 0 => Self::Grow,
            Kind::Put(_) | Kind::DeleteRange(_) | Kind::Txn(_) | Kind::Compact { .. } => Self::Change,
            Kind::LeaseGrant { .. } | Kind::LeaseRevoke { .. } | Kind::LeaseExpire { .. } => Self::Change,
            Kind::LeaseCheckpoint(_)
            | Kind::SetMemberAttributes { .. }
            | Kind::Alarm(_)
            | Kind::SetClusterVersion(_) => Self::Keep,
        }
    }
}

/// etcd's record of an alarm is all key.
fn record_key(alarm: Alarm) -> Bytes {
    AlarmMember::from(alarm).encode_to_vec().into()
}

impl From<Alarm> for AlarmMember {
    fn from(alarm: Alarm) -> Self {
        Self { member_id: alarm.member.0, alarm: alarm.kind.0 }
    }
}

impl From<AlarmMember> for Alarm {
    fn from(record: AlarmMember) -> Self {
        Self { kind: AlarmKind(record.alarm), member: MemberId(record.member_id) }
    }
}

impl From<AlarmChange> for AlarmRequest {
    fn from(change: AlarmChange) -> Self {
        let (action, alarm) = match change {
            AlarmChange::Raise(alarm) => (AlarmAction::Activate, alarm),
            AlarmChange::Disarm(alarm) => (AlarmAction::Deactivate, alarm),
        };
        Self { action: action.into(), member_id: alarm.member.0, alarm: alarm.kind.0 }
    }
}

impl AlarmChange {
    /// The change that `request` asks for; none if it asks for no change.
    #[must_use]
    pub fn of(request: &AlarmRequest) -> Option<Self> {
        let alarm = Alarm { kind: AlarmKind(request.alarm), member: MemberId(request.member_id) };
        match AlarmAction::try_from(request.action) {
            Ok(AlarmAction::Activate) => Some(Self::Raise(alarm)),
            Ok(AlarmAction::Deactivate) => Some(Self::Disarm(alarm)),
            Ok(AlarmAction::Get) | Err(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;
