//! Compiles the protos to Rust, with the `server` feature only.
//!
//! protox reads the protos, so that a plain clone builds without protoc.  The file descriptor set is
//! written beside the code: reflection serves it, and tests walk it.

#[expect(clippy::disallowed_methods, reason = "cargo tells a build script by its environment")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=proto");
    // What counts and benchmarks say of themselves: without optimisation they tell nothing.
    println!("cargo::rustc-env=HVELV_OPT_LEVEL={}", std::env::var("OPT_LEVEL")?);
    #[cfg(feature = "server")]
    protos::compile()?;
    Ok(())
}

#[cfg(feature = "server")]
mod protos {
    use std::path::PathBuf;

    /// Every proto of the interface.
    const FILES: [&str; 14] = [
        "hvelv/v1/alias.proto",
        "hvelv/v1/approval.proto",
        "hvelv/v1/audit.proto",
        "hvelv/v1/catalogue.proto",
        "hvelv/v1/conversion.proto",
        "hvelv/v1/disclosure.proto",
        "hvelv/v1/erasure.proto",
        "hvelv/v1/identity.proto",
        "hvelv/v1/ingest.proto",
        "hvelv/v1/operator.proto",
        "hvelv/v1/quality.proto",
        "hvelv/v1/reveal.proto",
        "hvelv/v1/rights.proto",
        "hvelv/v1/rights_subject.proto",
    ];

    /// Messages and oneofs that hold, or contain what holds, identifiers, register IDs, secrets,
    /// entries of the audit log, or free text before it is looked at.
    /// They get no derived `Debug`: `src/rpc/proto.rs` writes one that shows counts only, and the
    /// compiler refuses the two together.  A test there walks the descriptors and fails when a
    /// message is missing here.
    const REDACTED: &[&str] = &[
        ".hvelv.v1.Alias",
        ".hvelv.v1.Application",
        ".hvelv.v1.ApplicationRequest",
        ".hvelv.v1.ApplyEventsRequest",
        ".hvelv.v1.ApprovalParameter",
        ".hvelv.v1.AssessCaseRequest",
        ".hvelv.v1.AssessCaseResponse",
        ".hvelv.v1.Bridge",
        ".hvelv.v1.BridgeIn",
        ".hvelv.v1.BridgeIssued",
        ".hvelv.v1.BridgeOut",
        ".hvelv.v1.CaseStep",
        ".hvelv.v1.CheckQualityConsentsRequest",
        ".hvelv.v1.CheckQualityConsentsResponse",
        ".hvelv.v1.CloseDisclosureResponse",
        ".hvelv.v1.CompleteDisclosureResponse",
        ".hvelv.v1.ConfirmBridgeDeletionResponse",
        ".hvelv.v1.ConfirmDeletionResponse",
        ".hvelv.v1.Contacts",
        ".hvelv.v1.ConvertIdsRequest",
        ".hvelv.v1.ConvertIdsResponse",
        ".hvelv.v1.ConvertOneWayIdsRequest",
        ".hvelv.v1.ConvertOneWayIdsResponse",
        ".hvelv.v1.DataScope",
        ".hvelv.v1.DecideApprovalRequest",
        ".hvelv.v1.DecideCaseRequest",
        ".hvelv.v1.DecideCaseRequest.decision",
        ".hvelv.v1.DecideCaseResponse",
        ".hvelv.v1.Decision",
        ".hvelv.v1.DeletionOrder",
        ".hvelv.v1.DeliveryHeader",
        ".hvelv.v1.Disclosure",
        ".hvelv.v1.ErasureCase",
        ".hvelv.v1.GetApplicationResponse",
        ".hvelv.v1.GetCaseResponse",
        ".hvelv.v1.GetDisclosureResponse",
        ".hvelv.v1.GetInnsynRequest",
        ".hvelv.v1.GetInnsynResponse",
        ".hvelv.v1.GetRightsRequest",
        ".hvelv.v1.GetRightsResponse",
        ".hvelv.v1.GiveConsentRequest",
        ".hvelv.v1.GiveShareRequest",
        ".hvelv.v1.GrantBudgetRequest",
        ".hvelv.v1.GetReceiptResponse",
        ".hvelv.v1.IdChange",
        ".hvelv.v1.IdentifierBatch",
        ".hvelv.v1.IdentifierBatch.column",
        ".hvelv.v1.IdentifierColumn",
        ".hvelv.v1.IdentifierException",
        ".hvelv.v1.IdentifySerialRequest",
        ".hvelv.v1.IdentifySerialResponse",
        ".hvelv.v1.IdentityEvent",
        ".hvelv.v1.InnsynAccess",
        ".hvelv.v1.InnsynBridge",
        ".hvelv.v1.InnsynCase",
        ".hvelv.v1.InnsynDisclosure",
        ".hvelv.v1.InnsynFact",
        ".hvelv.v1.InnsynFacts",
        ".hvelv.v1.InnsynKept",
        ".hvelv.v1.InnsynOrganisation",
        ".hvelv.v1.InnsynQualityConsent",
        ".hvelv.v1.InnsynRegister",
        ".hvelv.v1.InnsynRegisterIds",
        ".hvelv.v1.InnsynReport",
        ".hvelv.v1.InnsynSource",
        ".hvelv.v1.InnsynTerm",
        ".hvelv.v1.IntegerColumn",
        ".hvelv.v1.IssueBridgeRequest",
        ".hvelv.v1.IssueBridgeResponse",
        ".hvelv.v1.IssueSerialsRequest",
        ".hvelv.v1.IssueSerialsRequest.message",
        ".hvelv.v1.IssueSerialsResponse",
        ".hvelv.v1.IssueSerialsResponse.message",
        ".hvelv.v1.IssueSurrogatesRequest",
        ".hvelv.v1.IssueSurrogatesRequest.message",
        ".hvelv.v1.IssueSurrogatesResponse",
        ".hvelv.v1.LiftReservationRequest",
        ".hvelv.v1.LinkIdentifiersRequest",
        ".hvelv.v1.LinkingParty",
        ".hvelv.v1.UnlinkIdentifiersRequest",
        ".hvelv.v1.LoadBridgeRequest",
        ".hvelv.v1.LoadBridgeRequest.message",
        ".hvelv.v1.LoadBridgeResponse",
        ".hvelv.v1.ListAliasesResponse",
        ".hvelv.v1.ListReissuesResponse",
        ".hvelv.v1.LoadAliasesRequest",
        ".hvelv.v1.Reissue",
        ".hvelv.v1.ReissueIdsRequest",
        ".hvelv.v1.ReissueIdsResponse",
        ".hvelv.v1.ListApplicationsResponse",
        ".hvelv.v1.ListBridgesResponse",
        ".hvelv.v1.ListCasesResponse",
        ".hvelv.v1.ListDisclosuresResponse",
        ".hvelv.v1.ListEntriesResponse",
        ".hvelv.v1.ListIdChangesResponse",
        ".hvelv.v1.ListProtectedLinksResponse",
        ".hvelv.v1.ListOrdersResponse",
        ".hvelv.v1.OpenConversionRequest",
        ".hvelv.v1.OpenDisclosureRequest",
        ".hvelv.v1.OpenDisclosureResponse",
        ".hvelv.v1.OtherSource",
        ".hvelv.v1.ProtectedLink",
        ".hvelv.v1.PseudonymizeRequest",
        ".hvelv.v1.PseudonymizeResponse",
        ".hvelv.v1.PseudonymizeStreamRequest",
        ".hvelv.v1.PseudonymizeStreamRequest.message",
        ".hvelv.v1.PseudonymizeStreamResponse",
        ".hvelv.v1.PseudonymizeStreamResponse.message",
        ".hvelv.v1.ReceiveApplicationRequest",
        ".hvelv.v1.ReceiveApplicationResponse",
        ".hvelv.v1.ReceiveCaseRequest",
        ".hvelv.v1.ReceiveCaseResponse",
        ".hvelv.v1.RecordQualityConsentRequest",
        ".hvelv.v1.RecordDecisionRequest",
        ".hvelv.v1.RecordDecisionResponse",
        ".hvelv.v1.RecordDeliveryRequest",
        ".hvelv.v1.RecordDeliveryResponse",
        ".hvelv.v1.RefuseApplicationRequest",
        ".hvelv.v1.RefuseApplicationResponse",
        ".hvelv.v1.RegisterIdBatch",
        ".hvelv.v1.RegisterIds",
        ".hvelv.v1.RequestApprovalRequest",
        ".hvelv.v1.RestoredId",
        ".hvelv.v1.RevealIdentityRequest",
        ".hvelv.v1.RevealIdentityResponse",
        ".hvelv.v1.RevealedContact",
        ".hvelv.v1.RevealedIdentifier",
        ".hvelv.v1.RightsFact",
        ".hvelv.v1.RightsSubject",
        ".hvelv.v1.RouteApplicationRequest",
        ".hvelv.v1.RowNote",
        ".hvelv.v1.Serials",
        ".hvelv.v1.SetReservationRequest",
        ".hvelv.v1.SupersededId",
        ".hvelv.v1.TextColumn",
        ".hvelv.v1.UnsealRequest",
        ".hvelv.v1.ValueBatch",
        ".hvelv.v1.WithdrawApplicationRequest",
        ".hvelv.v1.WithdrawApplicationResponse",
        ".hvelv.v1.WithdrawCaseRequest",
        ".hvelv.v1.WithdrawCaseResponse",
        ".hvelv.v1.WithdrawConsentRequest",
    ];

    /// Fields that are taken out of the receive buffer without a copy.
    const ZERO_COPY: [&str; 3] = [
        ".hvelv.v1.IdentifierBatch.packed_ascii",
        ".hvelv.v1.ValueBatch.institutions",
        ".hvelv.v1.ValueBatch.values",
    ];

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
