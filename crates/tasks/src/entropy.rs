//! Chance, from the operating system.

/// Eight bytes that nobody can guess. For ids and nonces at start-up, never on the replicated path.
///
/// # Panics
/// If the kernel has no random source, on which nothing here could run.
#[must_use]
pub fn entropy() -> u64 {
    #[cfg(feature = "testing")]
    if let Some(drawn) = crate::testing::drawn() {
        return drawn;
    }
    let mut bytes = [0u8; 8];
    let filled = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())
        .expect("getrandom works on every supported kernel");
    assert_eq!(filled, bytes.len(), "the kernel never splits so small a read");
    u64::from_ne_bytes(bytes)
}
