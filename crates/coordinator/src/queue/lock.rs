//! Locks.

use super::QueueError;
use super::place::{Joining, Turn};
use crate::call::Patience;
use crate::coordinator::Coordinator;
use bytes::Bytes;
use quorate_types::{LeaseId, Revision};

/// A lock that is held for as long as its key is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locked {
    /// The store's revision when it was known to be held.
    pub revision: Revision,
    /// The key to be removed to unlock it.
    pub key: Bytes,
}

impl Coordinator {
    /// Locks `name` under `lease`, or under a new lease of 60 s that nobody keeps alive. A lease that holds it holds it still.
    ///
    /// Waits for as long as the caller does: past the deadline of law C3. Dropping the call, or its deadline, removes its
    /// key from the queue; that is tried once, by an errand (law Q2).
    ///
    /// # Errors
    /// [`QueueError::SessionExpired`] if the key was gone when its turn came; an unknown lease, and what else a put may be
    /// refused for.
    pub async fn lock(&self, patience: &Patience, name: Bytes, lease: LeaseId) -> Result<Locked, QueueError> {
        self.patiently(patience, async {
            let lease = self.session(patience, lease).await?;
            let joining = Joining { name, lease, value: Bytes::new() };
            let mut place = self.join(patience, joining).await?;
            let Turn { revision, has_waited } = place.turn().await?;
            if !has_waited {
                return Ok(Locked { revision, key: place.keep() });
            }
            let (revision, is_there) = place.is_there().await?;
            if !is_there {
                return Err(QueueError::SessionExpired);
            }
            Ok(Locked { revision, key: place.keep() })
        })
        .await
    }
}
