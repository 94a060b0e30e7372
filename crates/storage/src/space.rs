//! The names of the spaces, fixed when an engine is opened.

/// One named ordered set of records. Two spaces of one engine have different names and ordinals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Space {
    ordinal: u8,
    name: &'static str,
    counted: bool,
}

impl Space {
    /// The space at position `ordinal` of its [`SpaceSet`], stored under `name`.
    #[must_use]
    pub const fn new(ordinal: u8, name: &'static str) -> Self {
        Self { ordinal, name, counted: true }
    }

    /// The same space, left out of [`View::size`](crate::View::size): bookkeeping that no user wrote.
    #[must_use]
    pub const fn uncounted(self) -> Self {
        Self { counted: false, ..self }
    }

    /// Its position in the set it was opened with.
    #[must_use]
    pub const fn ordinal(self) -> usize {
        self.ordinal as usize
    }

    /// Its name on disk: it never changes once data has been written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// Whether its records weigh in [`View::size`](crate::View::size).
    #[must_use]
    pub const fn is_counted(self) -> bool {
        self.counted
    }
}

/// All spaces of an engine, in the order of their ordinals.
#[derive(Debug, Clone, Copy)]
pub struct SpaceSet(&'static [Space]);

impl SpaceSet {
    /// The set of `spaces`.
    ///
    /// # Panics
    /// If the ordinals are not 0, 1, 2, …: in a `const` this is a compile error.
    #[must_use]
    pub const fn new(spaces: &'static [Space]) -> Self {
        let mut position = 0;
        while position < spaces.len() {
            assert!(spaces[position].ordinal() == position, "ordinals count up from zero");
            position += 1;
        }
        Self(spaces)
    }

    /// The spaces, by ordinal.
    #[must_use]
    pub const fn as_slice(self) -> &'static [Space] {
        self.0
    }
}
