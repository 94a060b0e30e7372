//! The Quorate server: arguments, the choice of backend, signals, exit codes. Everything else is in `quorate-node`.

mod backend;
mod panics;
mod signals;

use anyhow::Context;
use quorate_node::config::{self, Parsed};
use quorate_node::{Config, Node, Parts, bootstrap, logging};
use quorate_tasks::Group;
use std::io::Write;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::oneshot;

/// One allocator for Rust and C++: measured to save 2 to 4 us of CPU a put beside the system's.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    match config::parse(std::env::args_os(), environment) {
        Parsed::Version => {
            print_versions();
            ExitCode::SUCCESS
        }
        Parsed::Exit { text, code: 0 } => {
            print(&text);
            ExitCode::SUCCESS
        }
        Parsed::Exit { text, code } => {
            eprintln!("{text}");
            ExitCode::from(code)
        }
        Parsed::Serve { config, warnings } => serve(&config, &warnings),
    }
}

/// Tools that start a member parse the first line.
fn print_versions() {
    print(&format!(
        "etcd Version: {}\nQuorate Version: {}\nBackend: {}",
        quorate_node::ETCD_VERSION,
        env!("CARGO_PKG_VERSION"),
        backend::NAME
    ));
}

/// Whoever reads may have gone, as `head -1` does: that is no failure.
fn print(text: &str) {
    drop(writeln!(std::io::stdout(), "{text}"));
}

fn serve(config: &Config, warnings: &[String]) -> ExitCode {
    if let Err(error) = logging::init(&config.log) {
        eprintln!("{:#}", anyhow::Error::from(error));
        return ExitCode::FAILURE;
    }
    panics::install();
    tracing::info!(version = env!("CARGO_PKG_VERSION"), backend = backend::NAME, "starting Quorate");
    warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    if !config.fsync {
        tracing::warn!("running without fsync: a power failure loses acknowledged writes");
    }
    match run(config) {
        Ok(End::Signal(signal)) => signals::end_by(signal),
        Ok(End::Removed) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "cannot go on");
            ExitCode::FAILURE
        }
    }
}

/// Why a server that was well ends.
enum End {
    Signal(i32),
    /// The cluster has removed this member.
    Removed,
}

/// Serves until a signal comes, or the cluster has no place for this member any more.
fn run(config: &Config) -> anyhow::Result<End> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut signals = signals::Signals::install().context("install signal handlers")?;
        let group = Group::threads();
        let node = tokio::select! {
            node = start(config, &group) => node?,
            signal = signals.next() => return Ok(End::Signal(signal)), // a start may be left at any moment, as in a crash
        };
        // Without a service manager there is nobody to tell.
        drop(sd_notify::notify(&[sd_notify::NotifyState::Ready]));
        let end = tokio::select! {
            signal = signals.next() => End::Signal(signal),
            () = node.removed() => End::Removed,
            // The node can no longer trust itself: nothing is drained, nothing more is written.
            failure = node.group().failed() => return Err(failure.into()),
        };
        match &end {
            End::Signal(signal) => {
                tracing::info!(signal, "stopping; a second signal ends the process at once");
            }
            End::Removed => tracing::warn!(
                data_dir = %config.data_dir.display(),
                "the member has been permanently removed from the cluster: stopping; its data directory is of no use any more"
            ),
        }
        signals.end_at_once_from_now_on();
        node.stop();
        Ok(end)
    })
}

/// Starts the node. Data directory and engine are opened on a thread of their own: that may take long, for the disk or
/// for names that do not resolve, and a signal should end it.
async fn start(config: &Config, group: &Group) -> anyhow::Result<Node> {
    let (opened, parts) = oneshot::channel();
    let (settings, inner) = (config.clone(), group.clone());
    group.runtime("open", move || async move {
        drop(opened.send(open(&settings, inner).await)); // whoever waited has been ended by a signal
        Ok(())
    });
    let parts = parts.await.context("open the data directory: panicked, see above")??;
    Ok(Node::start(config, parts).await?)
}

/// Opens the data directory and the engine in it.
async fn open(config: &Config, group: Group) -> anyhow::Result<Parts> {
    let data_dir = bootstrap::open(config, backend::NAME).await?;
    let folder = data_dir.engine(backend::NAME);
    let engine = backend::open(&folder).with_context(|| format!("open the {} engine", backend::NAME))?;
    let first_request_id = first_request_id(data_dir.identity().member.0);
    tracing::info!(
        data_dir = %config.data_dir.display(),
        cluster_id = %data_dir.identity().cluster,
        member_id = %data_dir.identity().member,
        is_new = data_dir.is_new(),
        "opened the data directory"
    );
    Ok(Parts { data_dir, engine, first_request_id, group })
}

/// As etcd does: 16 bits of the member's id, 40 of the time in milliseconds, and 8 to count up from. Unique as long as a
/// member takes fewer than 256,000 ids a second on average since its last start.
fn first_request_id(member: u64) -> u64 {
    let millis = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    let millis = u64::try_from(millis).unwrap_or(u64::MAX) & ((1 << 40) - 1);
    (member << 48) | (millis << 8)
}
