//! What operators do besides: backups, what a restore has lost, retention of the log.

use hvelv::rpc::proto::audit_service_client::AuditServiceClient;
use hvelv::rpc::proto::operator_service_client::OperatorServiceClient;
use hvelv::rpc::proto::*;

use super::Calls;

impl Calls<'_> {
    /// Backups, with canaries where a sender can put text.
    pub(super) async fn backups(&mut self, caller: &str) {
        let mut client = OperatorServiceClient::new(self.channel(Some(caller)).await);
        let canary = self.canaries.digits(9);
        let key = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p".to_owned();
        for (recipient, since) in [(key, String::new()), (canary.clone(), canary)] {
            let request = BackupRequest { recipients: vec![recipient], since };
            let came = client.backup(request).await;
            let Some(mut parts) = self.note("hvelv.v1.OperatorService/Backup", came) else {
                continue;
            };
            while let Some(part) = parts.message().await.unwrap() {
                self.world.capture("backup.txt", format!("{part:?}").as_bytes());
                if let Some(backup_response::Part::Data(bytes)) = part.part {
                    self.world.capture("backup.age", &bytes);
                }
            }
        }
        // Refused without an approval, and again when it is used; there is nothing to prune.
        for approved in [false, true] {
            if approved {
                let about = "entries older than 1827 days";
                self.approve_as(caller, ApprovalAct::PruneAudit, about, &[]).await;
            }
            let mut audit = AuditServiceClient::new(self.channel(Some(caller)).await);
            for retention_days in [0, 1827, u64::MAX] {
                let came = audit.prune_entries(PruneEntriesRequest { retention_days }).await;
                self.note("hvelv.v1.AuditService/PruneEntries", came);
            }
        }
        let came = client.get_restore(GetRestoreRequest {}).await;
        self.note("hvelv.v1.OperatorService/GetRestore", came);
        let came = client.accept_restore(AcceptRestoreRequest {}).await;
        self.note("hvelv.v1.OperatorService/AcceptRestore", came);
    }
}
