//! Compiles the Flight messages for server reflection, and writes an rpath to the prebuilt libduckdb, so that the binary
//! runs without `LD_LIBRARY_PATH`.

use std::error::Error;
use std::path::Path;

#[path = "build/rpath.rs"]
mod rpath;

fn main() -> Result<(), Box<dyn Error>> {
    compile_messages()?;
    rpath::write();
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
