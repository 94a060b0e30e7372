//! Puts, each client over keys of its own.

use prost::Message;
use quorate_proto::etcdserverpb::PutRequest;

use super::closed::Source;
use crate::grpc::Method;
use crate::ledger::Ledger;
use crate::message;

#[derive(Debug)]
pub(crate) struct Puts {
    ledgers: Vec<Ledger>,
}

impl Puts {
    pub(crate) fn new(clients: u32, value_bytes: usize) -> Puts {
        Puts { ledgers: Ledger::of_all(clients, value_bytes) }
    }

    pub(crate) fn ledgers(&self) -> &[Ledger] {
        &self.ledgers
    }
}

impl Source for Puts {
    fn request(&mut self, client: usize, message: &mut Vec<u8>) -> Method {
        let (key, value) = self.ledgers[client].next();
        write(key, value, message);
        Method::Put
    }

    fn reply(&mut self, client: usize, reply: &[u8]) -> anyhow::Result<()> {
        self.ledgers[client].acknowledge(message::revision(reply)?);
        Ok(())
    }
}

pub(crate) fn write(key: String, value: Vec<u8>, message: &mut Vec<u8>) {
    let request = PutRequest { key: key.into(), value: value.into(), ..PutRequest::default() };
    request.encode(message).expect("a vector grows");
}
