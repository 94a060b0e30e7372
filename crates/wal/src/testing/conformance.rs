//! What the log relies on in a disk, crashes excepted.

use crate::Disk;
use std::io::ErrorKind;

/// Checks `disk`, which is empty, against the contract of [`Disk`] and [`File`](crate::File).
///
/// # Panics
/// Where the contract is not kept.
pub fn conforms(disk: &dyn Disk) {
    names_come_and_go(disk);
    bytes_stay_where_they_were_written(disk);
    a_removed_file_can_still_be_read(disk);
}

fn names_come_and_go(disk: &dyn Disk) {
    assert!(names(disk).is_empty(), "the suite begins with an empty disk");
    assert_eq!(disk.open("a").err().map(|error| error.kind()), Some(ErrorKind::NotFound));
    assert_eq!(disk.remove("a").err().map(|error| error.kind()), Some(ErrorKind::NotFound));
    disk.create("b").expect("create b");
    disk.create("a").expect("create a");
    assert_eq!(disk.create("a").err().map(|error| error.kind()), Some(ErrorKind::AlreadyExists));
    disk.sync_names().expect("sync names");
    assert_eq!(names(disk), ["a", "b"]);
    disk.remove("b").expect("remove b");
    disk.sync_names().expect("sync names");
    assert_eq!(names(disk), ["a"]);
    assert!(disk.path("a").ends_with("a"), "a path ends with the name");
}

fn bytes_stay_where_they_were_written(disk: &dyn Disk) {
    let file = disk.open("a").expect("open a");
    assert_eq!(file.size().expect("size"), 0);
    file.write_at(b"world", 1006).expect("write");
    file.write_at(b"hello", 3).expect("write before");
    file.write_at(b"W", 1006).expect("write over");
    file.sync().expect("sync");
    assert_eq!(file.size().expect("size"), 1011);
    let again = disk.open("a").expect("open a again");
    let mut bytes = vec![7; 1011];
    again.read_at(&mut bytes, 0).expect("read all");
    assert_eq!(&bytes[..8], b"\0\0\0hello");
    assert!(bytes[8..1006].iter().all(|byte| *byte == 0), "a gap reads as zeros");
    assert_eq!(&bytes[1006..], b"World");
    let beyond = again.read_at(&mut [0; 6], 1006).err().map(|error| error.kind());
    assert_eq!(beyond, Some(ErrorKind::UnexpectedEof));
}

fn a_removed_file_can_still_be_read(disk: &dyn Disk) {
    let file = disk.open("a").expect("open a");
    disk.remove("a").expect("remove a");
    disk.create("a").expect("create another a");
    let mut bytes = [0; 5];
    file.read_at(&mut bytes, 3).expect("read the removed file");
    assert_eq!(&bytes, b"hello");
    assert_eq!(disk.open("a").and_then(|file| file.size()).expect("the new a"), 0);
    disk.remove("a").expect("remove the new a");
    assert!(names(disk).is_empty(), "the suite leaves nothing");
}

fn names(disk: &dyn Disk) -> Vec<String> {
    let mut names = disk.names().expect("list");
    names.sort();
    names
}
