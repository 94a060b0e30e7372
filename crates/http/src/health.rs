//! `/health`: whether this member can serve a read. Alarms first, then the leader, then a read of one key.

use crate::answer;
use crate::{Site, checks};
use axum::extract::{Query, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use quorate_coordinator::{Alarm, AlarmKind, Coordinator};

/// The pairs of a query, repeated names included.
pub(crate) type Pairs = Query<Vec<(String, String)>>;

/// `exclude=` takes names of alarms to look away from, one each time; `serializable=true` asks for what this member has,
/// leader or not.
pub(crate) async fn answer(method: Method, State(site): State<Site>, Query(pairs): Pairs) -> Response {
    if method != Method::GET {
        return answer::method_not_allowed().await;
    }
    let reason = reason(&site.door, &pairs).await;
    site.metrics.count_health(reason.is_none());
    page(reason)
}

/// What is wrong with this member, if anything is.
pub(crate) async fn reason(door: &Coordinator, pairs: &[(String, String)]) -> Option<String> {
    let first = pairs.iter().find(|(name, _)| name == "serializable");
    let is_serializable = first.is_some_and(|(_, value)| value == "true");
    let excluded: Vec<&str> =
        pairs.iter().filter(|(name, _)| name == "exclude").map(|(_, value)| value.as_str()).collect();
    match alarm(door, &excluded) {
        Some(reason) => Some(reason),
        None => ill(door, is_serializable).await,
    }
}

/// The answer that says so.
pub(crate) fn page(reason: Option<String>) -> Response {
    match reason {
        None => {
            let body = r#"{"health":"true","reason":""}"#;
            ([(header::CONTENT_TYPE, answer::PLAIN)], body).into_response()
        }
        Some(reason) => {
            let body = serde_json::json!({ "health": "false", "reason": reason });
            answer::error(StatusCode::SERVICE_UNAVAILABLE, &body.to_string())
        }
    }
}

/// The first alarm that is raised and not excluded.
fn alarm(door: &Coordinator, excluded: &[&str]) -> Option<String> {
    let named = |alarm: Alarm| match alarm.kind {
        AlarmKind::NO_SPACE => ("NOSPACE".to_owned(), "ALARM NOSPACE"),
        AlarmKind::CORRUPT => ("CORRUPT".to_owned(), "ALARM CORRUPT"),
        AlarmKind(number) => (number.to_string(), "ALARM UNKNOWN"),
    };
    let raised = door.status().alarms.into_iter().map(named);
    let mut others = raised.filter(|(name, _)| !excluded.contains(&name.as_str()));
    others.next().map(|(_, reason)| reason.to_owned())
}

/// What else is wrong, if anything is.
async fn ill(door: &Coordinator, is_serializable: bool) -> Option<String> {
    if !is_serializable && door.status().standing.leader.is_none() {
        return Some("RAFT NO LEADER".to_owned());
    }
    let read = checks::read(door, is_serializable).await;
    read.err().map(|error| format!("RANGE ERROR:etcdserver: {error}"))
}
