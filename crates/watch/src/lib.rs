//! From changes to watchers: who is told what, once, in order, and with bounded memory.
//!
//! The hub is a step on a thread of its own. It is fed the changes of each batch after readers can see them, finds the
//! watchers by key and by range, and lays what they are to be told into one mailbox a front thread: one wake-up a
//! thread and batch. An event is encoded once; watchers of one range on one stream are one *crowd*, which costs the hub the
//! same whether one watches or a thousand.
//!
//! There is no queue for a slow watcher. A stream has a window of bytes that its transport has not taken yet; when it is
//! full, the stream is a cursor into the past: first into the hub's own ring of recent revisions, and, further back, into
//! a [`History`], which is read on threads of its own because it may wait for a disk. What the feed had no
//! room for is read from there too.
//!
//! The hub knows no wire protocol and no members; whoever serves makes replies of the [`Message`]s. It reads no clock.
//! What a watcher costs: about 100 bytes beside its crowd, and a crowd about 250 beside its key.
//!
//! Laws:
//! - **WA1** A watcher's events come in the order of their revisions, and within a revision in the order of its changes.
//! - **WA2** None comes twice.
//! - **WA3** None is lost: from its start on a watcher is told every change in its range that its filters let
//!   through, until it is cancelled; if that is impossible because of a compaction, it is cancelled and told so.
//! - **WA4** A revision is never split over messages, unless fragments were asked for.
//! - **WA5** A progress message comes after every event up to its revision.
//! - **WA6** A watch is told that it was created before anything else.
//! - **WA7** What waits for a slow stream is bounded: its window, and one revision more.
//! - **WA8** The feed never waits for the hub, and what it holds is bounded.

mod audience;
mod crowd;
mod feed;
mod handle;
mod history;
mod hub;
mod index;
mod mailbox;
mod message;
mod page;
mod past;
mod request;
mod ring;
mod settings;
mod stream;
#[cfg(feature = "testing")]
pub mod testing;

pub use feed::Feed;
pub use handle::{Handle, start};
pub use history::{History, HistoryError};
pub use mailbox::Mailbox;
pub use message::{Message, News, Refusal};
pub use request::Create;
pub use settings::Settings;
pub use stream::Stream;
