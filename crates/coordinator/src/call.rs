//! Who asks, and until when.

use quorate_tasks::Moment;

/// Who asks. Nobody has a name yet: authentication brings users.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Identity {
    /// No credentials were shown.
    #[default]
    Anonymous,
}

/// What every request carries besides what it asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Who asks.
    pub identity: Identity,
    /// When nobody waits any more (law C3).
    pub deadline: Moment,
}

/// Who asks, and how long they wait for what only others can bring about: for a lock, or for a leader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patience {
    /// Who asks.
    pub identity: Identity,
    /// The caller's own deadline; without one it waits until it goes away.
    pub until: Option<Moment>,
}

impl Identity {
    /// The user's name as commands carry it; empty for none.
    #[must_use]
    pub fn user(&self) -> &str {
        match self {
            Self::Anonymous => "",
        }
    }
}
