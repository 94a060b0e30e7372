//! Leases that outlive the history: what ends by time ends at another moment on each server.

use super::Generator;
use crate::differ::Op;
use crate::differ::schema::{
    GRANT, GRANT_REQUEST, KEEP_ALIVE, KEEP_ALIVE_REQUEST, LEASES, LEASES_REQUEST, REVOKE, REVOKE_REQUEST,
    TIME_TO_LIVE, TIME_TO_LIVE_REQUEST,
};
use crate::differ::tree::{Symbol, Tree, Value};

const IDS: u64 = 6;
const UNKNOWN: i64 = 12_345;
const TTL_MIN: i64 = 20_000;
/// So many that hardly two are the same: a server that was not given the processor for a while may extend all leases, and
/// then it is open which of two with the same time is listed first.
const TTLS: u64 = 100_000;
const TTL_TOO_LARGE: i64 = 9_000_000_001;

impl Generator {
    pub(super) fn lease(&mut self) -> Op {
        match self.random.below(100) {
            0..50 => {
                let id = if self.chance(30) { 0 } else { 1 + self.small(IDS) };
                let ttl = match self.random.below(50) {
                    0 => self.pick(&[TTL_TOO_LARGE, i64::MAX]),
                    _ => TTL_MIN + 100 * self.small(TTLS),
                };
                let request = Tree::of(&GRANT_REQUEST).with("ID", id).with("TTL", ttl);
                Op { call: &GRANT, request }
            }
            50..80 => Op { call: &REVOKE, request: Tree::of(&REVOKE_REQUEST).with("ID", self.lease_id()) },
            _ => {
                let request = Tree::of(&KEEP_ALIVE_REQUEST).with("ID", self.lease_id());
                Op { call: &KEEP_ALIVE, request }
            }
        }
    }

    pub(super) fn lease_read(&mut self) -> Op {
        if self.chance(30) {
            return Op { call: &LEASES, request: Tree::of(&LEASES_REQUEST) };
        }
        let request = Tree::of(&TIME_TO_LIVE_REQUEST).with("ID", self.lease_id());
        Op { call: &TIME_TO_LIVE, request: request.with("keys", self.chance(60)) }
    }

    /// Mostly one that may have been granted.
    pub(super) fn lease_id(&mut self) -> Value {
        if !self.parts.leases {
            return UNKNOWN.into();
        }
        match self.random.below(100) {
            0..60 => (1 + self.small(IDS)).into(),
            60..92 => {
                let back = u32::try_from(self.random.below(4)).expect("below 4");
                Symbol::Granted(back).into()
            }
            92..96 => 0.into(),
            _ => UNKNOWN.into(),
        }
    }
}
