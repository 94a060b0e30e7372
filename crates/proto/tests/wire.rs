//! The whole interface against the table in `wire.txt`: each message with every field, each enum with
//! every value, each call. A row may be added, never changed: clients and stored logs rely on all of them.

use std::collections::BTreeSet;

use prost::Message;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet,
    ServiceDescriptorProto,
};

#[test]
fn interface_is_the_table() {
    let set = FileDescriptorSet::decode(quorate_proto::DESCRIPTORS).expect("the build wrote it");
    let ours: BTreeSet<String> = set.file.iter().flat_map(file_rows).collect();
    let table: BTreeSet<String> = include_str!("wire.txt").lines().map(str::to_owned).collect();

    let missing: Vec<_> = table.difference(&ours).collect();
    let unlisted: Vec<_> = ours.difference(&table).collect();
    assert!(missing.is_empty() && unlisted.is_empty(), "table says {missing:#?}, we have {unlisted:#?}");
}

fn file_rows(file: &FileDescriptorProto) -> Vec<String> {
    let package = file.package();
    let mut rows = Vec::new();
    for message in &file.message_type {
        rows.push(message_row(package, message));
        let scope = format!("{package}.{}", message.name());
        rows.extend(message.enum_type.iter().map(|nested| enum_row(&scope, nested)));
        assert!(message.nested_type.is_empty(), "{scope}: the table has no form for nested messages");
    }
    rows.extend(file.enum_type.iter().map(|top| enum_row(package, top)));
    rows.extend(file.service.iter().flat_map(|service| call_rows(package, service)));
    rows
}

fn message_row(package: &str, message: &DescriptorProto) -> String {
    let mut fields: Vec<_> = message.field.iter().collect();
    fields.sort_by_key(|field| field.number());
    let fields: Vec<_> = fields.into_iter().map(|field| field_text(message, field)).collect();
    format!("message {package}.{}: {}", message.name(), fields.join(", ")).trim_end().to_owned()
}

fn field_text(message: &DescriptorProto, field: &FieldDescriptorProto) -> String {
    let repeated = if field.label() == Label::Repeated { "repeated " } else { "" };
    let choice = field.oneof_index.map(|index| {
        let index = usize::try_from(index).expect("an index");
        format!(" in {}", message.oneof_decl[index].name())
    });
    let choice = choice.unwrap_or_default();
    format!("{} {} {repeated}{}{choice}", field.number(), field.name(), type_text(field))
}

fn type_text(field: &FieldDescriptorProto) -> &str {
    match field.r#type() {
        Type::Message | Type::Enum => field.type_name().trim_start_matches('.'),
        Type::Bool => "bool",
        Type::Bytes => "bytes",
        Type::Int64 => "int64",
        Type::String => "string",
        Type::Uint32 => "uint32",
        Type::Uint64 => "uint64",
        other => panic!("{} has type {other:?}, which etcd does not use", field.name()),
    }
}

fn enum_row(scope: &str, listed: &EnumDescriptorProto) -> String {
    let values: Vec<_> =
        listed.value.iter().map(|value| format!("{} {}", value.number(), value.name())).collect();
    format!("enum {scope}.{}: {}", listed.name(), values.join(", "))
}

fn call_rows(package: &str, service: &ServiceDescriptorProto) -> Vec<String> {
    let stream = |streams| if streams { "stream " } else { "" };
    let rows = service.method.iter().map(|call| {
        format!(
            "rpc {package}.{}.{}: {}{} -> {}{}",
            service.name(),
            call.name(),
            stream(call.client_streaming()),
            call.input_type().trim_start_matches('.'),
            stream(call.server_streaming()),
            call.output_type().trim_start_matches('.'),
        )
    });
    rows.collect()
}
