//! Applications, decisions and disclosures as people and as machines read them.
//!
//! The JSON of a request and of a decision is that of the files that describe a disclosure.

use serde_json::{Value, json};

use crate::cli::error::Error;
use crate::cli::output::day;
use crate::disclosure::application::Request;
use crate::rpc::proto::generalisation::Kind;
use crate::rpc::proto::{
    Application, ApplicationRequest, Decision, Disclosure, ExtractDelivery, HistoryStep,
    LinkingParty, RegisterTerms, SecondaryIdentifier, Variable,
};

/// A line of details: what, and which.
fn detail(what: &str, which: &str) -> String {
    format!("  {what:<16} {which}")
}

/// The columns of a list of applications.
pub(in crate::cli) fn application_heading() -> String {
    let [application, state, purpose, registers] = ["application", "state", "purpose", "registers"];
    format!("{application:<14} {state:<10} {purpose:<26} {registers:<20} recipient")
}

/// An application in a list.
pub(in crate::cli) fn application_line(application: &Application) -> String {
    let Application { id, state, recipient, recipient_class, .. } = application;
    let request = application.request.as_ref();
    let purpose = request.map_or("", |request| request.purpose.as_str());
    let registers = request.map_or_else(String::new, |request| request.registers.join(", "));
    format!("{id:<14} {state:<10} {purpose:<26} {registers:<20} {recipient} ({recipient_class})")
}

/// An application with everything that became of it.
pub(in crate::cli) fn application_lines(application: &Application) -> Vec<String> {
    let mut lines = vec![format!("{}  {}", application.id, application.state)];
    let organisation = application.request.as_ref().map(|request| request.organisation.as_str());
    let recipient = format!(
        "{} ({}), {}",
        application.recipient,
        application.recipient_class,
        organisation.unwrap_or_default()
    );
    lines.push(detail("recipient", &recipient));
    lines.extend(application.request.iter().flat_map(request_lines));
    for (decision, number) in application.decisions.iter().zip(1..) {
        lines.extend(decision_lines(number, decision));
    }
    lines.extend(history_lines(&application.history));
    lines
}

fn request_lines(request: &ApplicationRequest) -> Vec<String> {
    let others = request.combined_with.iter();
    let others: Vec<String> = others.map(|one| format!("{} ({})", one.name, one.kind)).collect();
    let details = [
        ("applicant", request.applicant.clone()),
        ("purpose", request.purpose.clone()),
        ("registers", request.registers.join(", ")),
        ("combined with", others.join(", ")),
        ("legal basis", request.legal_basis.join("; ")),
        ("delivered to", request.delivered_to.clone()),
        ("contact", request.contact.clone()),
        ("description", request.description.clone()),
    ];
    let given = details.iter().filter(|(_, which)| !which.is_empty());
    given.map(|(what, which)| detail(what, which)).collect()
}

/// A decision, with its number.
pub(in crate::cli) fn decision_lines(number: u32, decision: &Decision) -> Vec<String> {
    let Decision { kind, authority, reference, .. } = decision;
    let mut lines = vec![format!("decision {number}: {kind} by {authority}, {reference}")];
    let mut add = |what: &str, which: String| lines.push(detail(what, &which));
    add("valid", format!("{} to {}", day(decision.dated), day(decision.valid_until)));
    add("serials", format!("{} digits", decision.serial_width));
    if !decision.continues.is_empty() {
        add("continues", decision.continues.clone());
    }
    if let Some(bridge) = &decision.bridge_out {
        let (to, until) = (party(bridge.to.as_ref()), day(bridge.delete_by));
        add("bridge out", format!("fødselsnummer and serials to {to}, deleted by {until}"));
    }
    if let Some(bridge) = &decision.bridge_in {
        add("bridge in", format!("project IDs from {}", party(bridge.from.as_ref())));
    }
    let permitted = if decision.reidentification { "permitted" } else { "refused" };
    add("reidentification", permitted.to_owned());
    for one in &decision.overrides {
        let identifiers = if one.with_identifiers { ", also with fødselsnummer" } else { "" };
        add("override", format!("{}{identifiers}", one.provision));
    }
    let Some(terms) = &decision.terms else { return lines };
    for register in &terms.registers {
        lines.extend(register_lines(register));
    }
    if let Some(cells) = &terms.small_cells {
        let columns = cells.columns.join(", ");
        let text = format!("at least {} persons share each of {columns}", cells.persons_min);
        lines.push(detail("small cells", &text));
    }
    lines
}

fn party(party: Option<&LinkingParty>) -> String {
    party.map_or_else(String::new, |party| format!("{} ({})", party.name, party.number))
}

fn register_lines(terms: &RegisterTerms) -> Vec<String> {
    let kept: Vec<String> = terms.variables.iter().map(variable).collect();
    let replaced: Vec<String> = terms.secondary.iter().map(secondary).collect();
    let mut lines = vec![detail(&terms.register, &kept.join(", "))];
    if !replaced.is_empty() {
        lines.push(detail("", &format!("surrogates of {}", replaced.join(", "))));
    }
    lines
}

fn variable(variable: &Variable) -> String {
    let name = &variable.name;
    match variable.generalisation.as_ref().and_then(|one| one.kind.as_ref()) {
        None => name.clone(),
        Some(Kind::AgeBand(band)) => {
            format!("{name} (age in bands of {} years on {})", band.years, day(band.on))
        }
        Some(Kind::FirstCharacters(first)) => format!("{name} (first {} characters)", first.count),
        Some(Kind::Month(_)) => format!("{name} (month)"),
        Some(Kind::TopCode(top)) => format!("{name} (at most {})", top.highest),
        Some(Kind::Year(_)) => format!("{name} (year)"),
    }
}

fn secondary(one: &SecondaryIdentifier) -> String {
    let SecondaryIdentifier { column, key_space, institution } = one;
    if institution.is_empty() {
        format!("{column} (key space {key_space})")
    } else {
        format!("{column} (key space {key_space}, by {institution})")
    }
}

fn history_lines(history: &[HistoryStep]) -> Vec<String> {
    let mut lines = vec!["history".to_owned()];
    lines.extend(history.iter().map(|change| {
        let HistoryStep { step, state, by, at, reason } = change;
        let line = format!("  {at:<30} {step:<18} {state:<10} by {by}");
        if reason.is_empty() { line } else { format!("{line}: {reason}") }
    }));
    lines
}

/// The columns of a list of disclosures.
pub(in crate::cli) fn disclosure_heading() -> String {
    let [disclosure, application, decision] = ["disclosure", "application", "decision"];
    let [state, expires, persons] = ["state", "expires", "persons"];
    format!(
        "{disclosure:<32} {application:<14} {decision:>8} {state:<10} {expires:<10} {persons:>10}"
    )
}

/// A disclosure in a list.
pub(in crate::cli) fn disclosure_line(disclosure: &Disclosure) -> String {
    let Disclosure { id, application, decision, state, persons, .. } = disclosure;
    let expires = day(disclosure.expires);
    format!("{id:<32} {application:<14} {decision:>8} {state:<10} {expires:<10} {persons:>10}")
}

/// A disclosure with everything that became of it.
pub(in crate::cli) fn disclosure_lines(disclosure: &Disclosure) -> Vec<String> {
    let mut lines = vec![
        format!("{}  {}", disclosure.id, disclosure.state),
        detail("application", &disclosure.application),
        detail("expires", &day(disclosure.expires)),
        detail("persons", &disclosure.persons.to_string()),
        detail("recipient key", &disclosure.recipient_key),
    ];
    if !disclosure.window_until.is_empty() {
        lines.push(detail("window until", &disclosure.window_until));
    }
    if let Some(decided) = &disclosure.decided {
        lines.extend(decision_lines(disclosure.decision, decided));
    }
    if !disclosure.deliveries.is_empty() {
        lines.push("deliveries".to_owned());
    }
    lines.extend(disclosure.deliveries.iter().map(|delivery| {
        let ExtractDelivery { manifest, files, rows, persons, persons_left_out, by, at } = delivery;
        let files = files.join(", ");
        let manifest = if manifest.is_empty() { "" } else { &format!(", manifest {manifest}") };
        format!(
            "  {at:<30} {files}: {rows} rows, {persons} persons, {persons_left_out} left out, by \
             {by}{manifest}"
        )
    }));
    lines.extend(history_lines(&disclosure.history));
    lines
}

/// A decision as a machine reads it.
///
/// # Errors
///
/// The server said what this program does not know.
pub(in crate::cli) fn decision_json(decision: &Decision) -> Result<Value, Error> {
    let decision = crate::disclosure::Decision::try_from(decision.clone());
    serde_json::to_value(decision.map_err(|_| unknown())?).map_err(|_| unknown())
}

/// An application as a machine reads it.
///
/// # Errors
///
/// As those of [`decision_json`].
pub(in crate::cli) fn application_json(application: &Application) -> Result<Value, Error> {
    let request = application.request.clone().ok_or_else(unknown)?;
    let request = Request::try_from(request).map_err(|_| unknown())?;
    let decisions: Result<Vec<Value>, Error> =
        application.decisions.iter().map(decision_json).collect();
    Ok(json!({
        "id": application.id,
        "state": application.state,
        "recipient": application.recipient,
        "recipient_class": application.recipient_class,
        "request": serde_json::to_value(request).map_err(|_| unknown())?,
        "decisions": decisions?,
        "history": history_json(&application.history),
    }))
}

/// A disclosure as a machine reads it.
///
/// # Errors
///
/// As those of [`decision_json`].
pub(in crate::cli) fn disclosure_json(disclosure: &Disclosure) -> Result<Value, Error> {
    let deliveries = disclosure.deliveries.iter().map(|delivery| {
        json!({
            "manifest": delivery.manifest,
            "files": delivery.files,
            "rows": delivery.rows,
            "persons": delivery.persons,
            "persons_left_out": delivery.persons_left_out,
            "by": delivery.by,
            "at": delivery.at,
        })
    });
    Ok(json!({
        "id": disclosure.id,
        "application": disclosure.application,
        "decision": disclosure.decision,
        "decided": decision_json(&disclosure.decided.clone().ok_or_else(unknown)?)?,
        "recipient_key": disclosure.recipient_key,
        "expires": day(disclosure.expires),
        "state": disclosure.state,
        "persons": disclosure.persons,
        "deliveries": deliveries.collect::<Vec<_>>(),
        "history": history_json(&disclosure.history),
        "window_until": disclosure.window_until,
    }))
}

fn history_json(history: &[HistoryStep]) -> Vec<Value> {
    let one = |change: &HistoryStep| {
        let HistoryStep { step, state, by, at, reason } = change;
        json!({ "step": step, "state": state, "by": by, "at": at, "reason": reason })
    };
    history.iter().map(one).collect()
}

fn unknown() -> Error {
    Error::internal("the server's answer has what this program does not know")
        .advise("Use the program of the server's version: hvelv status shows it.")
}
