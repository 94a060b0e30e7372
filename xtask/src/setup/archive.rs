//! The RocksDB static library, compiled once per machine.
//!
//! Left to cargo, its 344 C++ files would be compiled for every profile, feature set and target folder.
//! Here a throw-away package that depends on nothing but `librocksdb-sys` is built in the cache, and the
//! archive it leaves is named to all later builds by ROCKSDB_LIB_DIR and ROCKSDB_STATIC.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::recipe::Recipe;
use super::{Setting, cargo, say};
use crate::places::Places;

/// Object files of RocksDB 11.8; only for showing progress.
const OBJECTS: usize = 344;
const PROGRESS_EVERY: Duration = Duration::from_secs(15);
const ARCHIVE: &str = "librocksdb.a";

/// Where the archive is; builds it if it is nowhere.
pub(crate) fn prepare(places: &Places, tools: &[Setting]) -> anyhow::Result<Vec<Setting>> {
    let recipe = Recipe::read(&places.root)?;
    let folder = places.cache.join(recipe.folder());
    if !folder.join(ARCHIVE).is_file() {
        build_alone(&places.cache, &folder, &Build { recipe: &recipe, root: &places.root, tools })?;
    }
    say("rocksdb", &format!("{}", folder.join(ARCHIVE).display()));
    Ok(vec![("ROCKSDB_LIB_DIR", folder.into()), ("ROCKSDB_STATIC", "1".into())])
}

struct Build<'a> {
    recipe: &'a Recipe,
    root: &'a Path,
    tools: &'a [Setting],
}

/// One build at a time on this machine; whoever waited finds it done.
fn build_alone(cache: &Path, folder: &Path, build: &Build<'_>) -> anyhow::Result<()> {
    fs::create_dir_all(cache).with_context(|| format!("make the cache {}", cache.display()))?;
    let lock = File::create(cache.join("rocksdb.lock"))?;
    match lock.try_lock() {
        Ok(()) => (),
        Err(TryLockError::WouldBlock) => {
            say("rocksdb", "another setup on this machine is building it; waiting for that one");
            lock.lock()?;
        }
        Err(TryLockError::Error(error)) => return Err(error).context("lock the cache"),
    }
    if folder.join(ARCHIVE).is_file() {
        return Ok(());
    }
    let work = cache.join(format!("{}.building", build.recipe.folder()));
    let archive = build.compile(&work)?;
    keep(&archive, folder, build.recipe)?;
    fs::remove_dir_all(&work).with_context(|| format!("remove {}", work.display()))
}

/// S2: the archive gets its name last, when all its bytes are there.
fn keep(archive: &Path, folder: &Path, recipe: &Recipe) -> anyhow::Result<()> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join("recipe.txt"), recipe.text())?;
    let unfinished = folder.join("librocksdb.a.unfinished");
    fs::copy(archive, &unfinished).with_context(|| format!("copy {}", archive.display()))?;
    fs::rename(&unfinished, folder.join(ARCHIVE))?;
    Ok(())
}

impl Build<'_> {
    fn compile(&self, work: &Path) -> anyhow::Result<PathBuf> {
        self.write_package(work)?;
        say(
            "rocksdb",
            &format!("compiling {} for this machine, once for all later builds", self.recipe.version),
        );
        say("rocksdb", "this is 344 C++ files: about 16 minutes on two cores, less on more");
        let log = work.join("build.log");
        let output = File::create(&log)?;
        let mut command = cargo();
        command.arg("build").current_dir(work).stdin(Stdio::null());
        command.stdout(output.try_clone()?).stderr(output);
        command.env("CARGO_TARGET_DIR", work.join("target"));
        command.env("CARGO_ENCODED_RUSTFLAGS", self.recipe.rustflags.join("\x1f")).env_remove("RUSTFLAGS");
        command.env_remove("ROCKSDB_LIB_DIR").env_remove("ROCKSDB_STATIC");
        command.envs(self.tools.iter().map(|(name, value)| (name, value)));
        let mut child = command.spawn().context("start cargo")?;
        if !watch(&mut child, work)? {
            bail!("RocksDB does not compile; the whole log is {}\n{}", log.display(), final_lines(&log));
        }
        outputs(work)
            .map(|out| out.join(ARCHIVE))
            .find(|path| path.is_file())
            .context("the build left no archive")
    }

    fn write_package(&self, work: &Path) -> anyhow::Result<()> {
        fs::create_dir_all(work.join("src"))?;
        fs::write(work.join("src/lib.rs"), "")?;
        fs::write(work.join("Cargo.toml"), manifest(self.recipe))?;
        // The versions of lz4 and zstd are those of the workspace; cargo drops the rest of the file.
        let lock = fs::read_to_string(self.root.join("Cargo.lock"))?;
        if lock.contains("librocksdb-sys") {
            fs::write(work.join("Cargo.lock"), lock)?;
        }
        Ok(())
    }
}

fn manifest(recipe: &Recipe) -> String {
    let features: Vec<String> = recipe.features.iter().map(|feature| format!("{feature:?}")).collect();
    format!(
        "[package]\nname = \"rocksdb-build\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[workspace]\n\
         [dependencies]\nlibrocksdb-sys = {{ version = \"={}\", default-features = false, features = [{}] }}\n\
         [profile.dev]\ndebug = false\n[profile.dev.package.\"*\"]\nopt-level = 2\ndebug = false\n",
        recipe.requirement(),
        features.join(", ")
    )
}

/// Waits for the build and says now and then how far it is. Whether it succeeded.
fn watch(child: &mut Child, work: &Path) -> anyhow::Result<bool> {
    let begun = Instant::now();
    let mut said = begun;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status.success());
        }
        thread::sleep(Duration::from_millis(200));
        if said.elapsed() >= PROGRESS_EVERY {
            said = Instant::now();
            say("rocksdb", &progress(objects(work), begun.elapsed()));
        }
    }
}

fn progress(objects: usize, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    let so_far = format!("{} min {:02} s so far", seconds / 60, seconds % 60);
    match objects {
        0 => format!("compiling what it leans on, {so_far}"),
        _ => format!("{objects} of about {OBJECTS} files, {so_far}"),
    }
}

fn objects(work: &Path) -> usize {
    let files = outputs(work).filter_map(|out| fs::read_dir(out).ok()).flatten().flatten();
    files.filter(|entry| entry.path().extension().is_some_and(|extension| extension == "o")).count()
}

fn outputs(work: &Path) -> impl Iterator<Item = PathBuf> {
    let builds = fs::read_dir(work.join("target/debug/build")).into_iter().flatten().flatten();
    let ours = builds.filter(|entry| entry.file_name().to_string_lossy().starts_with("librocksdb-sys-"));
    ours.map(|entry| entry.path().join("out"))
}

fn final_lines(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_said_in_words() {
        assert_eq!(progress(0, Duration::from_secs(15)), "compiling what it leans on, 0 min 15 s so far");
        assert_eq!(progress(189, Duration::from_secs(605)), "189 of about 344 files, 10 min 05 s so far");
    }

    #[test]
    fn objects_are_counted_in_the_right_folder_only() {
        let work = tempfile::tempdir().unwrap();
        for (build, file) in [("librocksdb-sys-1", "a.o"), ("librocksdb-sys-1", "a.d"), ("zstd-sys-1", "b.o")]
        {
            let out = work.path().join("target/debug/build").join(build).join("out");
            fs::create_dir_all(&out).unwrap();
            fs::write(out.join(file), "").unwrap();
        }
        assert_eq!(objects(work.path()), 1);
    }

    #[test]
    fn the_archive_gets_its_name_last() {
        let place = tempfile::tempdir().unwrap();
        let recipe = Recipe { version: "1".into(), features: vec![], rustflags: vec![], target: "t".into() };
        fs::write(place.path().join("built.a"), "bytes").unwrap();
        keep(&place.path().join("built.a"), &place.path().join("kept"), &recipe).unwrap();
        let mut names: Vec<_> =
            fs::read_dir(place.path().join("kept")).unwrap().flatten().map(|e| e.file_name()).collect();
        names.sort();
        assert_eq!(names, [ARCHIVE, "recipe.txt"]);
    }
}
