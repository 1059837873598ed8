//! Links the reference Speex library of the system (`libspeex-dev` on Debian and Ubuntu).

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-link-lib=speex");
}
