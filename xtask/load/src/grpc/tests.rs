use super::stream::PREFIX_BYTES;
use super::*;

const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];

/// A connection that was greeted, with nothing left to send.
fn greeted() -> Connection {
    let mut connection = Connection::new("h");
    assert!(connection.output().starts_with(PREFACE));
    assert!(feed(&mut connection, SETTINGS).unwrap().is_empty());
    assert!(connection.is_greeted());
    sent(&mut connection);
    connection
}

fn feed(connection: &mut Connection, bytes: &[u8]) -> anyhow::Result<Vec<Event>> {
    let mut events = Vec::new();
    for part in bytes.chunks(INPUT_BYTES / 2) {
        connection.room()[..part.len()].copy_from_slice(part);
        connection.received(part.len());
        while let Some(event) = connection.next()? {
            events.push(event);
        }
    }
    Ok(events)
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    Head { length: payload.len(), kind, flags, stream }.write(&mut bytes);
    [&bytes, payload].concat()
}

/// What was written since the last time, as heads.
fn sent(connection: &mut Connection) -> Vec<Head> {
    let output = connection.output().to_vec();
    connection.sent(output.len());
    let mut rest = output.strip_prefix(PREFACE).unwrap_or(&output);
    let mut heads = Vec::new();
    while let Some(head) = Head::parse(rest) {
        heads.push(head);
        rest = &rest[HEAD_BYTES + head.length..];
    }
    heads
}

fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0], &length[..], message].concat()
}

/// A whole reply to a unary call.
fn reply(stream: u32, message: &[u8]) -> Vec<u8> {
    let data: Vec<u8> = framed(message)
        .chunks(PAYLOAD_BYTES_MAX)
        .flat_map(|part| frame(frame::DATA, 0, stream, part))
        .collect();
    [
        frame(frame::HEADERS, frame::END_HEADERS, stream, &[0x88]),
        data,
        frame(frame::HEADERS, frame::END_HEADERS | frame::END_STREAM, stream, b"\x00\x0bgrpc-status\x010"),
    ]
    .concat()
}

fn is_reply(event: &Event, tag: u32, message: &[u8]) -> bool {
    event.tag == tag && matches!(&event.what, What::Reply(found) if found.bytes() == message)
}

fn refusal(events: &[Event]) -> &Refused {
    match events {
        [Event { what: What::End(refused), .. }] => refused,
        _ => panic!("not one refusal: {events:?}"),
    }
}

#[test]
fn a_reply_comes_whole_however_it_is_cut() {
    let message = vec![7; 40_000];
    let bytes = [reply(1, &message), reply(3, b"")].concat();
    for part in [1, 2, 9, 10, 1000, bytes.len()] {
        let mut connection = greeted();
        connection.call(4, Method::Put, b"a");
        connection.call(5, Method::Put, b"b");
        let mut events = Vec::new();
        for part in bytes.chunks(part) {
            events.extend(feed(&mut connection, part).unwrap());
        }
        assert_eq!(events.len(), 2);
        assert!(is_reply(&events[0], 4, &message) && is_reply(&events[1], 5, b""));
    }
}

#[test]
fn padding_priority_and_continuation_are_understood() {
    let mut connection = greeted();
    connection.call(1, Method::Range, b"");
    let padded = [&[3], &framed(b"x")[..], &[0; 3]].concat();
    let trailers = b"\x00\x0bgrpc-status\x010";
    let bytes = [
        frame(frame::HEADERS, frame::PRIORITY | frame::END_HEADERS, 1, &[0, 0, 0, 0, 9, 0x88]),
        frame(frame::DATA, frame::PADDED, 1, &padded),
        frame(0xee, 0xff, 1, b"an unknown frame"),
        frame(frame::HEADERS, frame::END_STREAM, 1, &trailers[..4]),
        frame(frame::CONTINUATION, 0, 1, &trailers[4..9]),
        frame(frame::CONTINUATION, frame::END_HEADERS, 1, &trailers[9..]),
    ];
    let events = feed(&mut connection, &bytes.concat()).unwrap();
    assert!(is_reply(&events[0], 1, b"x"));
}

#[test]
fn a_refusal_carries_code_and_text() {
    let mut connection = greeted();
    connection.call(1, Method::Put, b"");
    let block = b"\x88\x00\x0bgrpc-status\x0212\x00\x0cgrpc-message\x02no";
    let bytes = frame(frame::HEADERS, frame::END_HEADERS | frame::END_STREAM, 1, block);
    let events = feed(&mut connection, &bytes).unwrap();
    assert_eq!(*refusal(&events), Refused { code: 12, text: "no".to_owned() });
    connection.call(2, Method::Put, b"");
    let events = feed(&mut connection, &frame(frame::RST_STREAM, 0, 3, &[0, 0, 0, 8])).unwrap();
    assert!(refusal(&events).text.contains("error 8"));
    connection.call(3, Method::Put, b"");
    let bytes = frame(frame::HEADERS, frame::END_HEADERS | frame::END_STREAM, 5, &[0x8d]);
    let events = feed(&mut connection, &bytes).unwrap();
    assert!(refusal(&events).text.contains("404"));
}

#[test]
fn pings_and_settings_are_acknowledged() {
    let mut connection = greeted();
    feed(&mut connection, &frame(frame::PING, 0, 0, b"12345678")).unwrap();
    assert_eq!(connection.output(), frame(frame::PING, frame::ACK, 0, b"12345678"));
    sent(&mut connection);
    feed(&mut connection, &frame(frame::PING, frame::ACK, 0, b"12345678")).unwrap();
    feed(&mut connection, &frame(frame::SETTINGS, frame::ACK, 0, b"")).unwrap();
    assert!(connection.output().is_empty(), "an acknowledgement is not answered");
    feed(&mut connection, SETTINGS).unwrap();
    assert_eq!(connection.output(), frame(frame::SETTINGS, frame::ACK, 0, b""));
}

/// G1, through a connection's window, a stream's, and a change of all streams' windows.
#[test]
fn no_more_is_sent_than_the_windows_allow() {
    let mut connection = greeted();
    let data = |heads: Vec<Head>| -> usize {
        let data = heads.iter().filter(|head| head.kind == frame::DATA);
        assert!(data.clone().all(|head| head.length <= PAYLOAD_BYTES_MAX));
        data.map(|head| head.length).sum()
    };
    let window = usize::try_from(WINDOW_BYTES).unwrap();
    connection.call(1, Method::Put, &vec![0; 2 * window]);
    assert_eq!(data(sent(&mut connection)), window);
    connection.call(2, Method::Put, b"small");
    assert_eq!(data(sent(&mut connection)), 0, "the connection's window is used up");
    feed(&mut connection, &frame(frame::WINDOW_UPDATE, 0, 0, &100_u32.to_be_bytes())).unwrap();
    assert_eq!(data(sent(&mut connection)), 10, "the first stream's window is used up, the second goes");
    feed(&mut connection, &frame(frame::SETTINGS, 0, 0, &[0, 4, 0, 1, 0, 49])).unwrap();
    assert_eq!(data(sent(&mut connection)), 50);
    feed(&mut connection, &frame(frame::WINDOW_UPDATE, 0, 1, &(1_u32 << 20).to_be_bytes())).unwrap();
    assert_eq!(data(sent(&mut connection)), 40, "what the connection still allows");
    feed(&mut connection, &frame(frame::WINDOW_UPDATE, 0, 0, &(1_u32 << 20).to_be_bytes())).unwrap();
    let heads = sent(&mut connection);
    assert!(heads.last().unwrap().has(frame::END_STREAM));
    assert_eq!(data(heads), 2 * window + 5 - window - 90);
}

#[test]
fn calls_wait_for_the_limit_of_streams() {
    let mut connection = greeted();
    feed(&mut connection, &frame(frame::SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 1])).unwrap();
    sent(&mut connection);
    connection.call(1, Method::Put, b"a");
    connection.call(2, Method::Put, b"b");
    assert_eq!(sent(&mut connection).len(), 2, "HEADERS and DATA of the first");
    assert!(is_reply(&feed(&mut connection, &reply(1, b"x")).unwrap()[0], 1, b"x"));
    assert_eq!(sent(&mut connection).len(), 2);
    assert!(is_reply(&feed(&mut connection, &reply(3, b"y")).unwrap()[0], 2, b"y"));
}

#[test]
fn a_reply_in_pieces_comes_as_one() {
    let mut connection = greeted();
    connection.call_in_pieces(3, Method::RangeStream, b"all");
    assert!(sent(&mut connection)[1].has(frame::END_STREAM));
    let end = |status: &[u8]| {
        frame(
            frame::HEADERS,
            frame::END_HEADERS | frame::END_STREAM,
            1,
            &[b"\x00\x0bgrpc-status\x01", status].concat(),
        )
    };
    let pieces = [framed(b"one"), framed(b""), framed(b"three")].concat();
    let begin =
        [frame(frame::HEADERS, frame::END_HEADERS, 1, &[0x88]), frame(frame::DATA, 0, 1, &pieces)].concat();
    assert!(feed(&mut connection, &begin).unwrap().is_empty());
    assert!(is_reply(&feed(&mut connection, &end(b"0")).unwrap()[0], 3, b"onethree"));
    for (status, pieces, code) in [(b"5", &pieces[..], 5), (b"0", &pieces[..9], 13)] {
        let mut connection = greeted();
        connection.call_in_pieces(3, Method::RangeStream, b"all");
        let bytes = [
            frame(frame::HEADERS, frame::END_HEADERS, 1, &[0x88]),
            frame(frame::DATA, 0, 1, pieces),
            end(status),
        ];
        assert_eq!(refusal(&feed(&mut connection, &bytes.concat()).unwrap()).code, code);
    }
}

#[test]
fn a_stream_gives_each_message_and_stays_open() {
    let mut connection = greeted();
    connection.open(7, Method::Watch, b"create");
    assert!(!sent(&mut connection)[1].has(frame::END_STREAM));
    let messages = [framed(b"one"), framed(b""), framed(b"three")].concat();
    let bytes = [
        frame(frame::HEADERS, frame::END_HEADERS, 1, &[0x88]),
        frame(frame::DATA, 0, 1, &messages[..4]),
        frame(frame::DATA, 0, 1, &messages[4..15]),
        frame(frame::DATA, 0, 1, &messages[15..]),
    ];
    let events = feed(&mut connection, &bytes.concat()).unwrap();
    let found: Vec<&[u8]> = events
        .iter()
        .map(|event| match &event.what {
            What::Message(message) => message.bytes(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(found, [b"one".as_slice(), b"", b"three"]);
    connection.send(7, b"more").unwrap();
    assert!(connection.send(8, b"more").is_err());
}

#[test]
fn windows_are_given_back() {
    let mut connection = greeted();
    connection.open(1, Method::Watch, b"");
    sent(&mut connection);
    let message = framed(&vec![0; PAYLOAD_BYTES_MAX - PREFIX_BYTES]);
    let mut given = 0_u64;
    let frames = u64::from(STREAM_WINDOW_BYTES) * 2 / message.len() as u64;
    for _ in 0..frames {
        feed(&mut connection, &frame(frame::DATA, 0, 1, &message)).unwrap();
        let bytes = connection.output().to_vec();
        if let Some(head) = Head::parse(&bytes) {
            assert_eq!((head.kind, head.stream), (frame::WINDOW_UPDATE, 1));
            given += u64::from(frame::number(&bytes[HEAD_BYTES..]).unwrap());
        }
        connection.sent(bytes.len());
    }
    let taken = frames * message.len() as u64;
    assert!(given > 0 && taken - given <= u64::from(STREAM_WINDOW_BYTES) / 2 + message.len() as u64);
}

#[test]
fn what_must_not_come_ends_the_connection() {
    let check = |bytes: &[u8]| assert!(feed(&mut greeted(), bytes).is_err(), "{bytes:?}");
    check(&frame(frame::GOAWAY, 0, 0, &[0; 8]));
    check(&frame(frame::PUSH_PROMISE, frame::END_HEADERS, 1, &[0, 0, 0, 2]));
    check(&frame(frame::CONTINUATION, frame::END_HEADERS, 1, &[0x88]));
    check(&frame(frame::PING, 0, 0, b"short"));
    check(&frame(frame::WINDOW_UPDATE, 0, 0, b"long-long"));
    check(&[0, 0x40, 1, 0, 0, 0, 0, 0, 1]);
    let open = [frame(frame::HEADERS, 0, 1, &[0x88]), frame(frame::DATA, 0, 1, b"")].concat();
    check(&open);
}
