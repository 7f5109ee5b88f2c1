//! Compiles the Flight messages for server reflection, and writes an rpath to the prebuilt libduckdb, so that the binary
//! runs without `LD_LIBRARY_PATH`.

use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    compile_messages()?;
    write_rpath();
    Ok(())
}

/// Compiles `proto/*.proto` to a descriptor set, by protox: no `protoc` is needed.
fn compile_messages() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_imports(true).open_files(["Flight.proto", "FlightSql.proto"])?;
    let out = Path::new(&std::env::var("OUT_DIR")?).join("flight.bin");
    std::fs::write(out, compiler.encode_file_descriptor_set())?;
    Ok(())
}

fn write_rpath() {
    println!("cargo:rerun-if-env-changed=DUCKDB_LIB_DIR");
    // The loader's own folder first, so that an image or a wheel may carry the library beside the binary.
    let origin = match std::env::var("CARGO_CFG_TARGET_OS").as_deref() {
        Ok("macos") => "@loader_path",
        Ok("linux") => "$ORIGIN",
        _ => return,
    };
    if let Ok(dir) = std::env::var("DUCKDB_LIB_DIR") {
        for path in [origin.to_owned(), format!("{origin}/../lib"), dir] {
            println!("cargo:rustc-link-arg=-Wl,-rpath,{path}");
        }
    }
}
