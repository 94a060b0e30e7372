//! Whether what a transaction supposes is so.

use crate::index::Live;
use crate::moment::Moment;
use crate::reader::fields;
use crate::{Compare, Operand, ReadError, Relation};
use quorate_types::KeyRange;
use std::cmp::Ordering;

impl Compare {
    /// Whether this holds of every key of the range, or of the missing key if there is none.
    pub(crate) fn holds(&self, moment: &Moment<'_>) -> Result<bool, ReadError> {
        if let KeyRange::Single(key) = &self.range {
            return moment
                .index
                .get(key)
                .map_or(Ok(self.holds_of_nothing()), |live| self.holds_of(live, moment));
        }
        let mut is_empty = true;
        for row in moment.index.range(&self.range, None) {
            is_empty = false;
            moment.reader.visit()?;
            let live = row.live.expect("M3: the newest version of a key is known");
            if !self.holds_of(live, moment)? {
                return Ok(false);
            }
        }
        Ok(!is_empty || self.holds_of_nothing())
    }

    fn holds_of(&self, live: Live, moment: &Moment<'_>) -> Result<bool, ReadError> {
        let order = match &self.operand {
            Operand::Version(version) => live.version.cmp(version),
            Operand::Created(revision) => live.created.cmp(revision),
            Operand::Modified(revision) => live.at.main.cmp(revision),
            Operand::Lease(lease) => live.lease.cmp(lease),
            Operand::Value(value) => {
                let record = moment.reader.record(live.at)?;
                fields(&record, live.at)?.value.cmp(value.as_ref())
            }
        };
        Ok(self.relation.admits(order))
    }

    /// A missing key has no numbers, which is 0, and no value, of which nothing is true, not even that it is another.
    fn holds_of_nothing(&self) -> bool {
        let order = match &self.operand {
            Operand::Version(version) => 0.cmp(version),
            Operand::Created(revision) | Operand::Modified(revision) => 0.cmp(&revision.0),
            Operand::Lease(lease) => 0.cmp(&lease.0),
            Operand::Value(_) => return false,
        };
        self.relation.admits(order)
    }
}

impl Relation {
    fn admits(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Greater => order.is_gt(),
            Self::Less => order.is_lt(),
        }
    }
}
