//! The log as its owner sees it: on a disk in memory, its writer run turn by turn.

mod commit;
mod crash;
mod damage;
mod disk;
mod golden;
mod live;
mod read;
mod space;
