//! libclang, which reads RocksDB's C header while the Rust bindings are generated.
//!
//! Debian's `libclang1-N` alone is not enough: the compiler's own headers (`stdbool.h`) are in
//! `libclang-common-N-dev`, and PyPI's wheel has none at all. Where they are missing gcc's are named instead.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use super::{Setting, say};
use crate::command;
use crate::places::Places;

/// Finds a libclang that loads, or installs one.
pub(crate) fn prepare(places: &Places) -> anyhow::Result<Vec<Setting>> {
    let wheel = places.cache.join("libclang");
    let library = match find(&wheel) {
        Some(library) => library,
        None => install(&wheel)?,
    };
    settings(&library)
}

fn install(wheel: &Path) -> anyhow::Result<PathBuf> {
    say("libclang", "not found");
    if let Err(error) = install_package() {
        say("libclang", &format!("no package of the system's: {error:#}"));
        install_wheel(wheel).context(
            "get libclang, which RocksDB's bindings need; install it by hand \
             (Debian: apt-get install libclang-dev) or name its folder in LIBCLANG_PATH",
        )?;
    }
    find(wheel).context("libclang was installed but cannot be loaded; name its folder in LIBCLANG_PATH")
}

fn install_package() -> anyhow::Result<()> {
    if !rustix::process::geteuid().is_root() || !command::exists("apt-get") {
        bail!("that needs root and apt-get");
    }
    let mut newest = newest_package()?;
    if newest.is_none() {
        command::text(Command::new("apt-get").args(["update", "-qq"]))?;
        newest = newest_package()?;
    }
    let number = newest.context("apt knows no libclang1-N")?;
    let packages = [format!("libclang1-{number}"), format!("libclang-common-{number}-dev")];
    say("libclang", &format!("installing {} with apt-get", packages.join(" and ")));
    let mut install = Command::new("apt-get");
    install.env("DEBIAN_FRONTEND", "noninteractive").args([
        "install",
        "-y",
        "-qq",
        "--no-install-recommends",
    ]);
    command::text(install.args(packages)).map(drop)
}

/// The highest N for which apt has `libclang1-N`.
fn newest_package() -> anyhow::Result<Option<u32>> {
    let names =
        command::text(Command::new("apt-cache").args(["search", "--names-only", "^libclang1-[0-9]+$"]))?;
    let numbers = names.lines().filter_map(|line| line.split([' ', '-']).nth(1)?.parse().ok());
    Ok(numbers.max())
}

fn install_wheel(place: &Path) -> anyhow::Result<()> {
    say("libclang", "taking PyPI's wheel `libclang`");
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--upgrade", "--target"]).arg(place).arg("libclang");
    command::text(&mut pip).map(drop)
}

/// The first libclang that loads, in the order in which people expect to be obeyed.
fn find(wheel: &Path) -> Option<PathBuf> {
    let mut folders: Vec<PathBuf> = Vec::new();
    folders.extend(env::var_os("LIBCLANG_PATH").map(PathBuf::from));
    folders.extend(numbered_folders());
    if command::exists("llvm-config") {
        let named = command::text(Command::new("llvm-config").arg("--libdir")).ok();
        folders.extend(named.map(PathBuf::from));
    }
    let usual = [
        "/usr/lib64",
        "/usr/lib",
        "/usr/lib/x86_64-linux-gnu",
        "/usr/lib/aarch64-linux-gnu",
        "/usr/local/lib",
    ];
    folders.extend(usual.map(PathBuf::from));
    folders.push(wheel.join("clang/native"));
    folders.iter().filter_map(|folder| library_in(folder)).find(|library| loads(library))
}

/// `/usr/lib/llvm-N/lib`, newest first.
fn numbered_folders() -> Vec<PathBuf> {
    let entries = fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    let number = |name: String| name.strip_prefix("llvm-").and_then(|rest| rest.parse::<u32>().ok());
    let mut numbers: Vec<u32> =
        entries.filter_map(|entry| number(entry.file_name().to_string_lossy().into_owned())).collect();
    numbers.sort_unstable();
    numbers.iter().rev().map(|number| PathBuf::from(format!("/usr/lib/llvm-{number}/lib"))).collect()
}

fn library_in(folder: &Path) -> Option<PathBuf> {
    if folder.is_file() {
        return Some(folder.to_owned());
    }
    let mut found: Vec<PathBuf> = fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path()).collect();
    found.retain(|path| path.file_name().is_some_and(|name| is_library(&name.to_string_lossy())));
    found.sort();
    found.into_iter().next()
}

/// The names that the bindings generator accepts: `libclang.so`, `libclang-14.so`, `libclang.so.1`, …
fn is_library(name: &str) -> bool {
    let Some(rest) = name.strip_prefix("libclang") else { return false };
    let numbered =
        rest.strip_prefix('-').map(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.'));
    let rest = numbered.unwrap_or(rest);
    // Behind `libclang-14.` the point is gone with the digits.
    rest == ".so" || rest == "so" || rest.starts_with(".so.") || rest.starts_with("so.")
}

/// Whether the dynamic linker finds everything the library wants.
fn loads(library: &Path) -> bool {
    command::output(Command::new("ldd").arg(library)).is_ok_and(|output| {
        output.status.success() && !String::from_utf8_lossy(&output.stdout).contains("not found")
    })
}

fn settings(library: &Path) -> anyhow::Result<Vec<Setting>> {
    let folder = library.parent().context("libclang has a folder")?;
    let mut settings: Vec<Setting> = vec![("LIBCLANG_PATH", folder.into())];
    let mut headers = "its own headers";
    if let Some(given) = env::var_os("BINDGEN_EXTRA_CLANG_ARGS") {
        settings.push(("BINDGEN_EXTRA_CLANG_ARGS", given));
        headers = "BINDGEN_EXTRA_CLANG_ARGS as given";
    } else if !has_headers(folder) {
        let gcc = command::text(Command::new("gcc").arg("-print-file-name=include"))
            .context("libclang has no headers of its own, and gcc, whose headers would do, is not there")?;
        settings.push(("BINDGEN_EXTRA_CLANG_ARGS", format!("-I{gcc}").into()));
        headers = "gcc's headers";
    }
    say("libclang", &format!("{} with {headers}", library.display()));
    Ok(settings)
}

/// clang looks for `stdbool.h` beside the library, in `clang/VERSION/include`.
fn has_headers(folder: &Path) -> bool {
    let versions = fs::read_dir(folder.join("clang")).into_iter().flatten().flatten();
    versions.map(|entry| entry.path()).any(|version| version.join("include/stdbool.h").is_file())
}

#[cfg(test)]
mod tests {
    use super::is_library;

    #[test]
    fn only_names_that_the_generator_opens_are_taken() {
        for name in
            ["libclang.so", "libclang.so.1", "libclang-14.so", "libclang-14.so.1", "libclang-14.0.6.so"]
        {
            assert!(is_library(name), "{name}");
        }
        for name in ["libclang-cpp.so.14", "libclang.a", "libclangBasic.so", "libclang", "clang.so"] {
            assert!(!is_library(name), "{name}");
        }
    }
}
