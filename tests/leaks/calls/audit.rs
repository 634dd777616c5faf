//! The audit log: read, proven, and with receipts.

use hvelv::rpc::proto::audit_service_client::AuditServiceClient;
use hvelv::rpc::proto::*;
use prost::Message as _;

use super::Calls;

impl Calls<'_> {
    pub(super) async fn audit(&mut self, caller: &str) {
        let mut client = AuditServiceClient::new(self.channel(Some(caller)).await);
        let came = client.get_checkpoint(GetCheckpointRequest {}).await;
        if let Some(checkpoint) = self.note("hvelv.v1.AuditService/GetCheckpoint", came) {
            self.world.capture("audit.bin", &checkpoint.encode_to_vec());
        }
        for number in [1, u64::MAX, self.canaries.numbers[7]] {
            let request = GetInclusionProofRequest { index: number - 1, tree_size: number };
            let came = client.get_inclusion_proof(request).await;
            self.note("hvelv.v1.AuditService/GetInclusionProof", came);
            let request = GetConsistencyProofRequest { old_size: 1, new_size: number };
            let came = client.get_consistency_proof(request).await;
            self.note("hvelv.v1.AuditService/GetConsistencyProof", came);
            let came = client.get_receipt(GetReceiptRequest { index: number - 1 }).await;
            self.note("hvelv.v1.AuditService/GetReceipt", came);
        }
        const LIST: &str = "hvelv.v1.AuditService/ListEntries";
        let came = client.list_entries(ListEntriesRequest { start: 0, count: 0 }).await;
        let Some(mut entries) = self.note(LIST, came) else { return };
        let mut own = None;
        while let Some(entry) = entries.message().await.unwrap() {
            let body = String::from_utf8_lossy(&entry.body);
            if body.contains("audit_read") && body.contains(&format!("\"{caller}\"")) {
                own = Some(entry.index);
            }
            self.world.capture("audit.bin", &entry.encode_to_vec());
        }
        if let Some(index) = own {
            let came = client.get_receipt(GetReceiptRequest { index }).await;
            let receipt = self.note("hvelv.v1.AuditService/GetReceipt", came).unwrap();
            self.world.capture("audit.bin", &receipt.encode_to_vec());
        }
    }
}
