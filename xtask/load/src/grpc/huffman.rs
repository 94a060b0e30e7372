//! HPACK's Huffman code (RFC 7541, appendix B), decoded only: what we send is short enough as it is.
//!
//! The code is canonical: lengths alone say it. It is read bit by bit, which is slow and does not matter, since
//! a server sends a header literally once and afterwards by its index.

use std::sync::LazyLock;

use anyhow::{Context, ensure};

const SYMBOLS: usize = 257;
const END: usize = 256;
const LONGEST: usize = 30;

/// The length of each symbol's code in bits; the last is the end of a string.
#[rustfmt::skip]
const LENGTHS: [u8; SYMBOLS] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28,
    28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11,
    10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8,
    15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5,
    6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7,
    7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23,
    23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21,
    23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25,
    26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26,
    28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
];

/// The codes of one length are neighbours: the first of them, and where their symbols stand.
#[derive(Debug, Clone, Copy, Default)]
struct Length {
    first: u32,
    count: u32,
    offset: usize,
}

#[derive(Debug)]
struct Table {
    lengths: [Length; LONGEST + 1],
    symbols: Vec<usize>,
}

static TABLE: LazyLock<Table> = LazyLock::new(Table::build);

impl Table {
    fn build() -> Table {
        let mut symbols: Vec<usize> = (0..SYMBOLS).collect();
        symbols.sort_by_key(|&symbol| LENGTHS[symbol]);
        let mut lengths = [Length::default(); LONGEST + 1];
        let (mut code, mut offset) = (0, 0);
        for (bits, length) in lengths.iter_mut().enumerate().skip(1) {
            let count = LENGTHS.iter().filter(|&&other| usize::from(other) == bits).count();
            code <<= 1;
            let codes = u32::try_from(count).expect("there are 257 symbols");
            *length = Length { first: code, count: codes, offset };
            code += codes;
            offset += count;
        }
        Table { lengths, symbols }
    }

    fn symbol(&self, code: u32, bits: usize) -> Option<usize> {
        let length = self.lengths.get(bits)?;
        let at = code.checked_sub(length.first).filter(|&at| at < length.count)?;
        self.symbols.get(length.offset + usize::try_from(at).ok()?).copied()
    }
}

pub(crate) fn decode(coded: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut text = Vec::with_capacity(coded.len() * 8 / 5);
    let (mut code, mut bits) = (0_u32, 0);
    for byte in coded {
        for shift in (0..8).rev() {
            code = code << 1 | u32::from(byte >> shift & 1);
            bits += 1;
            ensure!(bits <= LONGEST, "no Huffman code is that long");
            if let Some(symbol) = TABLE.symbol(code, bits) {
                ensure!(symbol != END, "the end of a string inside a string");
                text.push(u8::try_from(symbol).context("a symbol that is no byte")?);
                (code, bits) = (0, 0);
            }
        }
    }
    ensure!(bits < 8 && code + 1 == 1 << bits, "a string ends within a code");
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(coded: &[u8], text: &str) {
        assert_eq!(decode(coded).unwrap(), text.as_bytes());
    }

    /// RFC 7541, C.4 and C.6.
    #[test]
    fn the_examples_of_the_standard_are_read() {
        check(&[0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff], "www.example.com");
        check(&[0xa8, 0xeb, 0x10, 0x64, 0x9c, 0xbf], "no-cache");
        check(&[0x64, 0x02], "302");
        check(&[0xae, 0xc3, 0x77, 0x1a, 0x4b], "private");
        check(&[], "");
    }

    #[test]
    fn every_length_is_complete() {
        let kraft: f64 = LENGTHS.iter().map(|&bits| 0.5_f64.powi(i32::from(bits))).sum();
        assert!((kraft - 1.0).abs() < 1e-12, "the code has a hole or an overlap: {kraft}");
    }

    #[test]
    fn a_cut_code_and_a_foreign_end_are_refused() {
        assert!(decode(&[0xff, 0xff]).is_err());
        assert!(decode(&[0x00]).is_err());
    }
}
