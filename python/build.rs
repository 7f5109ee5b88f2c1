//! Lets the linker leave the interpreter's symbols open, and lets a build in the source tree find the prebuilt
//! libduckdb. A wheel carries its own copy, to which maturin points; it sets the variable below.

fn main() {
    pyo3_build_config::add_extension_module_link_args();
    println!("cargo:rerun-if-env-changed=DUCKDB_LIB_DIR");
    println!("cargo:rerun-if-env-changed=PYO3_BUILD_EXTENSION_MODULE");
    if std::env::var_os("PYO3_BUILD_EXTENSION_MODULE").is_some() {
        return;
    }
    if let Ok(folder) = std::env::var("DUCKDB_LIB_DIR") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-rpath,{folder}");
    }
}
