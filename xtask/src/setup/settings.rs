//! `.cargo/local.toml`: what setup found, for plain `cargo build` and `cargo test` too.
//!
//! `.cargo/config.toml` includes it if it is there, and git ignores it.

use std::fs;
use std::path::Path;

use anyhow::Context;

use super::{Setting, say};

/// Writes the file if it would change; a file that did not change costs cargo nothing.
pub(crate) fn write(root: &Path, settings: &[Setting]) -> anyhow::Result<()> {
    let place = root.join(".cargo/local.toml");
    let text = text(settings);
    if fs::read_to_string(&place).is_ok_and(|present| present == text) {
        return Ok(());
    }
    let unfinished = root.join(".cargo/local.toml.unfinished");
    fs::write(&unfinished, text).with_context(|| format!("write {}", unfinished.display()))?;
    fs::rename(&unfinished, &place)?;
    say("cargo", "wrote .cargo/local.toml, so plain cargo finds all this too");
    Ok(())
}

fn text(settings: &[Setting]) -> String {
    let head = "# Written by `cargo xtask setup`; included by config.toml.\n[env]\n".to_owned();
    settings.iter().fold(head, |text, (name, value)| {
        let value = value.to_string_lossy().replace('\\', "\\\\").replace('"', "\\\"");
        text + &format!("{name} = \"{value}\"\n")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_quoted_as_toml_wants_it() {
        let text = text(&[("A", "/x y".into()), ("B", "\"\\".into())]);
        assert!(text.ends_with("[env]\nA = \"/x y\"\nB = \"\\\"\\\\\"\n"), "{text}");
    }

    #[test]
    fn an_equal_file_is_not_written_again() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join(".cargo")).unwrap();
        let place = root.path().join(".cargo/local.toml");
        write(root.path(), &[("A", "1".into())]).unwrap();
        let first = fs::metadata(&place).unwrap().modified().unwrap();
        write(root.path(), &[("A", "1".into())]).unwrap();
        assert_eq!(fs::metadata(&place).unwrap().modified().unwrap(), first);
    }
}
