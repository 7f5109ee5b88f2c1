//! The `altertable-mock` program.

fn main() {}
