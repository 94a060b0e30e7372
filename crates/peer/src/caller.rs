//! Who calls whom, as metadata.

use quorate_raft::Caller;
use quorate_types::{ClusterId, MemberId};
use tonic::metadata::{Ascii, MetadataMap, MetadataValue};

const CLUSTER: &str = "quorate-cluster";
const FROM: &str = "quorate-from";
const TO: &str = "quorate-to";

pub(crate) fn write(caller: &Caller, metadata: &mut MetadataMap) {
    let Caller { cluster, from, to } = caller;
    for (name, id) in [(CLUSTER, cluster.0), (FROM, from.0), (TO, to.0)] {
        let value: MetadataValue<Ascii> = format!("{id:x}").parse().expect("hexadecimal digits are ASCII");
        metadata.insert(name, value);
    }
}

/// None, if a part is missing or no number.
pub(crate) fn read(metadata: &MetadataMap) -> Option<Caller> {
    let id = |name| u64::from_str_radix(metadata.get(name)?.to_str().ok()?, 16).ok();
    Some(Caller { cluster: ClusterId(id(CLUSTER)?), from: MemberId(id(FROM)?), to: MemberId(id(TO)?) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_calls_whom_arrives_as_it_was_sent() {
        let caller =
            Caller { cluster: ClusterId(0), from: MemberId(0x8e9e_05c5_2164_694d), to: MemberId(u64::MAX) };
        let mut metadata = MetadataMap::new();
        write(&caller, &mut metadata);
        assert_eq!(read(&metadata), Some(caller));
        for name in [CLUSTER, FROM, TO] {
            for value in ["", "x", "1ffffffffffffffff", "-1"] {
                let mut broken = metadata.clone();
                broken.insert(name, value.parse().unwrap());
                assert_eq!(read(&broken), None, "{name}: {value}");
            }
            let mut broken = metadata.clone();
            broken.remove(name);
            assert_eq!(read(&broken), None, "without {name}");
        }
    }
}
