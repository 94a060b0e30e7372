//! Rust text with what rules must not see cut away. Line numbers stay.

/// The text without comments and without the contents of strings.
pub(crate) fn code(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let skipped = comment(rest).or_else(|| string(rest)).or_else(|| character(rest));
        let length = skipped.unwrap_or(0);
        if length == 0 {
            code.push(next);
            rest = &rest[next.len_utf8()..];
        } else {
            let (cut, after) = rest.split_at(length);
            code.extend(cut.chars().filter(|c| *c == '\n'));
            code.push(' ');
            rest = after;
        }
    }
    code
}

fn comment(rest: &str) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    let inside = rest.strip_prefix("/*")?;
    Some(inside.find("*/").map_or(rest.len(), |end| end + 4))
}

fn string(rest: &str) -> Option<usize> {
    if let Some(raw) = rest.strip_prefix('r') {
        let marks = raw.len() - raw.trim_start_matches('#').len();
        let inside = raw[marks..].strip_prefix('"')?;
        let end = format!("\"{}", "#".repeat(marks));
        return Some(inside.find(&end).map_or(rest.len(), |at| 1 + marks + 1 + at + end.len()));
    }
    quoted(rest, '"')
}

/// A character literal; a lifetime has no second mark within reach.
fn character(rest: &str) -> Option<usize> {
    let length = quoted(rest, '\'')?;
    let inside = &rest[1..length - 1];
    (inside.starts_with('\\') || inside.chars().count() == 1).then_some(length)
}

/// The length of `"…"` with its marks; a backslash hides the character behind it.
fn quoted(rest: &str, mark: char) -> Option<usize> {
    let inside = rest.strip_prefix(mark)?;
    let mut hidden = false;
    for (at, next) in inside.char_indices() {
        match next {
            _ if hidden => hidden = false,
            '\\' => hidden = true,
            _ if next == mark => return Some(at + 2 * mark.len_utf8()),
            _ => (),
        }
    }
    None
}

/// The text up to its test module: tests stand at the end of a file or in a file of their own.
pub(crate) fn without_tests(code: &str) -> &str {
    code.find("#[cfg(test)]\nmod ").map_or(code, |at| &code[..at])
}

/// Whether a file is only compiled for tests, benchmarks or examples.
pub(crate) fn is_test(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    parts.iter().any(|part| matches!(*part, "tests" | "tests.rs" | "examples" | "benches"))
}

/// Whether a file belongs to what a crate offers to tests under its feature `testing`.
pub(crate) fn is_testing(path: &str) -> bool {
    path.split('/').any(|part| part == "testing" || part == "testing.rs")
}

/// Whether `word` stands in the line as a whole path: not as the tail of a longer name.
pub(crate) fn names(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_strings_are_cut_and_lines_stay() {
        let text = "a // b\n\"c\\\"d\" e /* f\ng */ h r#\"i\"j\"# k 'l' '\\'' &'m n";
        let code = code(text);
        for gone in ["b", "c", "d", "f", "g", "i", "j", "l"] {
            assert!(!code.contains(gone), "{gone} in {code:?}");
        }
        for kept in ["a", "e", "h", "k", "m", "n"] {
            assert!(code.contains(kept), "{kept} in {code:?}");
        }
        assert_eq!(code.lines().count(), text.lines().count());
    }

    #[test]
    fn test_modules_are_cut() {
        assert_eq!(without_tests("a\n#[cfg(test)]\nmod tests {\nb }"), "a\n");
        assert_eq!(without_tests("a\n#[cfg(test)]\nfn b() {}"), "a\n#[cfg(test)]\nfn b() {}");
    }

    #[test]
    fn a_word_is_not_found_within_another() {
        assert!(names("use openraft::X", "openraft::"));
        assert!(!names("use my_openraft::X", "openraft::"));
    }
}
