//! Lines of `NAME=value`, as shells and systemd read them, without expansion.
//!
//! Blank lines and lines that begin with `#` or `;` say nothing; `export ` may stand before a name. A value in single quotes is
//! taken as it is; in double quotes a backslash makes the next `"`, `\`, `$` or backquote ordinary. Without quotes it ends at the end of
//! the line or at a blank and `#`.

use crate::config::problem::Origin;
use crate::config::variables::Variable;

/// Whether `text` is such a file: its first line that says anything is an assignment.
pub(super) fn are_in(text: &str) -> bool {
    text.lines().map(significant).find(|line| !line.is_empty()).is_some_and(|line| assignment(line).is_some())
}

/// The variables of `text`, and a warning for each that cannot be a setting.
///
/// # Errors
/// Names every line that cannot be read.
pub(super) fn read(path: &str, text: &str) -> Result<(Vec<Variable>, Vec<String>), String> {
    let (mut variables, mut warnings, mut wrong) = (Vec::new(), Vec::new(), Vec::new());
    for (number, line) in (1..).zip(text.lines().map(significant)) {
        if line.is_empty() {
            continue;
        }
        let parts =
            assignment(line).ok_or("expected NAME=value").and_then(|(name, rest)| Ok((name, value(rest)?)));
        match parts {
            Ok((name, value)) => {
                if !name.starts_with("ETCD_") && !name.starts_with("QUORATE_") {
                    warnings.push(format!("{name} in {path}, line {number}, is no setting: ignored"));
                }
                let origin = Origin::Line { file: path.to_owned(), name: name.to_owned(), number };
                variables.push(Variable { name: name.to_owned(), value, origin });
            }
            Err(why) => wrong.push(format!("config file {path}, line {number}: {why}")),
        }
    }
    if wrong.is_empty() { Ok((variables, warnings)) } else { Err(wrong.join("\n")) }
}

/// The line without what says nothing.
fn significant(line: &str) -> &str {
    let line = line.trim_start_matches('\u{feff}').trim();
    if line.starts_with(['#', ';']) { "" } else { line }
}

fn assignment(line: &str) -> Option<(&str, &str)> {
    let exported = line.strip_prefix("export").filter(|rest| rest.starts_with([' ', '\t']));
    let (name, value) = exported.map_or(line, str::trim_start).split_once('=')?;
    let is_name = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    is_name.then_some((name, value))
}

fn value(text: &str) -> Result<String, &'static str> {
    match text.chars().next() {
        Some(quote @ ('"' | '\'')) => quoted(&text[1..], quote),
        _ => {
            let end =
                [" #", "\t#"].iter().filter_map(|comment| text.find(comment)).min().unwrap_or(text.len());
            Ok(text[..end].trim().to_owned())
        }
    }
}

/// The text up to the closing quote, after which only a comment may stand.
fn quoted(text: &str, quote: char) -> Result<String, &'static str> {
    let mut value = String::new();
    let mut letters = text.chars();
    loop {
        match letters.next().ok_or("the quote is not closed")? {
            letter if letter == quote => break,
            '\\' if quote == '"' => match letters.next().ok_or("the quote is not closed")? {
                letter @ ('"' | '\\' | '$' | '`') => value.push(letter),
                letter => value.extend(['\\', letter]),
            },
            letter => value.push(letter),
        }
    }
    let rest = letters.as_str().trim_start();
    if rest.is_empty() || rest.starts_with('#') {
        Ok(value)
    } else {
        Err("something follows the closing quote")
    }
}
