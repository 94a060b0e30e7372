//! A short name for what a text says. Not a checksum: it guards against nothing but being out of date.

/// FNV-1a, folded to 32 bits.
pub(crate) fn fingerprint(text: &str) -> u32 {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    u32::try_from((hash >> 32) ^ (hash & 0xffff_ffff)).expect("both halves have 32 bits")
}
