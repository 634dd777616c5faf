//! Reservations and consents, with canaries as persons and wherever else a sender can put text.

use prost::Message as _;

use hvelv::rpc::proto::rights_service_client::RightsServiceClient;
use hvelv::rpc::proto::*;

use super::calls::Calls;
use super::canaries::{ADDRESS, Canaries, NAME};
use super::world::World;

impl Calls<'_> {
    /// Whoever may, and whoever may not.
    pub(crate) async fn rights(&mut self) {
        for caller in ["rights", "pipeline"] {
            self.rights_as(caller).await;
        }
        for caller in ["quality", "rights", "pipeline"] {
            self.quality_as(caller).await;
        }
    }

    /// Rights of canaries, and canaries wherever else a sender can put text.
    async fn rights_as(&mut self, caller: &str) {
        let mut client = RightsServiceClient::new(self.channel(Some(caller)).await);
        let subject = |register: &str, identifier: String| {
            let r#type = IdentifierType::Any.into();
            let assigner = String::new();
            Some(RightsSubject { register: register.to_owned(), r#type, identifier, assigner })
        };
        let canary = self.canaries.digits(9);
        let malformed = self.canaries.malformed.iter().take(5).cloned();
        let mut asked = vec![(subject("KPR", canary.clone()), "with_identifier", "letter")];
        asked.extend(malformed.map(|bad| (subject("KPR", bad), "with_identifier", "letter")));
        asked.push((subject("KPR", canary.clone()), "unheard_of", "letter"));
        asked.push((subject("KPR", canary.clone()), &canary, &canary));
        asked.push((subject(&canary, canary.clone()), "with_identifier", "letter"));
        for (subject, r#use, channel) in asked {
            let (r#use, channel) = (r#use.to_owned(), channel.to_owned());
            let subject = || subject.clone();
            let request = SetReservationRequest {
                subject: subject(),
                r#use: r#use.clone(),
                channel: channel.clone(),
            };
            let came = client.set_reservation(request).await;
            self.note("hvelv.v1.RightsService/SetReservation", came);
            let came = client.get_rights(GetRightsRequest { subject: subject() }).await;
            if let Some(rights) = self.note("hvelv.v1.RightsService/GetRights", came) {
                self.world.capture("rights.bin", &rights.encode_to_vec());
            }
            // The second time there is nothing to lift.
            for _ in 0..2 {
                let request = LiftReservationRequest {
                    subject: subject(),
                    r#use: r#use.clone(),
                    channel: channel.clone(),
                };
                let came = client.lift_reservation(request).await;
                self.note("hvelv.v1.RightsService/LiftReservation", came);
            }
        }
        self.innsyn(&mut client, &canary).await;
        let purposes = [vec!["quality_improvement".to_owned()], vec![canary.clone()], Vec::new()];
        for (register, purposes) in ["REHAB", "KPR", canary.as_str()].into_iter().zip(purposes) {
            let channel = "helsenorge".to_owned();
            let subject = subject(register, canary.clone());
            let request =
                GiveConsentRequest { subject: subject.clone(), purposes, channel: channel.clone() };
            let came = client.give_consent(request).await;
            self.note("hvelv.v1.RightsService/GiveConsent", came);
            for _ in 0..2 {
                let request =
                    WithdrawConsentRequest { subject: subject.clone(), channel: channel.clone() };
                let came = client.withdraw_consent(request).await;
                self.note("hvelv.v1.RightsService/WithdrawConsent", came);
            }
        }
    }
}

impl Calls<'_> {
    /// Innsyn for a canary, for somebody malformed, with canaries as facts, and refused.
    async fn innsyn(
        &mut self,
        client: &mut RightsServiceClient<tonic::transport::Channel>,
        canary: &str,
    ) {
        let facts = |acting: &str, life: &str| InnsynFacts {
            acting: acting.to_owned(),
            way: "manual".to_owned(),
            life: life.to_owned(),
            ..InnsynFacts::default()
        };
        let malformed = self.canaries.malformed[0].clone();
        for (identifier, facts) in [
            (canary.to_owned(), facts("self", "alive")),
            (canary.to_owned(), facts("parent", "alive")),
            (canary.to_owned(), facts(canary, canary)),
            (malformed, facts("self", "alive")),
        ] {
            let request = GetInnsynRequest {
                r#type: IdentifierType::Any.into(),
                identifier,
                facts: Some(facts),
                ..GetInnsynRequest::default()
            };
            let came = client.get_innsyn(request).await;
            if let Some(told) = self.note("hvelv.v1.RightsService/GetInnsyn", came) {
                self.world.capture("innsyn.bin", &told.encode_to_vec());
            }
        }
    }
}

impl Calls<'_> {
    /// Consents of canaries to a quality register, and canaries wherever else a sender can put text.
    async fn quality_as(&mut self, caller: &str) {
        let mut client = RightsServiceClient::new(self.channel(Some(caller)).await);
        let canary = self.canaries.digits(9);
        let malformed = self.canaries.malformed[0].clone();
        for (identifier, code, said) in [
            (canary.clone(), "DIABETES", "given"),
            (canary.clone(), "DIABETES", "reservation_lifted"),
            (canary.clone(), "MS", "withdrawn"),
            (canary.clone(), &*canary, &*canary),
            (malformed.clone(), "DIABETES", "given"),
        ] {
            let subject = RightsSubject {
                register: "NPR".to_owned(),
                r#type: IdentifierType::Any.into(),
                identifier: identifier.clone(),
                assigner: String::new(),
            };
            let request = RecordQualityConsentRequest {
                subject: Some(subject),
                quality_register: code.to_owned(),
                said: said.to_owned(),
                on: Some(CalendarDate { year: 2025, month: 1, day: 2 }),
                channel: "letter".to_owned(),
            };
            let came = client.record_quality_consent(request).await;
            self.note("hvelv.v1.RightsService/RecordQualityConsent", came);
            let values = vec![identifier, canary.clone(), malformed.clone()];
            let text = TextColumn { values, ..TextColumn::default() };
            let by_identifier = IdentifierBatch {
                r#type: IdentifierType::Any.into(),
                column: Some(identifier_batch::Column::Text(text)),
                ..IdentifierBatch::default()
            };
            let ids: Vec<u64> = self.ids.iter().copied().take(20).chain([7]).collect();
            for (identifiers, ids) in [(Some(by_identifier), Vec::new()), (None, ids)] {
                let request = CheckQualityConsentsRequest {
                    register: "NPR".to_owned(),
                    quality_register: code.to_owned(),
                    identifiers,
                    ids,
                };
                let came = client.check_quality_consents(request).await;
                if let Some(told) = self.note("hvelv.v1.RightsService/CheckQualityConsents", came) {
                    self.world.capture("quality.bin", &told.encode_to_vec());
                }
            }
        }
    }
}

/// Reservations and consents of a canary.
pub(crate) fn commands(world: &mut World, canaries: &Canaries) {
    let [two, three] = [1, 2].map(|place| canaries.digits(place));
    write_private(world, "person", &format!("{three}\n"));
    write_private(world, "persons", &format!("{three}\n{two}\n"));
    let person = "--identifier-file secret/person @rights";
    let set = format!("--register KPR --use with_identifier --channel letter {person}");
    world.run(&format!("reservation set {set}"), 0);
    world.run(&format!("reservation show --register KPR {person}"), 0);
    world.run(&format!("reservation show --register KPR --json {person}"), 0);
    world.run(&format!("reservation lift {set}"), 0);
    world.run(&format!("reservation lift {set}"), 5);
    world.run(&format!("reservation set {}", set.replace("@rights", "@stranger")), 4);
    world.run(&format!("reservation set {}", set.replace("person", "persons")), 2);
    world.run(&format!("reservation set {}", set.replace("with_identifier", "unheard_of")), 2);
    world.run(
        &format!("innsyn --as self --way manual --life alive --html captured/innsyn.html {person}"),
        0,
    );
    world.run(&format!("innsyn --as self --way manual --life alive --json {person}"), 0);
    world.run(&format!("innsyn --as parent --way manual --life alive --json {person}"), 5);
    let give = format!("--register REHAB --purpose quality_improvement --channel letter {person}");
    world.run(&format!("consent give {give}"), 0);
    world.run(&format!("consent give {}", give.replace("REHAB", "NPR")), 5);
    contacts(world, [&two, &three]);
    let state = format!(
        "consent state --register NPR --quality-register DIABETES --on 2025-01-02 --channel letter \
         --said given {person}"
    );
    // Nobody has delivered this one to NPR, or somebody has: refused, or in force.
    world.run(&state.replace("2025-", "2999-"), 2);
    world.run(&state.replace("DIABETES", "UNHEARD-OF"), 2);
    world.run(&state.replace("@rights", "@stranger"), 4);
    let check = "consent check --register NPR --quality-register DIABETES";
    world.run(&format!("{check} --identifiers secret/persons @quality"), 0);
    world.run(&format!("{check} --ids secret/persons --json @quality"), 0);
    world.run(&format!("{check} --ids secret/persons @rights"), 4);
    let pair = "--from IPLOS --into KPR";
    let why = "--minutes 5 --purpose p --provision q";
    // The approval was used, so that there is none for this purpose.
    let other = why.replace("--purpose p", "--purpose another");
    world.run(&format!("convert open {pair} {other} @officer"), 5);
    world.run(&format!("convert ids {pair} --output output/pairs.csv secret/persons @quality"), 5);
    world.run(&format!("convert close {pair} @officer"), 5);
    let withdraw = format!("--register REHAB --channel letter {person}");
    world.run(&format!("consent withdraw {withdraw}"), 0);
    world.run(&format!("consent withdraw {withdraw}"), 5);
}

/// A file that only its owner may read, where nothing is searched.
pub(crate) fn write_private(world: &World, name: &str, text: &str) {
    let path = world.path("secret").join(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
}

/// Names and addresses of canaries: of one who withdraws the consent afterwards, and of one who does not.
fn contacts(world: &mut World, [two, three]: [&str; 2]) {
    write_private(world, "another", &format!("{two}\n"));
    let give = "consent give --register REHAB --purpose quality_improvement --channel letter";
    world.run(&format!("{give} --identifier-file secret/another @rights"), 0);
    let rows = [two, three].map(|digits| format!("{digits};\"{NAME}\";\"{ADDRESS}\"\n"));
    let text = format!("fnr;navn;adresse\n{}", rows.concat());
    std::fs::write(world.path("input/contacts.csv"), text).unwrap();
    let columns = "--id-column fnr --name-column navn --address-column adresse";
    let send = |register: &str, columns: &str| {
        format!("pseudonymize @pipeline --register {register} {columns} input/contacts.csv")
    };
    let rehab = send("REHAB --source LOKAL --period 2026", columns);
    world.run(&format!("{rehab} output/contacts.csv"), 0);
    let npr = send("NPR --source HF --period 2026", columns);
    world.run(&format!("{npr} output/contacts-npr.csv"), 2);
    let text = format!("fnr;navn;adresse\n{two};x;\"{}\"\n", ADDRESS.repeat(20));
    std::fs::write(world.path("input/contacts-long.csv"), text).unwrap();
    let long = rehab.replace("contacts.csv", "contacts-long.csv");
    world.run(&format!("{long} output/contacts-long.csv"), 6);
}
