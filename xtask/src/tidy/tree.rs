//! The workspace as tidy sees it: packages with their manifests, and files with their text.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Context;

use super::manifest::Manifest;

/// Everything that rules look at. Paths are relative to the root, with `/`.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    /// Text files below the folders that hold our code.
    pub(crate) files: BTreeMap<String, String>,
    /// Names in the root folder.
    pub(crate) root: Vec<String>,
}

/// A folder with a Cargo.toml below `crates` or `bin`, or xtask.
#[derive(Debug)]
pub(crate) struct Package<'a> {
    /// For example `crates/mvcc`.
    pub(crate) folder: &'a str,
    pub(crate) manifest: Manifest,
}

impl Tree {
    pub(crate) fn read(root: &Path) -> anyhow::Result<Tree> {
        let mut tree = Tree::default();
        for entry in fs::read_dir(root).with_context(|| format!("read {}", root.display()))? {
            tree.root.push(entry?.file_name().to_string_lossy().into_owned());
        }
        tree.root.sort();
        for folder in ["crates", "bin", "xtask", "proto"] {
            tree.add(root, &root.join(folder))?;
        }
        for file in ["README.md", "Cargo.toml"] {
            if let Ok(text) = fs::read_to_string(root.join(file)) {
                tree.files.insert(file.to_owned(), text);
            }
        }
        Ok(tree)
    }

    fn add(&mut self, root: &Path, folder: &Path) -> anyhow::Result<()> {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default();
            if path.is_dir() && name != "target" {
                self.add(root, &path)?;
            } else if path.extension().is_some_and(|extension| extension == "rs" || extension == "toml") {
                let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
                let place = path.strip_prefix(root).context("it lies below the root")?;
                self.files.insert(place.to_string_lossy().replace('\\', "/"), text);
            }
        }
        Ok(())
    }

    pub(crate) fn packages(&self) -> impl Iterator<Item = Package<'_>> {
        self.files.iter().filter_map(|(path, text)| {
            let folder = path.strip_suffix("/Cargo.toml")?;
            Some(Package { folder, manifest: Manifest::parse(text) })
        })
    }

    /// Rust files with their text.
    pub(crate) fn sources(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files
            .iter()
            .filter(|(path, _)| path.ends_with(".rs"))
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// A made-up tree for the tests of rules.
    #[cfg(test)]
    pub(crate) fn of<const N: usize>(files: [(&str, &str); N]) -> Tree {
        let files = files.map(|(path, text)| (path.to_owned(), text.to_owned()));
        Tree { files: files.into(), root: Vec::new() }
    }
}

impl Package<'_> {
    /// The folder's own name: `mvcc` of `crates/mvcc`.
    pub(crate) fn short(&self) -> &str {
        self.folder.rsplit('/').next().unwrap_or(self.folder)
    }
}
