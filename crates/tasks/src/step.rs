//! What runs by itself, as a function.

use crate::Failure;

/// A part of the server that takes what waits for it and does one turn of work.
///
/// A turn may block on the disk, never on another step. It owns its state, so nothing in it is locked.
pub trait Step: Send + 'static {
    /// What others put into its inbox.
    type Input: Send + 'static;

    /// Works through all of `batch`, leaving it empty. Called only with at least one input, in the
    /// order in which they were pushed.
    ///
    /// # Errors
    /// A failure is final: the step is not called again and its group ends (law T1).
    fn turn(&mut self, batch: &mut Vec<Self::Input>) -> Result<(), Failure>;

    /// Called once, after the last turn, when nobody can push any more.
    ///
    /// # Errors
    /// As for `turn`.
    fn finish(&mut self) -> Result<(), Failure> {
        Ok(())
    }
}
