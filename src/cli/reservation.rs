//! `hvelv reservation`: what persons are reserved against, and what is in force for a person.

use serde_json::json;

use super::error::{Error, Exit};
use super::output;
use super::subject::SubjectOptions;
use crate::rpc::proto::{
    GetRightsRequest, GetRightsResponse, LiftReservationRequest, RightsFact, SetReservationRequest,
};

/// Examples for the help text.
pub(super) const EXAMPLES: &str = "\
Examples:
  hvelv reservation set --register KPR --use secondary_purposes --channel letter \\
    --connect keys/dev/rights.toml
  hvelv reservation show --register KPR --identifier-file person.txt --connect keys/dev/rights.toml

What persons can be reserved against is in the catalogue: hvelv registers KPR. A reservation is in
force at once. Needs the role rights; each call stands in the audit log, without the identifier.";

const SET_EXAMPLES: &str = "\
Examples:
  hvelv reservation set --register KPR --use with_identifier --channel helsenorge \\
    --connect keys/dev/rights.toml";

const LIFT_EXAMPLES: &str = "\
Examples:
  hvelv reservation lift --register KPR --use with_identifier --channel helsenorge \\
    --identifier-file - --connect keys/dev/rights.toml < person.txt";

const SHOW_EXAMPLES: &str = "\
Examples:
  hvelv reservation show --register KPR --connect keys/dev/rights.toml
  hvelv reservation show --register REHAB --identifier-file person.txt --json \\
    --connect keys/dev/rights.toml

Shows reservations and consents that are in force, and everything that was ever recorded.";

/// Records and lifts reservations of a person, and shows what is in force.
#[derive(Debug, clap::Args)]
pub(super) struct ReservationCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Records that a person is reserved against a use.
    #[command(after_help = SET_EXAMPLES)]
    Set(ChangeOptions),
    /// Ends a reservation.
    #[command(after_help = LIFT_EXAMPLES)]
    Lift(ChangeOptions),
    /// Shows reservations and consents of a person in a register.
    #[command(after_help = SHOW_EXAMPLES)]
    Show(ShowOptions),
}

#[derive(Debug, clap::Args)]
struct ChangeOptions {
    /// Against what: a use, as the catalogue names it.
    #[arg(long = "use", value_name = "USE")]
    reserved_use: String,

    /// How it came: helsenorge, institution, letter or register.
    #[arg(long, value_name = "CHANNEL")]
    channel: String,

    #[command(flatten)]
    subject: SubjectOptions,
}

#[derive(Debug, clap::Args)]
struct ShowOptions {
    #[command(flatten)]
    subject: SubjectOptions,
}

/// Runs the command.
///
/// # Errors
///
/// No identifier, no connection, or what the server says.
pub(super) fn run(command: &ReservationCommand) -> Result<Exit, Error> {
    match &command.action {
        Action::Lift(options) => lift(options),
        Action::Set(options) => set(options),
        Action::Show(options) => show(&options.subject),
    }
}

fn set(options: &ChangeOptions) -> Result<Exit, Error> {
    let request = SetReservationRequest {
        subject: Some(options.subject.read()?),
        r#use: options.reserved_use.clone(),
        channel: options.channel.clone(),
    };
    let answered = options
        .subject
        .ask(async |client| Ok(client.set_reservation(request).await?.into_inner()))?;
    tell(&options.subject, "reserved", answered.audit_entry)
}

fn lift(options: &ChangeOptions) -> Result<Exit, Error> {
    let request = LiftReservationRequest {
        subject: Some(options.subject.read()?),
        r#use: options.reserved_use.clone(),
        channel: options.channel.clone(),
    };
    let answered = options
        .subject
        .ask(async |client| Ok(client.lift_reservation(request).await?.into_inner()))?;
    tell(&options.subject, "lifted", answered.audit_entry)
}

fn show(subject: &SubjectOptions) -> Result<Exit, Error> {
    let request = GetRightsRequest { subject: Some(subject.read()?) };
    let rights = subject.ask(async |client| Ok(client.get_rights(request).await?.into_inner()))?;
    if subject.json {
        output::json(&as_json(&rights));
    } else {
        as_text(&rights).iter().for_each(|line| output::result(line));
    }
    Ok(Exit::Success)
}

/// Says that something is recorded.
///
/// # Errors
///
/// None.
pub(super) fn tell(subject: &SubjectOptions, what: &str, entry: u64) -> Result<Exit, Error> {
    if subject.json {
        output::json(&json!({ "audit_entry": entry }));
    }
    output::note(&format!("{what}: entry {entry} of the audit log"));
    Ok(Exit::Success)
}

fn listed(words: &[String]) -> String {
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}

fn as_text(rights: &GetRightsResponse) -> Vec<String> {
    let heads = [
        format!("reserved against: {}", listed(&rights.reservations)),
        format!("consents to: {}", listed(&rights.consented)),
    ];
    let facts = rights.facts.iter().map(|fact| {
        let RightsFact { kind, r#use, purposes, at, principal, channel, quality_register, on } =
            fact;
        let what = match (purposes.is_empty(), on.is_empty()) {
            (_, false) => format!("{quality_register}, said on {on}"),
            (true, true) => r#use.clone(),
            (false, true) => purposes.join(", "),
        };
        let what = if what.is_empty() { what } else { format!(" {what}") };
        format!("  {at}  {kind}{what}, by {principal}, through {channel}")
    });
    heads.into_iter().chain(facts).collect()
}

fn as_json(rights: &GetRightsResponse) -> serde_json::Value {
    let facts = rights.facts.iter().map(|fact| {
        let mut value = json!({
            "kind": fact.kind,
            "at": fact.at,
            "principal": fact.principal,
            "channel": fact.channel,
        });
        if !fact.r#use.is_empty() {
            value["use"] = fact.r#use.clone().into();
        }
        if !fact.purposes.is_empty() {
            value["purposes"] = fact.purposes.clone().into();
        }
        if !fact.on.is_empty() {
            value["quality_register"] = fact.quality_register.clone().into();
            value["on"] = fact.on.clone().into();
        }
        value
    });
    json!({
        "reservations": rights.reservations,
        "consented": rights.consented,
        "facts": facts.collect::<Vec<_>>(),
        "audit_entry": rights.audit_entry,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_force_stands_above_what_was_recorded() {
        let fact = |kind: &str, r#use: &str, purposes: &[&str]| RightsFact {
            kind: kind.into(),
            r#use: r#use.into(),
            purposes: purposes.iter().map(ToString::to_string).collect(),
            at: "2026-03-01T12:00:00Z".into(),
            principal: "per.rights".into(),
            channel: "letter".into(),
            ..RightsFact::default()
        };
        let to_quality = RightsFact {
            quality_register: "DIABETES".into(),
            on: "2026-02-28".into(),
            ..fact("quality_consent_given", "", &[])
        };
        let rights = GetRightsResponse {
            reservations: vec!["with_identifier".into()],
            consented: Vec::new(),
            facts: vec![
                fact("consent_given", "", &["research", "statistics"]),
                fact("consent_withdrawn", "", &[]),
                fact("reservation_set", "with_identifier", &[]),
                to_quality,
            ],
            audit_entry: 7,
        };
        let end = ", by per.rights, through letter";
        let lines = [
            "reserved against: with_identifier".to_owned(),
            "consents to: none".to_owned(),
            format!("  2026-03-01T12:00:00Z  consent_given research, statistics{end}"),
            format!("  2026-03-01T12:00:00Z  consent_withdrawn{end}"),
            format!("  2026-03-01T12:00:00Z  reservation_set with_identifier{end}"),
            format!(
                "  2026-03-01T12:00:00Z  quality_consent_given DIABETES, said on 2026-02-28{end}"
            ),
        ];
        assert_eq!(as_text(&rights), lines);
        let value = as_json(&rights);
        assert_eq!(value["facts"][0]["purposes"][1], "statistics");
        assert!(value["facts"][1].get("use").is_none() && value["audit_entry"] == 7);
    }
}
