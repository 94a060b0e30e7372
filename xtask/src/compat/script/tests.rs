use super::*;

#[test]
fn the_scripts_parse_and_cover_both_versions() {
    let of = |script| parse(&for_version(script, "3.5.1").unwrap()).unwrap();
    let cases: Vec<Case> = ALL.into_iter().flat_map(of).collect();
    assert!(cases.len() > 60, "{}", cases.len());
    assert!(cases.iter().any(|case| case.mark == Mark::Since("3.5".to_owned())));
}

#[test]
fn a_command_owns_the_lines_up_to_the_next_one() {
    let cases = parse("# why\n$ get --keys-only a\na\n\n\n$3.5 put \"\" v\nError: no\nexit 1\n").unwrap();
    assert_eq!(cases[0].expected, ["a", ""]);
    assert_eq!(cases[1].words, ["put", "", "v"]);
    assert_eq!(cases[1].mark, Mark::Since("3.5".to_owned()));
    assert_eq!(cases[1].expected, ["Error: no", "exit 1"]);
    assert!(parse("OK\n$ put a b\n").is_err());
}

#[test]
fn lines_below_a_command_may_be_its_input() {
    let cases =
        parse("$ txn\n<< version(\"a\") = \"0\"\n<<\n<< put a 1\n<<\nSUCCESS\n\n$ get a\na\n").unwrap();
    assert_eq!(cases[0].stdin, "version(\"a\") = \"0\"\n\nput a 1\n\n");
    assert_eq!(cases[0].expected, ["SUCCESS"]);
    assert_eq!(cases[1].stdin, "");
}

#[test]
fn any_stands_for_something_but_not_for_nothing() {
    assert!(matches("a<any>c", "abbc"));
    assert!(matches("<any>, x, <any>", "1, x, 2, x, 3"));
    assert!(!matches("a<any>c", "ac"));
    assert!(!matches("a<any>c", "abd"));
    assert!(!matches("a", "a "));
}

#[test]
fn a_missing_or_additional_line_is_a_difference() {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    assert!(matches_all(&lines("1\na"), &lines("1\na")));
    assert!(!matches_all(&lines("1\na"), &lines("1")));
    assert!(!matches_all(&lines("1"), &lines("1\nexit 1")));
}

#[test]
fn versions_compare_by_number() {
    assert!(older("3.4.23", "3.5"));
    assert!(!older("3.5.1", "3.5"));
    assert!(!older("3.10.0", "3.5"));
}

#[test]
fn what_is_ahead_must_be_refused_by_ours_until_it_works() {
    let case = parse("$ahead get a\na\n").unwrap().remove(0);
    let lines = |text: &str| [text.to_owned()];
    assert_eq!(case.wrong(Side::Reference, &lines("a")), None);
    assert!(case.wrong(Side::Reference, &lines("Error: not implemented")).is_some());
    assert_eq!(case.wrong(Side::Ours, &lines("Error: not implemented yet")), None);
    assert!(case.wrong(Side::Ours, &lines("a")).unwrap().contains("works now"));
    assert!(case.wrong(Side::Ours, &lines("b")).is_some());
}

#[test]
fn a_name_stands_for_what_a_command_before_it_printed() {
    let cases =
        parse("$ grant 30\nlease <new lease> granted\n\n$ahead revoke <lease>\n<lease> revoked\n").unwrap();
    let [grant, revoke] = cases.as_slice() else { panic!("{cases:?}") };
    let lines = ["lease 4f granted".to_owned()];
    assert_eq!(grant.wrong(Side::Reference, &lines), None);
    assert!(revoke.lacks_a_name());
    let revoke = revoke.named(&grant.new_names(&lines));
    assert!(!revoke.lacks_a_name());
    assert_eq!(revoke.words, ["revoke", "4f"]);
    assert_eq!(revoke.wrong(Side::Reference, &["4f revoked".to_owned()]), None);
    assert!(revoke.wrong(Side::Reference, &["5f revoked".to_owned()]).is_some());
}

#[test]
fn an_endless_command_is_one_for_every_version() {
    let cases = parse("$until watch a\nPUT\n\n$ get a\n").unwrap();
    assert!(cases[0].is_endless && cases[0].mark == Mark::Everybody);
    assert_eq!(
        (cases[0].words.as_slice(), cases[0].expected.as_slice()),
        (&["watch", "a"].map(str::to_owned)[..], &["PUT".to_owned()][..])
    );
    assert!(!cases[1].is_endless);
}

#[test]
fn what_stands_for_newer_versions_is_there_for_them_only() {
    let script = "$ del <since 3.7:--range >a c\n0<since 3.7:. took <any>s> and <since 3.6:more>\n<since 3.7:Warning>\n\n$ get a\n";
    assert_eq!(for_version(script, "3.5.1").unwrap(), "$ del a c\n0 and \n\n$ get a\n");
    assert_eq!(for_version(script, "3.6.0").unwrap(), "$ del a c\n0 and more\n\n$ get a\n");
    let newest = "$ del --range a c\n0. took <any>s and more\nWarning\n\n$ get a\n";
    assert_eq!(for_version(script, "3.7.1").unwrap(), newest);
    assert!(for_version("a <since 3.7:b", "3.7.1").is_err());
    assert!(for_version("a <since 3.7>", "3.7.1").is_err());
}
