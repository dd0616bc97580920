//! Tells the linker what Cargo has no key for.

fn main() {
    println!("cargo::rerun-if-changed=packaging/link.rs");
    // The addresses that a program corrects when it is loaded, in a form of a tenth of the size (DT_RELR). Needs glibc 2.36,
    // which Debian 12 has; an older linker says that it does not know the word, and goes on.
    println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
}
