//! Tells the linker what Cargo has no key for.

use std::{env, path::Path};

fn main() {
    println!("cargo::rerun-if-changed=packaging/link.rs");
    // The addresses that a program corrects when it is loaded, in a form of a tenth of the size (DT_RELR). Needs glibc 2.36,
    // which Debian 12 has; an older linker says that it does not know the word, and goes on.
    println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    println!("cargo::rerun-if-changed=packaging/order.ld");
    // Functions that are called daily stand together; see packaging/order.
    if knows_names() && Path::new("packaging/order.ld").exists() {
        println!("cargo::rustc-link-arg-bins=-Wl,-T,packaging/order.ld");
    }
}

/// Whether functions have the names that the list of them was made with, as packaging/build asks for. It is nothing for
/// everybody's build: rustc's own linker takes seconds more for it, GNU's minutes, and others may not read such a list.
fn knows_names() -> bool {
    let has = |name: &str, what: &str| env::var(name).is_ok_and(|value| value.contains(what));
    has("CARGO_ENCODED_RUSTFLAGS", "symbol-mangling-version=v0") && has("CARGO_CFG_TARGET_ARCH", "x86_64")
}
