//! Placeholder until leases are merged.

use super::Coordinator;
use crate::call::Call;
use crate::error::Error;
use quorate_state_machine::Refusal;
use quorate_types::{LeaseId, Revision};

/// A lease that was granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Granted {
    /// Its id.
    pub id: LeaseId,
    /// Its time to live.
    pub ttl_seconds: i64,
}

impl Coordinator {
    /// Grants a lease.
    ///
    /// # Errors
    /// Always, for now.
    pub async fn lease_grant(
        &self,
        _call: &Call,
        _id: LeaseId,
        _ttl_seconds: i64,
    ) -> Result<(Revision, Granted), Error> {
        std::future::ready(Err(Refusal::LeaseNotFound.into())).await
    }
}
