//! One client's connections, one an endpoint, made when they are needed.

use std::time::Duration;

use tonic::transport::{Channel, Endpoint};

use crate::random::Random;

/// A member of this machine or of a namespace beside it answers at once, or its link is cut.
const CONNECT_WITHIN: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Links {
    endpoints: Vec<String>,
    channels: Vec<Option<Channel>>,
}

impl Links {
    pub(super) fn new(endpoints: &[String]) -> Links {
        Links { endpoints: endpoints.to_vec(), channels: vec![None; endpoints.len()] }
    }

    /// A connection to some endpoint, and its place; nothing if that one cannot be reached now.
    pub(super) async fn any(&mut self, random: &mut Random) -> Option<(usize, Channel)> {
        let at = usize::try_from(random.below(self.endpoints.len() as u64)).ok()?;
        Some((at, self.to(at).await?))
    }

    /// A connection to this endpoint, if it can be reached now.
    pub(super) async fn to(&mut self, at: usize) -> Option<Channel> {
        if self.channels[at].is_none() {
            self.channels[at] = connect(&self.endpoints[at]).await;
        }
        self.channels[at].clone()
    }

    /// The next call to this endpoint makes a new connection: what is unknown of this one stays with it.
    pub(super) fn forget(&mut self, at: usize) {
        self.channels[at] = None;
    }
}

pub(super) async fn connect(endpoint: &str) -> Option<Channel> {
    let endpoint = Endpoint::from_shared(endpoint.to_owned()).ok()?;
    let endpoint = endpoint.connect_timeout(CONNECT_WITHIN).tcp_nodelay(true);
    tokio::time::timeout(CONNECT_WITHIN, endpoint.connect()).await.ok()?.ok()
}
