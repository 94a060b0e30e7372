//! Watchers on the one stream: ranges, filters, starts, and what ends them.

use super::Generator;
use crate::differ::Op;
use crate::differ::schema::{WATCH, WATCH_CANCEL, WATCH_CREATE, WATCH_PROGRESS, WATCH_REQUEST};
use crate::differ::tree::{Symbol, Tree, Value};

/// Ids that are cancelled, and now and then asked for.
const IDS: u64 = 12;

impl Generator {
    pub(super) fn watch(&mut self) -> Op {
        let request = Tree::of(&WATCH_REQUEST);
        let request = match self.random.below(100) {
            0..45 => request.with("create_request", self.creation()),
            45..90 => {
                let cancel = Tree::of(&WATCH_CANCEL).with("watch_id", self.watch_id());
                request.with("cancel_request", cancel)
            }
            _ => request.with("progress_request", Tree::of(&WATCH_PROGRESS)),
        };
        Op { call: &WATCH, request }
    }

    fn creation(&mut self) -> Tree {
        let mut create = self.keys(&WATCH_CREATE);
        if self.chance(50) {
            create.add("start_revision", self.start());
        }
        for filter in 0..2 {
            if self.chance(12) {
                create.add("filters", Value::Number(filter));
            }
        }
        create.add("prev_kv", self.chance(40));
        create.add("progress_notify", self.chance(10));
        create.add("fragment", self.chance(10));
        if self.chance(12) {
            create.add("watch_id", self.watch_id());
        }
        create
    }

    fn start(&mut self) -> Value {
        match self.random.below(100) {
            0..60 => Symbol::Newest(-self.small(60)).into(),
            60..75 => Symbol::Newest(1 + self.small(20)).into(),
            75..95 => Symbol::Compacted(self.small(6) - 3).into(),
            _ => 1.into(),
        }
    }

    fn watch_id(&mut self) -> i64 {
        self.small(IDS)
    }
}
