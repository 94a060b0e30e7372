//! `/livez` and `/readyz`: named checks, together and one by one.

use crate::Site;
use crate::answer::{error, method_not_allowed, text_answer};
use crate::health::Pairs;
use axum::Router;
use axum::extract::{Query, State};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use axum::routing::any;
use quorate_coordinator::{AlarmKind, Call, Coordinator, Error, Identity, Query as Read};
use quorate_types::KeyRange;
use std::fmt::Write;

/// One thing that is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Check {
    /// No alarm says that a member holds damaged data.
    DataCorruption,
    /// This member can read its own state.
    SerializableRead,
    /// It can read the state of the cluster.
    LinearizableRead,
    /// It is no learner.
    NonLearner,
}

/// Who asks: the supervisor of the process, or whoever sends it traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Probe {
    Livez,
    Readyz,
}

pub(crate) const PROBES: [Probe; 2] = [Probe::Livez, Probe::Readyz];

impl Probe {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Livez => "livez",
            Self::Readyz => "readyz",
        }
    }

    pub(crate) fn checks(self) -> &'static [Check] {
        match self {
            Self::Livez => &[Check::SerializableRead],
            Self::Readyz => {
                &[Check::DataCorruption, Check::SerializableRead, Check::LinearizableRead, Check::NonLearner]
            }
        }
    }
}

impl Check {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::DataCorruption => "data_corruption",
            Self::SerializableRead => "serializable_read",
            Self::LinearizableRead => "linearizable_read",
            Self::NonLearner => "non_learner",
        }
    }

    /// What is wrong, in etcd's words.
    async fn run(self, door: &Coordinator) -> Result<(), String> {
        let told = |error: Error| format!("etcdserver: {error}");
        match self {
            Self::DataCorruption => {
                let is_raised = door.status().alarms.iter().any(|alarm| alarm.kind == AlarmKind::CORRUPT);
                if is_raised { Err("alarm activated: CORRUPT".to_owned()) } else { Ok(()) }
            }
            Self::NonLearner if door.is_learner() => Err("not supported for learner".to_owned()),
            Self::NonLearner => Ok(()),
            Self::SerializableRead => read(door, true).await.map_err(told),
            Self::LinearizableRead => read(door, false).await.map_err(told),
        }
    }
}

/// A path for each probe, and one below it for each of its checks.
pub(crate) fn routes() -> Router<Site> {
    let mut routes = Router::new();
    for probe in PROBES {
        routes = routes.route(&format!("/{}", probe.name()), {
            any(move |method, site, pairs| answer(method, site, pairs, probe, probe.checks()))
        });
        for check in probe.checks() {
            routes = routes.route(&format!("/{}/{}", probe.name(), check.name()), {
                // A single check is not left out by `exclude`.
                any(move |method, site, Query(mut pairs): Pairs| {
                    pairs.retain(|(name, _)| name != "exclude");
                    answer(method, site, Query(pairs), probe, std::slice::from_ref(check))
                })
            });
        }
    }
    routes
}

async fn answer(
    method: Method,
    State(site): State<Site>,
    Query(pairs): Pairs,
    probe: Probe,
    checks: &'static [Check],
) -> Response {
    if method != Method::GET {
        return method_not_allowed().await;
    }
    let is_excluded =
        |check: &Check| pairs.iter().any(|(name, value)| name == "exclude" && value == check.name());
    let mut lines = String::new();
    let mut is_well = true;
    for check in checks.iter().filter(|check| !is_excluded(check)) {
        let outcome = check.run(&site.door).await;
        site.metrics.count_check(probe, *check, outcome.is_ok());
        is_well &= outcome.is_ok();
        let name = check.name();
        match outcome {
            Ok(()) => writeln!(lines, "[+]{name} ok"),
            Err(error) => writeln!(lines, "[-]{name} failed: {error}"),
        }
        .expect("a string takes everything");
    }
    if !is_well {
        return error(StatusCode::SERVICE_UNAVAILABLE, &lines);
    }
    let is_verbose = pairs.iter().any(|(name, _)| name == "verbose");
    text_answer(StatusCode::OK, if is_verbose { lines + "ok\n" } else { "ok\n".to_owned() })
}

/// Reads one key, as somebody without a name: with authentication on it will have to be root.
pub(crate) async fn read(door: &Coordinator, is_serializable: bool) -> Result<(), Error> {
    let call = call(door);
    let mut query = Read::newest(KeyRange::Single(bytes::Bytes::from_static(b"health")));
    query.limit = Some(1);
    query.keys_only = true;
    door.range(&call, query, is_serializable).await.map(drop)
}

/// A call by somebody without a name.
pub(crate) fn call(door: &Coordinator) -> Call {
    let deadline = door.clock().now() + door.limits().call_time_max;
    Call { identity: Identity::Anonymous, deadline }
}
