//! A checksum of the whole state, for tests that compare members.
//!
//! What members with the same applied log id may differ in does not count: [`QUORATE`], which etcd has no place for, and how
//! far each is with removing what compaction freed. etcd: `Backend.Hash`, which leaves out marks of its own.

use crate::Published;
use crate::spaces::{self, KEY, META, QUORATE};
use quorate_mvcc as mvcc;
use quorate_storage::{Order, Range, Space};
use std::ops::{Bound, ControlFlow};

/// What one step looks at, at most, outside the key space.
const STEP_RECORDS: usize = 1000;
/// In [`META`]: what does not count. The first three are etcd's own, the last says how far pruning is.
const LEFT_OUT: [&[u8]; 4] = [b"consistent_index", b"term", b"storageVersion", b"finishedCompactRev"];

/// A checksum in the making: CRC-32C over each space's name and records, in the order of the names.
#[derive(Debug)]
pub struct Hashing {
    sum: u32,
    /// Those that are not through, the next one last.
    spaces: Vec<Space>,
    place: Place,
}

/// How far the next space is.
#[derive(Debug)]
enum Place {
    Begin,
    /// In the key space.
    Keys(mvcc::Hashing),
    /// In another one, at this record.
    Record(Vec<u8>),
}

impl Default for Hashing {
    fn default() -> Self {
        let mut spaces: Vec<Space> =
            spaces::ALL.as_slice().iter().copied().filter(|space| *space != QUORATE).collect();
        spaces.sort_unstable_by_key(|space| std::cmp::Reverse(space.name()));
        Self { sum: 0, spaces, place: Place::Begin }
    }
}

impl Hashing {
    /// Takes up some more of `state`, which is the same each time; false once all is in. May read the disk.
    ///
    /// # Errors
    /// The engine fails, or a record is none.
    pub fn step(&mut self, state: &Published) -> Result<bool, mvcc::ReadError> {
        let Some(&space) = self.spaces.last() else { return Ok(false) };
        let has_more = match std::mem::replace(&mut self.place, Place::Begin) {
            Place::Begin => {
                self.sum = crc32c::crc32c_append(self.sum, space.name().as_bytes());
                self.place = match space {
                    KEY => Place::Keys(state.keys().hashing_all(self.sum)),
                    _ => Place::Record(Vec::new()),
                };
                true
            }
            Place::Keys(mut keys) => {
                let has_more = keys.step(state.keys(), state.view().as_ref())?;
                self.sum = keys.sum();
                self.place = Place::Keys(keys);
                has_more
            }
            Place::Record(start) => self.records(space, &start, state)?,
        };
        if !has_more {
            self.spaces.pop();
            self.place = Place::Begin;
        }
        Ok(!self.spaces.is_empty())
    }

    /// The checksum of what was taken up.
    #[must_use]
    pub fn sum(&self) -> u32 {
        self.sum
    }

    fn records(&mut self, space: Space, start: &[u8], state: &Published) -> Result<bool, mvcc::ReadError> {
        let range = Range { start: Bound::Included(start), end: Bound::Unbounded };
        let (mut count, mut has_more) = (0, false);
        state.view().scan(space, range, Order::Ascending, &mut |key, value| {
            if count == STEP_RECORDS {
                self.place = Place::Record(key.to_vec());
                has_more = true;
                return ControlFlow::Break(());
            }
            count += 1;
            if space != META || !LEFT_OUT.contains(&key) {
                self.sum = crc32c::crc32c_append(crc32c::crc32c_append(self.sum, key), value);
            }
            ControlFlow::Continue(())
        })?;
        Ok(has_more)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::tests::{Scene, put};
    use crate::{Alarm, AlarmChange, AlarmKind, ClusterVersion, Kind};
    use bytes::Bytes;
    use quorate_storage::Batch;
    use quorate_types::{MemberId, Revision};

    fn hash(scene: &Scene) -> u32 {
        let (newest, mut hashing) = (scene.state.reader().newest(), Hashing::default());
        while hashing.step(&newest).unwrap() {}
        hashing.sum()
    }

    #[test]
    fn the_checksum_has_all_that_etcd_stores_in_the_order_of_the_names() {
        let mut scene = Scene::new();
        let alarm = Alarm { kind: AlarmKind::NO_SPACE, member: MemberId(7) };
        scene.run([
            put("a", "1"),
            Kind::Alarm(AlarmChange::Raise(alarm)),
            Kind::SetClusterVersion(ClusterVersion::OURS),
        ]);
        let mut contents = scene.contents();
        contents.retain(|(name, _)| *name != "quorate");
        contents.sort();
        let mut sum = 0;
        for (name, records) in &contents {
            sum = crc32c::crc32c_append(sum, name.as_bytes());
            for bytes in records.iter().flat_map(|(key, value)| [key, value]) {
                sum = crc32c::crc32c_append(sum, bytes);
            }
        }
        assert_eq!(hash(&scene), sum);
        assert_eq!(contents.iter().map(|(_, records)| records.len()).sum::<usize>(), 3);
    }

    /// Law A2.
    #[test]
    fn how_far_pruning_is_does_not_count() {
        let mut scene = Scene::new();
        scene.run((0..9).map(|_| put("a", "1")));
        scene.run([Kind::Compact { revision: Revision(8) }]);
        let before = hash(&scene);
        while scene.state.prune(1).unwrap() {
            assert_eq!(hash(&scene), before);
        }
        assert_eq!(hash(&scene), before);
        scene.run([put("a", "1")]);
        assert_ne!(hash(&scene), before);
    }

    #[test]
    fn a_space_of_many_records_is_taken_up_in_steps() {
        let scene = Scene::new();
        let mut batch = Batch::default();
        for number in 0..2 * STEP_RECORDS + 1 {
            batch.put(spaces::MEMBERS_REMOVED, format!("{number:05}"), Bytes::from_static(b"removed"));
        }
        scene.engine.write(batch).unwrap();
        let scene = Scene::on(scene.engine);
        let (newest, mut hashing, mut steps) = (scene.state.reader().newest(), Hashing::default(), 1);
        while hashing.step(&newest).unwrap() {
            steps += 1;
        }
        assert_eq!(steps, 10 + 10 + 2, "each space is begun and gone through, this one in three steps");
        let names = "alarmauthauthRolesauthUsersclusterkeyleasemembersmembers_removed";
        let removed: String = (0..2 * STEP_RECORDS + 1).map(|number| format!("{number:05}removed")).collect();
        assert_eq!(hash(&scene), crc32c::crc32c(format!("{names}{removed}meta").as_bytes()));
    }
}
