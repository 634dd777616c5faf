//! Compiles the protos to Rust, with the `server` feature only.
//!
//! protox reads the protos, so that a plain clone builds without protoc.  The file descriptor set is
//! written beside the code: reflection serves it, and tests walk it.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=proto");
    #[cfg(feature = "server")]
    protos::compile()?;
    Ok(())
}

#[cfg(feature = "server")]
mod protos {
    use std::path::PathBuf;

    /// Every proto of the interface.
    const FILES: [&str; 5] = [
        "hvelv/v1/approval.proto",
        "hvelv/v1/audit.proto",
        "hvelv/v1/catalogue.proto",
        "hvelv/v1/ingest.proto",
        "hvelv/v1/operator.proto",
    ];

    /// Messages and oneofs that hold, or contain what holds, identifiers, register IDs, secrets or
    /// entries of the audit log.
    /// They get no derived `Debug`: `src/rpc/proto.rs` writes one that shows counts only, and the
    /// compiler refuses the two together.  A test there walks the descriptors and fails when a
    /// message is missing here.
    const REDACTED: [&str; 18] = [
        ".hvelv.v1.ApprovalParameter",
        ".hvelv.v1.DecideApprovalRequest",
        ".hvelv.v1.GrantBudgetRequest",
        ".hvelv.v1.IdentifierBatch",
        ".hvelv.v1.IdentifierBatch.column",
        ".hvelv.v1.IntegerColumn",
        ".hvelv.v1.ListEntriesResponse",
        ".hvelv.v1.PseudonymizeRequest",
        ".hvelv.v1.PseudonymizeResponse",
        ".hvelv.v1.PseudonymizeStreamRequest",
        ".hvelv.v1.PseudonymizeStreamRequest.message",
        ".hvelv.v1.PseudonymizeStreamResponse",
        ".hvelv.v1.PseudonymizeStreamResponse.message",
        ".hvelv.v1.RegisterIds",
        ".hvelv.v1.RequestApprovalRequest",
        ".hvelv.v1.RowNote",
        ".hvelv.v1.TextColumn",
        ".hvelv.v1.UnsealRequest",
    ];

    /// Fields that are taken out of the receive buffer without a copy.
    const ZERO_COPY: [&str; 1] = [".hvelv.v1.IdentifierBatch.packed_ascii"];

    pub(super) fn compile() -> Result<(), Box<dyn std::error::Error>> {
        let mut compiler = protox::Compiler::new(["proto"])?;
        compiler.include_imports(true).include_source_info(true).open_files(FILES)?;
        let out_dir = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
        std::fs::write(
            out_dir.join("hvelv_descriptor.bin"),
            compiler.encode_file_descriptor_set(),
        )?;
        let mut builder = tonic_prost_build::configure().skip_debug(REDACTED);
        for field in ZERO_COPY {
            builder = builder.bytes(field);
        }
        builder.compile_fds(compiler.file_descriptor_set())?;
        Ok(())
    }
}
