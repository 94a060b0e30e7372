//! `--discovery-…`: who says which members a cluster has, if nobody names them.

use super::Discovery;
use super::problem::{Complaint, Problem};
use super::settings::Settings;
use crate::bootstrap::{Registry, Srv};
use crate::url::Url;

const TOKEN: &str = "discovery-token";
const ENDPOINTS: &str = "discovery-endpoints";
const SRV: &str = "discovery-srv";
/// What counts only with a registry.
const WITH_REGISTRY: [&str; 6] = [
    "discovery-dial-timeout",
    "discovery-request-timeout",
    "discovery-keepalive-time",
    "discovery-keepalive-timeout",
    "discovery-user",
    "discovery-password",
];

/// etcd's words, without the flag that 3.7 has no more.
const CONFLICT: &str = "multiple discovery or bootstrap flags are set. Choose one of \"initial-cluster\", \"discovery-endpoints\" or \"discovery-srv\"";

/// Where the members are found; for a member that `has_begun` nothing of it counts, and nothing is wrong with it.
pub(super) fn settle(
    settings: &Settings,
    problems: &mut Vec<Problem>,
    remarks: &mut Vec<String>,
    has_begun: bool,
) -> Option<Discovery> {
    if has_begun {
        return None;
    }
    let mut complain = |flag: &'static str, complaint: Complaint| {
        problems.push(Problem { spot: settings.spot(flag), complaint });
    };
    let (token, srv) = (settings.text(TOKEN), settings.text(SRV));
    let (endpoints, wrong) = endpoints(settings.list(ENDPOINTS));
    let has_endpoints = !settings.list(ENDPOINTS).is_empty();
    wrong.into_iter().for_each(|complaint| complain(ENDPOINTS, complaint));
    if token.is_empty() == has_endpoints {
        let flag = if has_endpoints { ENDPOINTS } else { TOKEN };
        complain(flag, rule("both --discovery-token and --discovery-endpoints must be set"));
    }
    let is_named = !settings.text("initial-cluster").is_empty();
    if [is_named, has_endpoints, !srv.is_empty()].into_iter().filter(|is_set| *is_set).count() > 1 {
        complain(if srv.is_empty() { ENDPOINTS } else { SRV }, rule(CONFLICT));
    }
    if has_endpoints && settings.text("initial-cluster-state") == "existing" {
        let text = "discovery URL should not be set when joining existing initial cluster";
        complain(ENDPOINTS, rule(text));
    }
    let idle = WITH_REGISTRY.into_iter().map(|flag| (flag, has_endpoints, ENDPOINTS));
    for (flag, counts, with) in idle.chain([("discovery-srv-name", !srv.is_empty(), SRV)]) {
        if !counts && settings.is_changed(flag) {
            remarks.push(format!("{} has no effect without --{with}", settings.spot(flag)));
        }
    }
    match (has_endpoints, srv) {
        (true, _) => Some(Discovery::Registry(registry(settings, endpoints))),
        (false, "") => None,
        (false, domain) => {
            let suffix = settings.text("discovery-srv-name").to_owned();
            Some(Discovery::Srv(Srv { domain: domain.to_owned(), suffix }))
        }
    }
}

fn rule(text: &str) -> Complaint {
    Complaint::Rule(text.to_owned())
}

/// As for etcd's clients, an endpoint may be written without a scheme.
fn endpoints(texts: &[String]) -> (Vec<Url>, Vec<Complaint>) {
    let whole = |text: &String| if text.contains("://") { text.clone() } else { format!("http://{text}") };
    let (urls, wrong) = Url::parse_all(&texts.iter().map(whole).collect::<Vec<_>>());
    (urls, wrong.into_iter().map(Complaint::from).collect())
}

fn registry(settings: &Settings, endpoints: Vec<Url>) -> Registry {
    let (user, password) = (settings.text("discovery-user"), settings.text("discovery-password"));
    let is_known = !user.is_empty() || !password.is_empty();
    Registry {
        token: settings.text(TOKEN).to_owned(),
        endpoints,
        dial_timeout: settings.duration("discovery-dial-timeout"),
        request_timeout: settings.duration("discovery-request-timeout"),
        keepalive_time: settings.duration("discovery-keepalive-time"),
        keepalive_timeout: settings.duration("discovery-keepalive-timeout"),
        login: is_known.then(|| (user.to_owned(), password.to_owned())),
    }
}
