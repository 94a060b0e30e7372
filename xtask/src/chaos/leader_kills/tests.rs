use super::*;

#[test]
fn the_leader_is_who_says_so_itself() {
    let status = r#"[
        {"Endpoint":"a:1","Status":{"header":{"member_id":1},"leader":2}},
        {"Endpoint":"b:1","Status":{"header":{"member_id":2},"leader":2}}]"#;
    assert_eq!(leading(status).as_deref(), Some("b:1"));
    let nobody = r#"[{"Endpoint":"a:1","Status":{"header":{"member_id":1},"leader":2}},
        {"Endpoint":"b:1","Status":{"header":{"member_id":2}}}]"#;
    assert_eq!(leading(nobody), None);
    assert_eq!(leading(""), None);
}
