use super::*;
use crate::differ::schema::{EVENT, HEADER, KEY_VALUE, WATCH_RESPONSE};

/// `created 1`, `canceled 1`, `progress`, or `events 1 5: 4 4 5` (id, header, revisions).
fn watched(script: &str) -> Watched {
    let mut watched = Watched::default();
    for line in script.split("; ") {
        watched.take(message(line));
    }
    watched
}

fn message(line: &str) -> Tree {
    let (head, revisions) = line.split_once(':').unwrap_or((line, ""));
    let words: Vec<&str> = head.split(' ').collect();
    let number = |at: usize| words.get(at).map_or(0, |word| word.parse().unwrap());
    let mut message = Tree::of(&WATCH_RESPONSE).with("watch_id", number(1));
    message.add("header", Tree::of(&HEADER).with("revision", number(2)));
    if ["created", "canceled"].contains(&words[0]) {
        message.add(words[0], true);
    }
    for revision in revisions.split_whitespace() {
        let pair = Tree::of(&KEY_VALUE).with("mod_revision", revision.parse::<i64>().unwrap());
        message.add("events", Tree::of(&EVENT).with("kv", pair));
    }
    message
}

fn broken(script: &str) -> String {
    watched(script).broken.join("; ")
}

#[test]
fn events_belong_to_the_watch_that_has_the_id_at_the_time() {
    let script = "created 1; events 1 4: 3 4; canceled 1; created 1; events 1 6: 6; progress";
    let watched = watched(script);
    assert_eq!(watched.broken, [""; 0]);
    let lives: Vec<_> = watched.lives.iter().map(|(name, life)| (*name, life.events.len())).collect();
    assert_eq!(lives, [((1, 1), 2), ((1, 2), 1)]);
    assert_eq!(watched.answers.len(), 3);
    assert!(watched.has_seen(1, 6) && !watched.has_seen(1, 7));
}

#[test]
fn what_is_promised_of_the_packing_is_checked() {
    assert!(broken("created 1; events 1 4: 3 4; events 1 5: 4").contains("two parts"));
    assert!(broken("created 1; events 1 4: 4 3").contains("out of order"));
    assert!(broken("created 1; events 1 3: 4").contains("below a header"));
    assert!(broken("events 1 4: 4").contains("does not live"));
    assert!(broken("created 1; canceled 1; events 1 4: 4").contains("does not live"));
}

/// Whether somebody asked for it is not known here: who compares counts the answers.
#[test]
fn the_cancellation_of_what_had_ended_is_an_answer() {
    let watched = watched("created 1; canceled 1; canceled 1");
    assert_eq!((watched.broken.len(), watched.answers.len()), (0, 2));
}

#[test]
fn a_watch_that_is_level_gets_a_message_a_revision() {
    let mut watched = watched("created 1; events 1 4: 3 4");
    watched.lives.get_mut(&(1, 1)).unwrap().is_level = true;
    watched.take(message("events 1 5: 5 5"));
    assert!(watched.broken.is_empty());
    watched.take(message("events 1 7: 6 7"));
    assert_eq!(watched.broken.len(), 1);
}
