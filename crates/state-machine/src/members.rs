//! Who belongs to the cluster, as etcd stores it: one JSON record a member.

use crate::Fault;
use crate::spaces::MEMBERS;
use bytes::Bytes;
use quorate_proto::{log, membershippb};
use quorate_storage::{Batch, Order, Range, View};
use quorate_types::MemberId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

/// One member of the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its id.
    pub id: u64,
    /// Where other members reach it.
    #[serde(rename = "peerURLs", default)]
    pub peer_urls: Vec<String>,
    /// Whether it has no vote.
    #[serde(rename = "isLearner", default, skip_serializing_if = "std::ops::Not::not")]
    pub is_learner: bool,
    /// What it calls itself; empty until it has started.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Where clients reach it; empty until it has started.
    #[serde(rename = "clientURLs", default, skip_serializing_if = "Vec::is_empty")]
    pub client_urls: Vec<String>,
}

/// What a member says of itself, each time it starts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Attributes {
    /// What it calls itself.
    pub name: String,
    /// Where clients reach it.
    pub client_urls: Vec<String>,
}

/// The members by id. A clone is cheap: members change rarely.
#[derive(Debug, Clone, Default)]
pub(crate) struct Members {
    by_id: Arc<BTreeMap<MemberId, Member>>,
}

impl Members {
    pub(crate) fn open(view: &dyn View) -> Result<Self, Fault> {
        let mut by_id = BTreeMap::new();
        let mut is_corrupt = false;
        view.scan(
            MEMBERS,
            Range::ALL,
            Order::Ascending,
            &mut |_, record| match serde_json::from_slice::<Member>(record) {
                Ok(member) => {
                    by_id.insert(MemberId(member.id), member);
                    ControlFlow::Continue(())
                }
                Err(_) => {
                    is_corrupt = true;
                    ControlFlow::Break(())
                }
            },
        )
        .map_err(|source| Fault::Storage { action: "read the members", source })?;
        if is_corrupt {
            return Err(Fault::Undecodable { what: "member" });
        }
        Ok(Self { by_id: Arc::new(by_id) })
    }

    pub(crate) fn list(&self) -> impl Iterator<Item = &Member> {
        self.by_id.values()
    }

    /// Takes up the members of a membership entry; what they said of themselves stays.
    pub(crate) fn follow(&mut self, membership: &log::Membership, batch: &mut Batch) {
        for node in &membership.nodes {
            let id = MemberId(node.id);
            let known = self.by_id.get(&id).cloned();
            let member = Member {
                id: node.id,
                peer_urls: node.peer_urls.clone(),
                is_learner: node.is_learner,
                name: known.as_ref().map_or_else(|| node.name.clone(), |known| known.name.clone()),
                client_urls: known.map(|known| known.client_urls).unwrap_or_default(),
            };
            self.set(member, batch);
        }
    }

    /// Sets what a member says of itself. A member that is not there has just been removed: nothing to do.
    pub(crate) fn describe(&mut self, id: MemberId, attributes: &Attributes, batch: &mut Batch) {
        if let Some(known) = self.by_id.get(&id) {
            let Attributes { name, client_urls } = attributes.clone();
            self.set(Member { name, client_urls, ..known.clone() }, batch);
        }
    }

    fn set(&mut self, member: Member, batch: &mut Batch) {
        let id = MemberId(member.id);
        let record = serde_json::to_vec(&member).expect("a member has only strings and numbers");
        batch.put(MEMBERS, id.to_string(), Bytes::from(record));
        Arc::make_mut(&mut self.by_id).insert(id, member);
    }
}

impl From<Attributes> for membershippb::Attributes {
    fn from(attributes: Attributes) -> Self {
        Self { name: attributes.name, client_urls: attributes.client_urls }
    }
}

impl From<membershippb::Attributes> for Attributes {
    fn from(attributes: membershippb::Attributes) -> Self {
        Self { name: attributes.name, client_urls: attributes.client_urls }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_stored_as_etcd_stores_it() {
        let member = Member {
            id: 10_276_657_743_932_975_437,
            peer_urls: vec!["http://localhost:2380".into()],
            is_learner: false,
            name: "default".into(),
            client_urls: vec!["http://localhost:2379".into()],
        };
        assert_eq!(
            serde_json::to_string(&member).unwrap(),
            r#"{"id":10276657743932975437,"peerURLs":["http://localhost:2380"],"name":"default","clientURLs":["http://localhost:2379"]}"#
        );
    }

    #[test]
    fn a_member_that_never_started_has_no_name() {
        let stored = r#"{"id":7,"peerURLs":["http://a:1"],"isLearner":true}"#;
        let member: Member = serde_json::from_str(stored).unwrap();
        assert!(member.is_learner && member.name.is_empty() && member.client_urls.is_empty());
        assert_eq!(serde_json::to_string(&member).unwrap(), stored);
    }
}
