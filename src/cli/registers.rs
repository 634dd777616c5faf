//! `hvelv registers`: the catalogue, open to everybody.

use serde_json::{Value, json};

use super::connect::{Caller, Channel, ConnectOptions, block_on};
use super::error::{Error, Exit};
use super::output;
use crate::rpc::proto::catalogue_service_client::CatalogueServiceClient;
use crate::rpc::proto::{
    GetRegisterRequest, IdentityMode, ListRegistersRequest, Organisation, Register,
};

/// Examples for the help text.
pub(super) const EXAMPLES: &str = "\
Examples:
  hvelv registers --ca keys/dev/ca.pem
  hvelv registers NPR --ca keys/dev/ca.pem
  hvelv registers --json --connect keys/dev/pipeline.toml

Works without a client certificate, and while the server is sealed.";

/// Shows the registers and by which rules each works.
#[derive(Debug, clap::Args)]
pub(super) struct RegistersOptions {
    /// Shows one register in full, for example NPR.
    #[arg(value_name = "CODE")]
    register: Option<String>,

    /// Writes JSON.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    connection: ConnectOptions,
}

/// Runs the command.
///
/// # Errors
///
/// No connection, no such register.
pub(super) fn run(options: &RegistersOptions) -> Result<Exit, Error> {
    block_on(async {
        let channel = options.connection.channel(Caller::Anybody).await?;
        match &options.register {
            Some(code) => {
                let register = find(channel, code).await?;
                if options.json {
                    output::json(&as_json(&register));
                } else {
                    details(&register).iter().for_each(|line| output::result(line));
                }
            }
            None => {
                let registers = list(channel).await?;
                if options.json {
                    output::json(&registers.iter().map(as_json).collect());
                } else {
                    registers.iter().for_each(|register| output::result(&summary(register)));
                }
            }
        }
        Ok(Exit::Success)
    })
}

async fn list(channel: Channel) -> Result<Vec<Register>, Error> {
    let mut client = CatalogueServiceClient::new(channel);
    Ok(client.list_registers(ListRegistersRequest {}).await?.into_inner().registers)
}

/// Finds one register by its code.
///
/// # Errors
///
/// No such register: then the error lists those there are.
pub(super) async fn find(channel: Channel, code: &str) -> Result<Register, Error> {
    let request = GetRegisterRequest { code: code.to_owned() };
    let mut client = CatalogueServiceClient::new(channel.clone());
    match client.get_register(request).await {
        Ok(response) => response
            .into_inner()
            .register
            .ok_or_else(|| Error::internal("the server answered without a register")),
        Err(status) if status.code() == tonic::Code::NotFound => {
            let registers = list(channel).await?;
            let codes: Vec<&str> = registers.iter().map(|found| found.code.as_str()).collect();
            Err(Error::usage(format!("there is no register {code}"))
                .advise(format!("The registers are: {}.", codes.join(", "))))
        }
        Err(status) => Err(status.into()),
    }
}

fn mode_name(register: &Register) -> &'static str {
    match register.identity_mode() {
        IdentityMode::OneWay => "one-way",
        IdentityMode::Sealed => "sealed",
        IdentityMode::SealedWithContact => "sealed, with name and address",
        IdentityMode::Unspecified => "unknown",
    }
}

fn basis_name(register: &Register) -> &'static str {
    if register.consent_required { "consent" } else { "law" }
}

fn summary(register: &Register) -> String {
    let closed = if register.closed { ", closed" } else { "" };
    format!(
        "{:<10} {} ({}, {}{closed})",
        register.code,
        register.name_nb,
        mode_name(register),
        basis_name(register),
    )
}

fn details(register: &Register) -> Vec<String> {
    let sources = register.sources.iter().map(|source| format!("{} {}", source.code, source.name));
    let quality = register.quality_registers.iter();
    let quality = quality.map(|one| format!("{} {}", one.code, one.name));
    let state = if register.closed { "closed: takes no new data" } else { "open" };
    let mut lines = vec![
        format!("{}  {}", register.code, register.name_nb),
        field("english", &register.name_en),
        field("identities", mode_name(register)),
        field("basis", basis_name(register)),
        field("state", state),
        field("id column", &register.id_column),
    ];
    let lists = [
        ("controller", register.controllers.iter().map(organisation).collect()),
        ("processor", register.processors.iter().map(organisation).collect()),
        ("legal basis", register.legal_basis.clone()),
        ("purpose", register.purposes.clone()),
        ("source", sources.collect::<Vec<_>>()),
        ("reservation", register.reservation_uses.clone()),
        ("consents to", quality.collect()),
    ];
    for (name, values) in lists {
        lines.extend(values.iter().map(|value| field(name, value)));
    }
    lines
}

fn field(name: &str, value: &str) -> String {
    format!("  {name:<12} {value}")
}

fn organisation(organisation: &Organisation) -> String {
    let Organisation { name, valid_from, valid_to } = organisation;
    match (valid_from.is_empty(), valid_to.is_empty()) {
        (true, true) => name.clone(),
        _ => format!("{name}, {valid_from}–{valid_to}"),
    }
}

fn as_json(register: &Register) -> Value {
    let organisations = |list: &[Organisation]| -> Value {
        list.iter()
            .map(|found| {
                json!({
                    "name": found.name,
                    "valid_from": found.valid_from,
                    "valid_to": found.valid_to,
                })
            })
            .collect()
    };
    let sources: Value = register
        .sources
        .iter()
        .map(|source| json!({ "code": source.code, "name": source.name }))
        .collect();
    let quality_registers: Value = register
        .quality_registers
        .iter()
        .map(|one| json!({ "code": one.code, "name": one.name }))
        .collect();
    json!({
        "code": register.code,
        "name_nb": register.name_nb,
        "name_en": register.name_en,
        "controllers": organisations(&register.controllers),
        "processors": organisations(&register.processors),
        "legal_basis": register.legal_basis,
        "purposes": register.purposes,
        "sources": sources,
        "identity_mode": mode_name(register),
        "consent_required": register.consent_required,
        "closed": register.closed,
        "id_column": register.id_column,
        "reservation_uses": register.reservation_uses,
        "quality_registers": quality_registers,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpc::proto::Source;

    #[test]
    fn a_register_is_shown_with_its_rules_and_sources() {
        let register = Register {
            code: "IPLOS".to_owned(),
            name_nb: "IPLOS-registeret".to_owned(),
            identity_mode: IdentityMode::OneWay.into(),
            closed: true,
            id_column: "iplos_id".to_owned(),
            sources: vec![Source { code: "KOMMUNE".to_owned(), name: "Kommunene".to_owned() }],
            controllers: vec![Organisation {
                name: "FHI".to_owned(),
                valid_from: "2024-01-01".to_owned(),
                valid_to: String::new(),
            }],
            ..Register::default()
        };
        assert_eq!(summary(&register), "IPLOS      IPLOS-registeret (one-way, law, closed)");
        let text = details(&register).join("\n");
        for part in ["KOMMUNE Kommunene", "FHI, 2024-01-01–", "takes no new data", "iplos_id"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert_eq!(as_json(&register)["sources"][0]["code"], "KOMMUNE");
    }
}
