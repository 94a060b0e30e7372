//! What tidy wants from a Cargo.toml: names of dependencies. Enough TOML for manifests as we write them.

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Manifest {
    /// Of `[dependencies]`, also per target, as packages are called where they are renamed.
    pub(crate) dependencies: Vec<String>,
    /// Of `[dev-dependencies]` and `[build-dependencies]`.
    pub(crate) others: Vec<String>,
}

impl Manifest {
    pub(crate) fn parse(text: &str) -> Manifest {
        let mut manifest = Manifest::default();
        let mut section = String::new();
        for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
            if let Some(header) = line.strip_prefix('[') {
                section = header.trim_end_matches(']').to_owned();
                if let Some((parent, name)) = split_header(&section) {
                    manifest.add(parent, name.to_owned());
                }
            } else if let Some((key, value)) = line.split_once('=') {
                let name = key.trim().split('.').next().unwrap_or_default();
                manifest.add(&section, renamed(value).unwrap_or(name).to_owned());
            }
        }
        manifest
    }

    fn add(&mut self, section: &str, name: String) {
        if section == "dependencies" || is_of_target(section) {
            self.dependencies.push(name);
        } else if section == "dev-dependencies" || section == "build-dependencies" {
            self.others.push(name);
        }
    }
}

/// `dependencies.tokio` is a section of its own.
fn split_header(section: &str) -> Option<(&str, &str)> {
    let (parent, name) = section.rsplit_once('.')?;
    parent.ends_with("dependencies").then_some((parent, name))
}

/// `target.'cfg(unix)'.dependencies`
fn is_of_target(section: &str) -> bool {
    section.starts_with("target.") && section.ends_with(".dependencies")
}

/// `{ package = "quorate-storage", … }`
fn renamed(value: &str) -> Option<&str> {
    value.split_once("package = \"")?.1.split('"').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_a_dependency_is_seen() {
        let text = "[package]\nname = \"x\"\n[dependencies]\na.workspace = true\nb = { version = \"1\" }\n# c = 1\n\
                    d = { package = \"e\" }\n[dependencies.f]\nversion = \"1\"\n[target.'cfg(unix)'.dependencies]\ng = \"1\"\n\
                    [dev-dependencies]\nh = \"1\"\n[build-dependencies]\ni = \"1\"\n[features]\nj = []\n";
        let manifest = Manifest::parse(text);
        assert_eq!(manifest.dependencies, ["a", "b", "e", "f", "g"]);
        assert_eq!(manifest.others, ["h", "i"]);
    }
}
