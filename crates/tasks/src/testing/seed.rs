//! Chance that a number decides.

/// A small generator (xorshift64*): the same seed gives the same sequence on every machine.
#[derive(Debug, Clone)]
pub struct Seed(u64);

impl Seed {
    /// The sequence of `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// The next number.
    pub fn next_u64(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number below `end`, which is not zero.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next_u64() % end as u64) as usize
    }
}

thread_local! {
    static CHANCE: std::cell::RefCell<Option<Seed>> = const { std::cell::RefCell::new(None) };
}

/// From here on [`entropy`](crate::entropy) on this thread is the sequence of `seed`.
pub fn draw_from(seed: u64) {
    CHANCE.set(Some(Seed::new(seed)));
}

/// The next number of this thread's sequence, if it has one.
pub(crate) fn drawn() -> Option<u64> {
    CHANCE.with_borrow_mut(|chance| chance.as_mut().map(Seed::next_u64))
}
