//! `cargo xtask`: what the project does besides compiling.
fn main() {}
