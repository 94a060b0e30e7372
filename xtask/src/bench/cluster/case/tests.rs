use super::*;

const SIZES: Sizes = Sizes { ops: None, tries: None, bytes: 1 << 30, timeouts: None, is_quick: false };

#[test]
fn every_kind_has_a_name_of_its_own_and_variants_with_gates() {
    for kind in Kind::ALL {
        assert_eq!(kind.name().parse::<Kind>().unwrap(), kind);
        for case in kind.cases(None, SIZES) {
            let variants = case.variants();
            assert!(variants.iter().any(|variant| !variant.gates.is_empty()), "{}", case.heading());
            let labels: std::collections::BTreeSet<&str> =
                variants.iter().map(|variant| variant.label.as_str()).collect();
            assert_eq!(labels.len(), variants.len());
        }
    }
    assert!("put".parse::<Kind>().is_err());
}

#[test]
fn a_gate_is_about_a_figure_that_is_shown() {
    for case in Kind::ALL.into_iter().flat_map(|kind| kind.cases(None, SIZES)) {
        let shown: Vec<&str> = case.kind.columns().iter().map(|(_, name)| *name).collect();
        for gate in case.variants().into_iter().flat_map(|variant| variant.gates) {
            assert!(shown.contains(&gate.name), "{}: {}", case.heading(), gate.name);
            if let Bound::Number(other) = gate.bound {
                assert!(shown.contains(&other), "{}: {other}", case.heading());
            }
        }
    }
}

#[test]
fn clients_are_counted_where_they_are_a_closed_loop() {
    let clients = |kind: Kind, given: Option<&[u32]>| -> Vec<u32> {
        kind.cases(given, SIZES).iter().map(|case| case.clients).collect()
    };
    assert_eq!(clients(Kind::Put, None), [100, 1000]);
    assert_eq!(clients(Kind::FollowerRead, None), [1, 100]);
    assert_eq!(clients(Kind::Put, Some(&[7])), [7]);
    assert_eq!(clients(Kind::Election, Some(&[7, 8])).len(), 1);
}

#[test]
fn what_was_asked_for_reaches_the_servers_and_the_load() {
    let timeouts = Timeouts { election_ms: 500, heartbeat_ms: 50 };
    let sizes = Sizes { tries: Some(9), timeouts: Some(timeouts), bytes: 12_345, ..SIZES };
    let only = |kind: Kind| kind.cases(None, sizes).remove(0).variants();
    let [election] = &only(Kind::Election)[..] else { panic!("one of each time-out") };
    assert_eq!(election.settings, ["--election-timeout=500", "--heartbeat-interval=50"]);
    assert!(election.gates.is_empty(), "nobody said what it must be");
    let said = |variant: &Variant| match &variant.way {
        Way::Talk(words) => words.join(" "),
        Way::Loop(row, _) => row.arguments().join(" "),
    };
    assert!(said(election).contains("--tries 9"));
    assert!(only(Kind::Join).iter().all(|variant| said(variant).contains("--bytes 12345")));
    let quick = Case { kind: Kind::Join, clients: 0, sizes: Sizes { is_quick: true, ..SIZES } };
    assert!(said(&quick.variants()[0]).contains(&format!("--bytes {}", (1_u64 << 30) / 20)));
    let put = Case { kind: Kind::Put, clients: 100, sizes: Sizes { ops: Some(77), ..SIZES } };
    assert!(put.variants().iter().all(|variant| said(variant).contains("--ops 77")));
}

#[test]
fn three_nodes_are_compared_with_one_and_a_follower_with_the_leader() {
    let numbers = |name: &str, value| Numbers::from([(name.to_owned(), value)]);
    let case = |kind| Case { kind, clients: 1, sizes: SIZES };
    let mut puts = [numbers("rate", 1000.0), numbers("rate", 600.0), numbers("x", 1.0)];
    case(Kind::Put).derive(&mut puts);
    assert_eq!(
        (puts[0].get("of_one"), puts[1].get("of_one"), puts[2].get("of_one")),
        (None, Some(&0.6), None)
    );
    let mut reads = [numbers("p50_us", 100.0), numbers("p50_us", 150.0)];
    case(Kind::FollowerRead).derive(&mut reads);
    assert_eq!(reads[1].get("more_us"), Some(&50.0));
    let mut joins = [numbers("rate", 1.0), numbers("rate", 2.0)];
    case(Kind::Join).derive(&mut joins);
    assert_eq!(joins[1], numbers("rate", 2.0));
}
