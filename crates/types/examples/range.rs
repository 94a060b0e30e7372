//! What the wire's pairs of key and range end mean: `cargo run -p quorate-types --example range`

use quorate_types::{KeyRange, LeaseId, MemberId, Revision};

fn main() {
    let fruit = ["apple", "banana", "cherry", "fig"];
    for (key, end) in [("banana", ""), ("banana", "d"), ("banana", "\0"), ("d", "b")] {
        let range = KeyRange::from_wire(key.into(), end.into());
        let meant: Vec<_> = fruit.into_iter().filter(|fruit| range.contains(fruit.as_bytes())).collect();
        println!("({key:?}, {end:?}) means {meant:?}");
    }
    println!(
        "an empty store is at revision {}, its first change at {}",
        Revision::FIRST,
        Revision::FIRST.next()
    );
    println!("member {}, lease {}", MemberId(0x8e9e_05c5_2164_694d), LeaseId(0x1234));
}
