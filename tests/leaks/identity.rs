//! Events about canaries, and canaries wherever else a sender can put text.

use hvelv::rpc::proto::alias_service_client::AliasServiceClient;
use hvelv::rpc::proto::identity_service_client::IdentityServiceClient;
use hvelv::rpc::proto::*;

use super::calls::Calls;
use super::canaries::{Canaries, LOCAL_NUMBER};
use super::search::files;
use super::world::World;

/// Who gives local numbers in a test.
const ASSIGNER: &str = "310000000";

impl Calls<'_> {
    /// Whoever may, and whoever may not.
    pub(crate) async fn identities(&mut self) {
        for caller in ["identity", "custodian", "pipeline", "linker"] {
            self.identities_as(caller).await;
            self.reissue(caller).await;
            self.aliases(caller).await;
            self.link(caller).await;
        }
    }

    async fn identities_as(&mut self, caller: &str) {
        let mut client = IdentityServiceClient::new(self.channel(Some(caller)).await);
        let (one, other) = (self.canaries.digits(13), self.canaries.digits(14));
        let event = |sequence, r#type: &str, other: &str| IdentityEvent {
            sequence,
            r#type: r#type.to_owned(),
            identifier: one.clone(),
            others: vec![other.to_owned()],
            ..IdentityEvent::default()
        };
        let events = vec![
            event(1, "endringIIdentifikasjonsnummer", &other),
            event(2, "personErEndretVedSplitting", &one),
            event(3, &one, &other),
            event(4, "endringIIdentifikasjonsnummer", &format!("{other}0")),
        ];
        for feed in ["folkeregisteret".to_owned(), one.clone()] {
            let request = ApplyEventsRequest { feed, events: events.clone() };
            let came = client.apply_events(request).await;
            self.note("hvelv.v1.IdentityService/ApplyEvents", came);
        }
        for register in ["NPR".to_owned(), one.clone()] {
            let (after, limit) = (0, 0);
            let request = ListIdChangesRequest { register: register.clone(), after, limit };
            let came = client.list_id_changes(request).await;
            // It holds IDs on purpose, as the rows of a batch do.
            self.note("hvelv.v1.IdentityService/ListIdChanges", came);
            let request = ListProtectedLinksRequest { register, after, limit };
            let came = client.list_protected_links(request).await;
            self.note("hvelv.v1.IdentityService/ListProtectedLinks", came);
        }
    }
}

impl Calls<'_> {
    /// New IDs for persons, one of them approved.
    async fn reissue(&mut self, caller: &str) {
        let canary = self.canaries.digits(17);
        let ids: Vec<String> = self.ids.iter().take(15).map(ToString::to_string).collect();
        let mut client = IdentityServiceClient::new(self.channel(Some(caller)).await);
        for id in &ids {
            let parameters =
                [("id", id.as_str()), ("reason", "leaked"), ("purpose", "p"), ("provision", "q")];
            self.approve_as("custodian", ApprovalAct::ReissueId, "NPR", &parameters).await;
        }
        let ids = ids.iter().map(String::as_str).chain([canary.as_str()]);
        for (id, purpose) in ids.map(|id| (id, "p")).chain([("1", canary.as_str())]) {
            let asked = ReissueIdsRequest {
                register: "NPR".to_owned(),
                id: id.to_owned(),
                reason: ReissueReason::Leaked.into(),
                purpose: purpose.to_owned(),
                provision: "q".to_owned(),
            };
            let came = client.reissue_ids(asked).await;
            self.note("hvelv.v1.IdentityService/ReissueIds", came);
        }
        for register in ["NPR".to_owned(), canary] {
            let asked = ListReissuesRequest { register, after: 0, limit: 0 };
            let came = client.list_reissues(asked).await;
            self.note("hvelv.v1.IdentityService/ListReissues", came);
        }
    }

    /// Rows of canaries: two of one kind, one alone, and malformed ones.
    async fn link(&mut self, caller: &str) {
        let mut client = IdentityServiceClient::new(self.channel(Some(caller)).await);
        let malformed = self.canaries.malformed.iter().take(40).cloned();
        let values = |from: usize| (from..from + 40).map(|place| self.canaries.digits(place));
        let columns =
            [values(20).chain(malformed.clone()).collect(), values(60).chain(malformed).collect()];
        let columns = columns.map(|values| {
            let r#type = IdentifierType::Any.into();
            IdentifierColumn { r#type, assigner: String::new(), values }
        });
        let canary = self.canaries.digits(19);
        self.state(&mut client).await;
        for (register, source) in [("NPR", "HF"), ("NPR", canary.as_str()), ("IPLOS", "KOMMUNE")] {
            let (register, source) = (register.to_owned(), source.to_owned());
            let columns = columns.to_vec();
            let asked = LinkIdentifiersRequest {
                register: register.clone(),
                source: source.clone(),
                columns: columns.clone(),
            };
            let came = client.link_identifiers(asked).await;
            self.note("hvelv.v1.IdentityService/LinkIdentifiers", came);
            let asked = UnlinkIdentifiersRequest { register, source, columns };
            let came = client.unlink_identifiers(asked).await;
            self.note("hvelv.v1.IdentityService/UnlinkIdentifiers", came);
        }
    }

    /// Rows that are linked, where the caller may: two identifiers, and one that an institution has given.
    async fn state(&mut self, client: &mut IdentityServiceClient<tonic::transport::Channel>) {
        let column = |r#type: IdentifierType, assigner: &str, value: String| IdentifierColumn {
            r#type: r#type.into(),
            assigner: assigner.to_owned(),
            values: vec![value],
        };
        let fnr = |place| column(IdentifierType::Any, "", self.canaries.digits(place));
        let local = column(IdentifierType::Local, ASSIGNER, LOCAL_NUMBER.to_owned());
        let mut outcomes = Vec::new();
        for columns in [vec![fnr(100), local.clone()], vec![fnr(101), local]] {
            let (register, source) = ("NPR".to_owned(), "HF".to_owned());
            let asked = LinkIdentifiersRequest { register, source, columns };
            let came = client.link_identifiers(asked).await;
            let came = self.note("hvelv.v1.IdentityService/LinkIdentifiers", came);
            outcomes.extend(came.iter().flat_map(LinkIdentifiersResponse::outcomes));
        }
        // Whoever is answered is told that the first row is linked: or the canaries would have gone no
        // further than the request.
        let is_linked =
            |one: &LinkOutcome| matches!(one, LinkOutcome::Linked | LinkOutcome::AlreadyOne);
        assert!(outcomes.first().is_none_or(is_linked), "{outcomes:?}");
    }

    /// Canaries as IDs from before.
    async fn aliases(&mut self, caller: &str) {
        let canary = self.canaries.digits(18);
        let mut client = AliasServiceClient::new(self.channel(Some(caller)).await);
        let ids: Vec<u64> = self.ids.iter().take(15).copied().chain([7]).collect();
        let existing_ids: Vec<String> = ids.iter().map(|_| canary.clone()).collect();
        for register in ["NPR".to_owned(), canary.clone()] {
            let asked = LoadAliasesRequest {
                register: register.clone(),
                ids: ids.clone(),
                existing_ids: existing_ids.clone(),
            };
            let came = client.load_aliases(asked).await;
            self.note("hvelv.v1.AliasService/LoadAliases", came);
            let existing_ids = existing_ids.clone();
            let asked = ConvertIdsRequest { register: register.clone(), existing_ids };
            let came = client.convert_ids(asked).await;
            self.note("hvelv.v1.AliasService/ConvertIds", came);
            let came =
                client.list_aliases(ListAliasesRequest { register, after: 0, limit: 0 }).await;
            self.note("hvelv.v1.AliasService/ListAliases", came);
        }
    }
}

/// A feed about canaries.
pub(crate) fn commands(world: &mut World, canaries: &Canaries) {
    let (one, other) = (canaries.digits(15), canaries.digits(16));
    let line = |sequence: u64| {
        format!(
            "{{\"sekvensnummer\":{sequence},\"hendelse\":{{\"hendelsestype\":\
             \"endringIIdentifikasjonsnummer\",\"folkeregisteridentifikator\":\"{one}\"}},\
             \"identifikatorer\":[\"{other}\"]}}\n"
        )
    };
    let path = world.path("secret").join("events");
    std::fs::write(&path, line(11)).unwrap();
    world.run("identity apply secret/events @identity", 0);
    world.run("identity apply secret/events --json @identity", 0);
    world.run("identity apply secret/events @stranger", 4);
    std::fs::write(&path, format!("{}{}", line(12), &line(13)[..60])).unwrap();
    world.run("identity apply secret/events @identity", 2);
    world.run("identity protected --register NPR @custodian", 0);
    // Nothing of KPR was replaced, and nothing of it loaded.
    world.run("identity reissued --register KPR @custodian", 0);
    std::fs::write(world.path("secret").join("reissue-id"), format!("id={one}\n")).unwrap();
    let reissue = "identity reissue --register NPR --reason leaked --purpose p --provision q";
    world.run(&format!("{reissue} secret/reissue-id @custodian"), 2);
    let pairs = format!("npr_id,old\n1,{one}\n{other},x\n");
    std::fs::write(world.path("secret").join("pairs.csv"), pairs).unwrap();
    let file = "--existing old secret/pairs.csv";
    world.run(&format!("alias load --register NPR --id npr_id {file} @pipeline"), 0);
    world.run(&format!("alias convert --register KPR {file} @pipeline"), 0);
    world.run("alias list --register KPR @pipeline", 0);
    let rows = format!("fnr,annet\n{one},{other}\n{other},\n");
    std::fs::write(world.path("secret").join("rows.csv"), rows).unwrap();
    let rows = "--register NPR --source HF --column fnr --column annet secret/rows.csv";
    world.run(&format!("identity link {rows} @linker"), 0);
    world.run(&format!("identity unlink {rows} @linker"), 0);
    world.run(&format!("identity link {rows} @pipeline"), 4);
    let told = world.run("identity changes --register NPR @pipeline", 0);
    assert!(told.contains(" superseded "), "{told}");
    // What it says are IDs, on purpose: it is an output as files are.
    for path in files(&[world.path("captured")]) {
        let is_told = std::fs::read(&path).is_ok_and(|bytes| bytes == told.as_bytes());
        if is_told {
            std::fs::rename(path, world.path("output/changes.txt")).unwrap();
        }
    }
}
