//! What a range read asks for.

use quorate_types::{KeyRange, Revision};

/// One range read, decoded. etcd: `RangeRequest`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Which keys.
    pub range: KeyRange,
    /// At which revision; the newest if none is named.
    pub revision: Option<Revision>,
    /// At most so many records; all if none is named.
    pub limit: Option<usize>,
    /// In which order; by key, ascending, if none is named.
    pub sort: Option<Sort>,
    /// Leave out values.
    pub keys_only: bool,
    /// Leave out records.
    pub count_only: bool,
    /// Only records whose revisions lie within these bounds.
    pub filter: Filter,
}

/// An order of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sort {
    /// By what.
    pub target: Target,
    /// In which direction.
    pub order: Order,
}

/// The field that records are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The key's bytes.
    Key,
    /// The number of puts since the key came into being.
    Version,
    /// The revision at which the key came into being.
    Created,
    /// The revision of the last put.
    Modified,
    /// The value's bytes.
    Value,
}

/// The direction of a sort.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// None named. For a target other than the key that means ascending, but **after** the limit was applied in
    /// key order: a quirk of etcd's that clients can see.
    Unnamed,
    /// Smallest first.
    Ascending,
    /// Largest first.
    Descending,
}

/// Inclusive bounds on revisions; none is no bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Filter {
    /// The least revision of the last put.
    pub modified_min: Option<Revision>,
    /// The greatest revision of the last put.
    pub modified_max: Option<Revision>,
    /// The least revision of creation.
    pub created_min: Option<Revision>,
    /// The greatest revision of creation.
    pub created_max: Option<Revision>,
}

impl Query {
    /// The newest of `range`, whole, by key.
    #[must_use]
    pub fn newest(range: KeyRange) -> Self {
        Self {
            range,
            revision: None,
            limit: None,
            sort: None,
            keys_only: false,
            count_only: false,
            filter: Filter::default(),
        }
    }

    /// Whether the limit may be applied while walking the keys in order, before anything is sorted.
    pub(crate) fn limit_comes_first(&self) -> bool {
        let sort_is_natural = match self.sort {
            None => true,
            Some(Sort { order: Order::Unnamed, .. }) => true,
            Some(Sort { target: Target::Key, order: Order::Ascending }) => true,
            Some(_) => false,
        };
        sort_is_natural && self.filter == Filter::default()
    }
}

impl Filter {
    pub(crate) fn admits(&self, created: Revision, modified: Revision) -> bool {
        let at_least = |value: Revision, bound: Option<Revision>| bound.is_none_or(|bound| value >= bound);
        let at_most = |value: Revision, bound: Option<Revision>| bound.is_none_or(|bound| value <= bound);
        at_least(modified, self.modified_min)
            && at_most(modified, self.modified_max)
            && at_least(created, self.created_min)
            && at_most(created, self.created_max)
    }
}
