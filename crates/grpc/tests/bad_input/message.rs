//! Messages made from the descriptors of an interface.

use crate::chance::Chance;
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorSet};
use std::collections::BTreeMap;

/// Messages within messages, at most; beyond it none is set.
const DEPTH_MAX: usize = 5;
/// Calls that may wait for what others do.
const WAITING: [&str; 2] = ["/v3lockpb.Lock/Lock", "/v3electionpb.Election/Campaign"];
/// Keys and values are made of these, so that they meet: with the zero that means "to the end", and the separator.
const LETTERS: &[u8] = b"\0/ab";

pub(crate) struct Interface {
    messages: BTreeMap<String, DescriptorProto>,
    services: BTreeMap<String, Vec<Method>>,
}

pub(crate) struct Method {
    pub(crate) path: String,
    pub(crate) input: String,
    pub(crate) takes_many: bool,
    /// It may not end by itself.
    pub(crate) waits: bool,
}

impl Interface {
    pub(crate) fn of(descriptors: &[u8]) -> Self {
        let set = FileDescriptorSet::decode(descriptors).unwrap();
        let mut interface = Self { messages: BTreeMap::new(), services: BTreeMap::new() };
        for file in &set.file {
            for message in &file.message_type {
                interface.add(&format!(".{}", file.package()), message);
            }
            for service in &file.service {
                let name = format!("{}.{}", file.package(), service.name());
                let methods = service.method.iter().map(|method| {
                    let path = format!("/{name}/{}", method.name());
                    let waits = method.server_streaming() || WAITING.contains(&path.as_str());
                    let takes_many = method.client_streaming();
                    Method { path, input: method.input_type().to_owned(), takes_many, waits }
                });
                let methods = methods.collect();
                interface.services.insert(name, methods);
            }
        }
        // It is not ours and so not in the descriptors: nonsense will do.
        let health = ["Check", "Watch"].map(|name| Method {
            path: format!("/grpc.health.v1.Health/{name}"),
            input: String::new(),
            takes_many: false,
            waits: name == "Watch",
        });
        interface.services.insert("grpc.health.v1.Health".into(), health.into());
        interface
    }

    fn add(&mut self, scope: &str, message: &DescriptorProto) {
        let name = format!("{scope}.{}", message.name());
        for within in &message.nested_type {
            self.add(&name, within);
        }
        self.messages.insert(name, message.clone());
    }

    pub(crate) fn services(&self) -> impl Iterator<Item = (&String, &Vec<Method>)> {
        self.services.iter()
    }

    /// One in eight is nonsense, and of the others one in four has something changed.
    pub(crate) fn message(&self, name: &str, chance: &mut Chance) -> Vec<u8> {
        if chance.one_in(8) {
            return chance.bytes(64);
        }
        let mut message = Vec::new();
        self.fill(name, DEPTH_MAX, chance, &mut message);
        if chance.one_in(4) {
            spoil(&mut message, chance);
        }
        message
    }

    fn fill(&self, name: &str, depth: usize, chance: &mut Chance, to: &mut Vec<u8>) {
        let Some(message) = self.messages.get(name) else { return };
        for field in &message.field {
            let times = match field.label() {
                Label::Repeated => chance.below(4),
                _ => usize::from(!chance.one_in(3)),
            };
            for _ in 0..times {
                self.field(field, depth, chance, to);
            }
        }
    }

    fn field(&self, field: &FieldDescriptorProto, depth: usize, chance: &mut Chance, to: &mut Vec<u8>) {
        let tag = u32::try_from(field.number()).unwrap();
        let content = match field.r#type() {
            Type::Message if depth == 0 => return,
            Type::Message => {
                let mut within = Vec::new();
                self.fill(field.type_name(), depth - 1, chance, &mut within);
                within
            }
            Type::Bytes | Type::String => text(chance),
            Type::Double | Type::Fixed64 | Type::Sfixed64 => {
                encode_key(tag, WireType::SixtyFourBit, to);
                return to.extend(chance.next().to_le_bytes());
            }
            Type::Float | Type::Fixed32 | Type::Sfixed32 => {
                encode_key(tag, WireType::ThirtyTwoBit, to);
                return to.extend(&chance.next().to_le_bytes()[..4]);
            }
            _ => {
                encode_key(tag, WireType::Varint, to);
                return encode_varint(number(chance), to);
            }
        };
        encode_key(tag, WireType::LengthDelimited, to);
        encode_varint(content.len() as u64, to);
        to.extend(content);
    }
}

/// Short, so that many are the same; now and then any bytes.
fn text(chance: &mut Chance) -> Vec<u8> {
    if chance.one_in(16) {
        return chance.bytes(200);
    }
    (0..chance.below(4)).map(|_| LETTERS[chance.below(LETTERS.len())]).collect()
}

/// Mostly small; the others are where numbers turn over.
fn number(chance: &mut Chance) -> u64 {
    match chance.below(12) {
        0 => u64::MAX - chance.next() % 3,
        1 => (1 << 63) - chance.next() % 3,
        2 => (1 << 31) - chance.next() % 3,
        3 => chance.next(),
        4 | 5 => chance.next() % 5000,
        _ => chance.next() % 4,
    }
}

/// Changes, removes or adds a byte, or cuts the message off.
fn spoil(message: &mut Vec<u8>, chance: &mut Chance) {
    for _ in 0..=chance.below(3) {
        if message.is_empty() {
            return message.push(chance.byte());
        }
        let at = chance.below(message.len());
        match chance.below(4) {
            0 => message[at] = chance.byte(),
            1 => drop(message.remove(at)),
            2 => message.insert(at, chance.byte()),
            _ => message.truncate(at),
        }
    }
}
