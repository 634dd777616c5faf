//! Events about canaries, and canaries wherever else a sender can put text.

use hvelv::rpc::proto::identity_service_client::IdentityServiceClient;
use hvelv::rpc::proto::*;

use super::calls::Calls;
use super::canaries::Canaries;
use super::search::files;
use super::world::World;

impl Calls<'_> {
    /// Whoever may, and whoever may not.
    pub(crate) async fn identities(&mut self) {
        for caller in ["identity", "custodian", "pipeline"] {
            self.identities_as(caller).await;
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
