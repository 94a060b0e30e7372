//! States of which every record says which state it belongs to: a mixture of two shows, whoever finds it.

use super::{Model, SPACES};
use crate::{Engine, Error, Op, Space, Successor, View};
use bytes::Bytes;
use std::collections::HashSet;

const KEY: Space = SPACES.as_slice()[0];
const META: Space = SPACES.as_slice()[1];

/// The states, by number. Their records are in the first space; whoever writes to one names it in the second.
#[derive(Debug)]
pub struct Uniform;

impl Uniform {
    /// All records of state `number`: more of them, the higher that is.
    #[must_use]
    pub fn model(number: u64) -> Model {
        let mut model = Model::new(SPACES);
        for key in 0..records(number) {
            let (key, value) = (key.to_be_bytes().to_vec().into(), Self::value(number));
            model.apply(&Op::Insert { space: KEY, key, value });
        }
        model
    }

    /// What every record of state `number` holds.
    #[must_use]
    pub fn value(number: u64) -> Bytes {
        Bytes::copy_from_slice(&number.to_be_bytes())
    }

    /// State `number`, received beside that of `engine`.
    ///
    /// # Errors
    /// The engine failed.
    pub fn received(engine: &dyn Engine, number: u64) -> Result<Successor, Error> {
        let mut replacement = engine.begin_replacement()?;
        for (key, value) in Self::model(number).records(KEY) {
            replacement.add(KEY, key, value)?;
        }
        replacement.finish()
    }

    /// Writes something more to state `number`, which is the engine's.
    ///
    /// # Errors
    /// The engine failed.
    pub fn go_on(engine: &dyn Engine, number: u64) -> Result<(), Error> {
        let mut batch = crate::Batch::default();
        batch.put(META, "later", Self::value(number));
        engine.write(batch)
    }

    /// The number of the state that `view` shows; none if it shows nothing.
    ///
    /// # Errors
    /// The view could not be read.
    ///
    /// # Panics
    /// If it shows a mixture, or a part (law S7), or is wrong about its size.
    pub fn number(view: &dyn View) -> Result<Option<u64>, Error> {
        let model = Model::of(view, SPACES)?;
        assert_eq!(view.size(), model.size(), "S5: the size is that of what is there");
        let spaces = [KEY, META].into_iter();
        let values: HashSet<&Bytes> = spaces.flat_map(|space| model.records(space).values()).collect();
        assert!(values.len() <= 1, "S7: a mixture of {} states", values.len());
        let Some(value) = values.into_iter().next() else { return Ok(None) };
        let number = u64::from_be_bytes(value[..].try_into().expect("a number was written"));
        let found = model.records(KEY).len() as u64;
        assert_eq!(found, u64::from(records(number)), "S7: a part of state {number}");
        Ok(Some(number))
    }
}

fn records(number: u64) -> u32 {
    100 + number as u32 % 1_000
}
