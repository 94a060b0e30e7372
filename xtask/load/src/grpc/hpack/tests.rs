use super::*;

fn bytes(hex: &str) -> Vec<u8> {
    let hex: Vec<u8> = hex.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    hex.chunks(2).map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// RFC 7541, C.6: responses with Huffman code and a table of 256 bytes, which pushes entries out.
#[test]
fn the_responses_of_the_standard_are_read() {
    let mut decoder = Decoder { bytes_max: 256, ..Decoder::default() };
    let first = "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6
                 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3";
    assert_eq!(decoder.read(&bytes(first)).unwrap().http_status, Some(302));
    assert_eq!((decoder.newest_first.len(), decoder.bytes), (4, 222));
    assert_eq!(decoder.read(&bytes("4883 640e ffc1 c0bf")).unwrap().http_status, Some(307));
    assert_eq!((decoder.newest_first.len(), decoder.bytes), (4, 222), "302 was pushed out");
    let third = "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab
                 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f
                 9587 3160 65c0 03ed 4ee5 b106 3d50 07";
    assert_eq!(decoder.read(&bytes(third)).unwrap().http_status, Some(200));
    assert_eq!((decoder.newest_first.len(), decoder.bytes), (3, 215));
}

/// What grpc-go sends: first in words, then by index.
#[test]
fn a_status_is_known_by_its_index() {
    let mut decoder = Decoder::default();
    let words = [b"\x40\x0bgrpc-status\x010".as_slice(), b"\x40\x0cgrpc-message\x00"].concat();
    let expected = Headers { grpc_status: Some(0), grpc_message: Some(String::new()), ..Headers::default() };
    assert_eq!(decoder.read(&words).unwrap(), expected);
    assert_eq!(decoder.read(&[0xbf, 0xbe]).unwrap(), expected);
    assert_eq!(decoder.read(b"\x00\x0bgrpc-status\x0212").unwrap().grpc_status, Some(12));
    assert!(decoder.read(&[0xc0]).is_err(), "there are only two entries");
}

#[test]
fn a_message_is_unescaped() {
    assert_eq!(unescaped(b"a%20b%C3%a4%"), "a b\u{e4}%");
    assert_eq!(unescaped(b"%zz%2"), "%zz%2");
    assert_eq!(unescaped(b""), "");
}

#[test]
fn broken_blocks_are_refused() {
    let mut decoder = Decoder::default();
    assert!(decoder.read(&[0x80]).is_err(), "index 0");
    assert!(decoder.read(b"\x40\x0bgrpc").is_err(), "cut");
    assert!(decoder.read(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff]).is_err(), "a number without end");
    assert!(decoder.read(&[0x3f, 0xff, 0xff, 0x03]).is_err(), "a table larger than we offered");
}

/// A decoder that keeps whole headers: our own keeps only what we want to know of a reply.
fn headers_of(block: &[u8], known: &mut VecDeque<(String, String)>) -> Vec<(String, String)> {
    let mut block = block;
    let mut found = Vec::new();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    while let Some(&first) = block.first() {
        if first >= 0x80 {
            found.push(match integer(&mut block, 7).unwrap() {
                3 => (":method".to_owned(), "POST".to_owned()),
                6 => (":scheme".to_owned(), "http".to_owned()),
                index => known[index - DYNAMIC].clone(),
            });
        } else if first == 0x20 {
            block = &block[1..];
            known.clear();
        } else {
            let bits = if first >= 0x40 { 6 } else { 4 };
            let name = match integer(&mut block, bits).unwrap() {
                0 => text(string(&mut block).unwrap()),
                index => STATIC[index].to_owned(),
            };
            let header = (name, text(string(&mut block).unwrap()));
            if first >= 0x40 {
                known.push_front(header.clone());
            }
            found.push(header);
        }
    }
    found
}

fn expected(method: Method) -> Vec<(String, String)> {
    let pairs = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", method.path()),
        (":authority", "127.0.0.1:2379"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        ("user-agent", "quorate-load"),
    ];
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
}

#[test]
fn requests_say_the_same_in_words_and_by_index() {
    let mut encoder = Encoder::new("127.0.0.1:2379");
    let mut known = VecDeque::new();
    for method in [Method::Put, Method::Put, Method::Range, Method::Txn, Method::Put, Method::Range] {
        let mut block = Vec::new();
        encoder.write(method, &mut block);
        assert_eq!(headers_of(&block, &mut known), expected(method));
    }
    let mut block = Vec::new();
    encoder.write(Method::Put, &mut block);
    assert_eq!(block.len(), 7);
}

#[test]
fn a_peer_with_a_small_table_gets_words() {
    let mut encoder = Encoder::new("127.0.0.1:2379");
    let mut known = VecDeque::new();
    let mut block = Vec::new();
    encoder.write(Method::Put, &mut block);
    headers_of(&block, &mut known);
    encoder.limit(0);
    for _ in 0..2 {
        block.clear();
        encoder.write(Method::Put, &mut block);
        assert_eq!(headers_of(&block, &mut known), expected(Method::Put));
        assert!(known.is_empty());
    }
}
