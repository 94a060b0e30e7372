use super::*;

/// The rows of the table in `docs/differ.md`, in its order.
#[test]
fn the_docs_have_the_same_table() {
    let docs = include_str!("../../../../../docs/differ.md");
    let section = docs.split("\n## ").find(|section| section.starts_with("Accepted")).unwrap();
    let listed: Vec<&str> = section.lines().filter(|line| line.starts_with("| `")).collect();
    let here: Vec<String> =
        REASONS.iter().map(|reason| format!("| `{}` | {} |", reason.name, reason.row)).collect();
    assert_eq!(listed, here);
}
