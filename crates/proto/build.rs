//! Generates the messages, and with feature `services` the gRPC code, from `/proto`. No `protoc`.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

use prost::Message;
use prost_types::{DescriptorProto, FileDescriptorSet};

const FILES: [&str; 11] = [
    "etcd/authpb.proto",
    "etcd/etcdserverpb.proto",
    "etcd/leasepb.proto",
    "etcd/membershippb.proto",
    "etcd/mvccpb.proto",
    "etcd/raft_internal.proto",
    "etcd/v3electionpb.proto",
    "etcd/v3lockpb.proto",
    "quorate/command.proto",
    "quorate/log.proto",
    "quorate/peer.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let source = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../../proto");
    println!("cargo:rerun-if-changed={}", source.display());
    println!("cargo:rerun-if-changed=build.rs");

    let parsed = parse(&source)?;
    fs::write(out.join("descriptors.bin"), without_comments(parsed.clone()).encode_to_vec())?;

    let mut config = prost_build::Config::new();
    config.bytes(["."]);
    #[cfg(feature = "services")]
    config.service_generator(Box::new(services::Generator));
    config.compile_fds(with_rust_names(parsed))?;
    Ok(())
}

fn parse(source: &Path) -> Result<FileDescriptorSet, Box<dyn Error>> {
    let mut compiler = protox::Compiler::new([source])?;
    compiler.include_source_info(true).include_imports(true).open_files(FILES)?;
    Ok(compiler.file_descriptor_set())
}

fn without_comments(mut set: FileDescriptorSet) -> FileDescriptorSet {
    for file in &mut set.file {
        file.source_code_info = None;
    }
    set
}

/// Go writes initialisms in capitals, which the conversion to snake case takes apart: `peerURLs`
/// would become `peer_ur_ls`. The encoding knows only numbers, so the code may have better names.
fn with_rust_names(mut set: FileDescriptorSet) -> FileDescriptorSet {
    for message in set.file.iter_mut().flat_map(|file| &mut file.message_type) {
        rename_fields(message);
    }
    set
}

fn rename_fields(message: &mut DescriptorProto) {
    for field in &mut message.field {
        field.name = field.name.as_ref().map(|name| name.replace("URLs", "Urls"));
    }
    message.nested_type.iter_mut().for_each(rename_fields);
}

#[cfg(feature = "services")]
mod services {
    use prost_build::{Service, ServiceGenerator};

    /// Every service gets a client and a server. The servers of KV and Watch, and they alone, answer with
    /// the replies of `src/encoded.rs`.
    pub(super) struct Generator;

    impl ServiceGenerator for Generator {
        fn generate(&mut self, service: Service, out: &mut String) {
            let client = service.clone();
            let server = match service.proto_name.as_str() {
                "KV" | "Watch" => with_encoded_replies(service),
                _ => service,
            };
            code().build_server(false).service_generator().generate(client, out);
            code().build_client(false).service_generator().generate(server, out);
        }
    }

    /// Clients are generic over their channel: how to connect is their user's affair.
    fn code() -> tonic_prost_build::Builder {
        tonic_prost_build::configure().build_transport(false)
    }

    fn with_encoded_replies(mut service: Service) -> Service {
        for method in &mut service.methods {
            let reply = match method.proto_name.as_str() {
                "Range" => "RangeReply",
                "RangeStream" => "RangeStreamReply",
                "Put" => "PutReply",
                "DeleteRange" => "DeleteRangeReply",
                "Txn" => "TxnReply",
                "Watch" => "WatchReply",
                _ => continue,
            };
            // A path that starts with `crate::` is taken as it stands.
            method.output_type = format!("crate::encoded::{reply}");
        }
        service
    }
}
