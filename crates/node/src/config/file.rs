//! Config files: YAML with etcd's keys, or lines of `ETCD_X="…"`. The first line that says anything tells which.

mod lines;
mod yaml;

use super::problem::Problem;
use super::settings::Written;
use super::variables::Variables;

/// What a file says.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub(super) written: Written,
    pub(super) warnings: Vec<String>,
    pub(super) problems: Vec<Problem>,
}

/// Reads the file at `path`.
///
/// # Errors
/// In words, if it cannot be read at all or is neither of the two.
pub(super) fn read(path: &str) -> Result<Contents, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("read config file {path}: {error}"))?;
    if !lines::are_in(&text) {
        return yaml::read(path, &text);
    }
    let (variables, mut warnings) = lines::read(path, &text)?;
    let Variables { mut written, file, warnings: odd } = Variables::read(variables);
    written.retain(|_, entry| !entry.text.is_empty());
    warnings.extend(odd.into_iter().map(|warning| format!("{warning} in {path}")));
    warnings
        .extend(file.map(|_| format!("a config file in {path} is not read: one file cannot name another")));
    Ok(Contents { written, warnings, problems: Vec::new() })
}
