//! The checks of the suite, one claim each. Names are printed before a check runs.

mod durability;
mod reading;
mod replacing;
mod writing;

use super::conformance::Stage;
use super::{Model, SPACES};
use crate::{Batch, Engine, Order, Range, Space, SpaceSet, View};
use std::ops::ControlFlow;

pub(super) type Check = fn(&Stage<'_>);

pub(super) const KEY: Space = SPACES.as_slice()[0];
pub(super) const META: Space = SPACES.as_slice()[1];
pub(super) const OWN: Space = SPACES.as_slice()[3];

/// What every engine does, also one that keeps nothing.
pub(super) const VOLATILE: &[(&str, Check)] = &[
    ("an empty engine holds nothing", reading::empty_engine_holds_nothing),
    ("S4 keys are ordered as unsigned bytes", reading::keys_are_ordered_as_unsigned_bytes),
    ("scans honour every kind of bound", reading::scans_honour_every_bound),
    ("a scan stops when the visitor breaks", reading::scan_stops_when_told),
    ("spaces do not see each other", reading::spaces_are_separate),
    ("S2 a view never changes", reading::views_stay_fixed),
    ("S2 a view outlives the engine's handle", reading::views_outlive_the_handle),
    ("empty keys, empty values, big values", writing::extreme_records),
    ("an empty batch changes nothing", writing::empty_batch_changes_nothing),
    ("later operations win over earlier ones", writing::later_operations_win),
    ("S5 the size follows every kind of change", writing::size_follows_changes),
    ("S5 uncounted spaces weigh nothing", writing::uncounted_spaces_weigh_nothing),
    ("S1 a batch appears at once, while others write and persist", writing::batches_appear_at_once),
    ("random batches leave what the model holds", writing::random_batches_match_the_model),
    ("S6 a replacement is beside the state", replacing::a_replacement_is_beside),
    ("S7 a swap is whole, and views from before it stay", replacing::a_swap_is_whole),
    ("S2 the view of a successor never changes", replacing::a_view_of_a_successor_stays),
    ("records of a replacement come in order", replacing::records_come_in_order),
    ("a replacement may be empty", replacing::a_state_may_be_empty),
    ("a replacement may be large", replacing::a_state_of_many_pieces),
    ("several replacements may be under way", replacing::several_may_be_under_way),
    ("S7 a swap appears at once, while others read and persist", replacing::swaps_appear_at_once),
];

/// What an engine with a disk does.
pub(super) const DURABLE: &[(&str, Check)] = &[
    ("S3 what was persisted is there again", durability::persisted_state_returns),
    ("S3 a crash leaves a prefix of whole batches", durability::crash_leaves_a_prefix),
    ("persist returns a view of what is durable", durability::persist_returns_the_durable_view),
    ("persisting again without writing is allowed", durability::persist_may_repeat),
    ("S5 the size survives crashes", durability::size_survives_crashes),
    ("big and extreme records survive", durability::extreme_records_survive),
    ("what is there is read from a cold cache too", durability::cold_reads_are_right),
    ("a new space starts empty", durability::new_space_starts_empty),
    ("an unknown space is refused by name", durability::unknown_space_is_refused),
    ("a directory has one engine at a time", durability::directory_is_locked),
    ("S7 a crash leaves one state or the other", replacing::a_crash_leaves_one_state_or_the_other),
    ("random writes, swaps and crashes keep every law", replacing::random_swaps_keep_every_law),
];

/// Checks that `view` shows the records and the size of `model`, in both directions.
pub(super) fn assert_shows(view: &dyn View, spaces: SpaceSet, model: &Model, claim: &str) {
    for &space in spaces.as_slice() {
        for order in [Order::Ascending, Order::Descending] {
            assert_scans_alike(view, model, Scan { space, range: Range::ALL, order }, claim);
        }
    }
    assert_eq!(view.size(), model.size(), "size: {claim}");
}

/// One scan, as data.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scan<'a> {
    pub(super) space: Space,
    pub(super) range: Range<'a>,
    pub(super) order: Order,
}

/// Checks that a scan of `view` visits what the same scan of `model` visits.
pub(super) fn assert_scans_alike(view: &dyn View, model: &dyn View, scan: Scan<'_>, claim: &str) {
    let (found, expected) = (visited(view, scan), visited(model, scan));
    let differs = found.iter().zip(&expected).position(|(found, expected)| found != expected);
    let at = differs.unwrap_or(found.len().min(expected.len()));
    let key = |records: &[(Vec<u8>, Vec<u8>)]| records.get(at).map(|(key, value)| (key.clone(), value.len()));
    assert!(
        found == expected,
        "{claim}: {scan:?} differs at record {at}: found {:?}, expected {:?} (key, value length)",
        key(&found),
        key(&expected),
    );
}

pub(super) fn visited(view: &dyn View, scan: Scan<'_>) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut records = Vec::new();
    view.scan(scan.space, scan.range, scan.order, &mut |key, value| {
        records.push((key.to_vec(), value.to_vec()));
        ControlFlow::Continue(())
    })
    .expect("a sound engine scans");
    records
}

/// The value under `key`, which `get_cached` either agrees with or does not know.
pub(super) fn get(view: &dyn View, space: Space, key: &[u8]) -> Option<Vec<u8>> {
    use crate::Cached;
    let before = view.get_cached(space, key).expect("a sound engine reads its cache");
    let value = view.get(space, key).expect("a sound engine reads");
    let after = view.get_cached(space, key).expect("a sound engine reads its cache");
    for cached in [before, after] {
        let lies = matches!(&cached, Cached::Known(known) if *known != value);
        assert!(!lies, "get_cached never lies: {key:?} is {value:?}, it said {cached:?}");
    }
    value.map(Vec::from)
}

pub(super) fn write(engine: &dyn Engine, fill: impl FnOnce(&mut Batch)) {
    let mut batch = Batch::default();
    fill(&mut batch);
    engine.write(batch).expect("a sound engine writes");
}
