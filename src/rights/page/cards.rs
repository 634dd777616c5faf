//! A register, and a disclosure, each as a card.

use super::super::records::RegisterAnswer;
use super::super::report::{Bridge, Disclosure, Fact, Register, Source, Term};
use super::html::Html;
use super::sections::name;
use super::words::{cell, count, day, sentence, word, words};

/// A register that the person is in.
pub(super) fn register(html: &mut Html, register: &Register) {
    html.within("<article>\n<h3>", &register.name, " <span class=\"code\">");
    html.within("", &register.code, "</span></h3>\n");
    html.within("<p>", standing(register), "</p>\n<dl>\n");
    html.term("Først registrert her", &day(&register.first_seen));
    html.term("Sist registrert her", &day(&register.last_seen));
    html.term("Ansvarlig", &name(&register.controller));
    html.term("Behandler data for den ansvarlige", &register.processors.join(", "));
    html.term("Rettslig grunnlag", &register.legal_basis.join("; "));
    html.term("Formål", &sentence(&words(&register.purposes)));
    let years = register.retention_years;
    let kept = years.map_or_else(
        || "I utgangspunktet til evig tid".to_owned(),
        |years| format!("Opplysninger som er eldre enn {years} år, slettes"),
    );
    html.term("Hvor lenge", &kept);
    html.term("Navn og adresse", &contact_kept(register));
    html.markup("</dl>\n");
    sources(html, register);
    said(html, register);
    exclusions(html, register);
    match &register.records {
        Some(answer) => records(html, answer),
        None => {
            html.markup("<h4>Helseopplysningene i registeret</h4>\n<p>De er ikke hentet inn til ");
            html.within("denne rapporten. ", &contact(register), "</p>\n");
        }
    }
    html.markup("</article>\n");
}

fn standing(register: &Register) -> &'static str {
    match (register.standing.as_str(), register.basis.as_str()) {
        ("member", "consent") => "Du er registrert her fordi du har samtykket.",
        ("member", _) => "Du er registrert her etter loven, uten at du må samtykke.",
        ("suppressed", _) => "Du har vært registrert her. Opplysningene gis ikke ut lenger.",
        _ => "Du er ikke registrert her, men registeret har fått beskjed fra deg.",
    }
}

/// Which of name and address are kept sealed; nothing where none is.
fn contact_kept(register: &Register) -> String {
    let Some(kept) = &register.kept else { return String::new() };
    let has = |field: &str| kept.fields.iter().any(|one| one == field);
    let what = match (has("name"), has("address")) {
        (true, true) => "Navn og adresse er",
        (true, false) => "Navn er",
        _ => "Adresse er",
    };
    let (since, said) = (day(&kept.since), day(&kept.said));
    format!("{what} lagret forseglet siden {since}, sist endret {said}. Registeret kan si deg hva.")
}

/// Where to turn for a register.
pub(super) fn contact(register: &Register) -> String {
    if register.contact.is_empty() {
        return format!("Henvend deg til {}.", name(&register.controller));
    }
    register.contact.clone()
}

fn sources(html: &mut Html, register: &Register) {
    html.markup("<h4>Hvem har sendt opplysninger om deg</h4>\n");
    if register.sources.is_empty() {
        html.markup("<p class=\"none\">Ingen.</p>\n");
        return;
    }
    let rows: Vec<Vec<String>> = register.sources.iter().map(source).collect();
    let heads = ["Kilde", "Antall ganger", "Første gang", "Siste gang", "Om perioden"];
    html.table(&format!("Kilder til {}", register.name), &heads, &rows);
}

fn source(source: &Source) -> Vec<String> {
    let name = if source.name.is_empty() { &source.code } else { &source.name };
    let period = match (source.period_from.as_str(), source.period_to.as_str()) {
        ("", _) | (_, "") => "–".to_owned(),
        (from, to) => format!("{} til {}", day(from), day(to)),
    };
    let times = source.deliveries.to_string();
    vec![name.clone(), times, day(&source.first_seen), day(&source.last_seen), period]
}

/// Reservations and consents.
fn said(html: &mut Html, register: &Register) {
    html.markup("<h4>Reservasjoner og samtykker</h4>\n<ul>\n");
    for term in &register.reservations {
        html.within("<li>Du er reservert mot: ", &term.name, "</li>\n");
    }
    if !register.consented.is_empty() {
        html.within("<li>Du samtykker til: ", &words(&register.consented), "</li>\n");
    }
    for one in &register.quality_consents {
        let said = format!("{}: {} ({})", one.register.name, quality_said(&one.said), day(&one.on));
        html.within("<li>Til kvalitetsregisteret ", &said, "</li>\n");
    }
    let is_silent = register.reservations.is_empty() && register.consented.is_empty();
    if is_silent && register.basis == "consent" {
        html.markup("<li>Du har ikke noe samtykke her.</li>\n");
    } else if is_silent {
        html.markup("<li>Du er ikke reservert mot noe her.</li>\n");
    }
    if register.reservation_uses.is_empty() {
        html.markup("<li>Registeret har ingen bruk du kan reservere deg mot.</li>\n");
    } else {
        let uses = terms(&register.reservation_uses);
        html.within("<li>Du kan reservere deg mot: ", &uses, "</li>\n");
    }
    html.markup("</ul>\n");
    if !register.ledger.is_empty() {
        let rows: Vec<Vec<String>> = register.ledger.iter().map(fact).collect();
        html.table(
            "Alt du har gitt beskjed om",
            &["Når", "Hva", "Hvordan", "Registrert av"],
            &rows,
        );
    }
}

fn quality_said(said: &str) -> &str {
    match said {
        "given" => "du samtykker",
        "reservation_lifted" => "du er ikke lenger reservert",
        "reserved" => "du er reservert",
        "withdrawn" => "du har trukket samtykket",
        other => other,
    }
}

fn fact(fact: &Fact) -> Vec<String> {
    let against = fact.reserved_use.as_ref().map(|term| format!(": {}", term.name));
    let to = (!fact.purposes.is_empty()).then(|| format!(": {}", words(&fact.purposes)));
    let quality = fact.quality_register.as_ref();
    let quality = quality.map(|term| format!(": {}, {}", term.name, day(&fact.on)));
    let more = against.or(to).or(quality).unwrap_or_default();
    let what = format!("{}{more}", word(&fact.kind));
    let by = format!("{}, {}", fact.principal, name(&fact.organisation));
    vec![day(&fact.at), what, sentence(&word(&fact.channel)), by]
}

fn terms(list: &[Term]) -> String {
    list.iter().map(|term| term.name.as_str()).collect::<Vec<_>>().join("; ")
}

fn exclusions(html: &mut Html, register: &Register) {
    if register.exclusions.is_empty() {
        return;
    }
    html.markup("<h4>Dette er ikke med i standardrapporten</h4>\n<ul>\n");
    for term in &register.exclusions {
        html.within("<li>", &term.name, "</li>\n");
    }
    html.markup("</ul>\n<p>Du har rett til innsyn i det også. ");
    html.within("", &contact(register), "</p>\n");
}

/// What the register's own records say.
fn records(html: &mut Html, answer: &RegisterAnswer) {
    html.within("<h4>Helseopplysningene i registeret, per ", &day(&answer.made), "</h4>\n");
    if !answer.note.is_empty() {
        html.within("<p>", &answer.note, "</p>\n");
    }
    for section in &answer.sections {
        let heads: Vec<&str> = section.columns.iter().map(String::as_str).collect();
        let told = |row: &Vec<String>| row.iter().map(|text| cell(text)).collect();
        let rows: Vec<Vec<String>> = section.rows.iter().map(told).collect();
        html.table(&section.title, &heads, &rows);
    }
}

/// A disclosure that the person is in.
pub(super) fn disclosure(html: &mut Html, disclosure: &Disclosure) {
    html.within("<article>\n<h3>", &disclosure.recipient.name, " ");
    match disclosure.state.as_str() {
        "closed" => html.markup("<span class=\"state closed\">Avsluttet</span></h3>\n"),
        "completed" => html.markup("<span class=\"state\">Fullført</span></h3>\n"),
        _ => html.markup("<span class=\"state\">Pågår</span></h3>\n"),
    }
    html.within("<p>", &disclosure.description, "</p>\n<dl>\n");
    html.term("Mottaker", &name(&disclosure.recipient));
    html.term("Type mottaker", &sentence(&word(&disclosure.recipient_class)));
    html.term("Søker", &disclosure.applicant);
    html.term("Formål", &sentence(&word(&disclosure.purpose)));
    html.term("Fra registrene", &terms(&disclosure.registers));
    html.term("Settes sammen med", &disclosure.combined_with.join("; "));
    html.term("Mottakers rettslige grunnlag", &disclosure.legal_basis.join("; "));
    let decision = format!(
        "{}, {}, referanse {}, {}",
        sentence(&word(&disclosure.authority)),
        word(&disclosure.decision_kind),
        disclosure.decision_reference,
        day(&disclosure.decision_dated)
    );
    html.term("Vedtak", &decision);
    html.term("Utleveres til", &sentence(&word(&disclosure.delivered_to)));
    html.term("Åpnet", &day(&disclosure.opened));
    html.term("Overlevert", &handed_over(disclosure));
    html.term("Gjelder til", &day(&disclosure.expires));
    html.term("Avsluttet", &closed(disclosure));
    html.term("Sletting bekreftet av mottaker", &day(&disclosure.deletion_confirmed));
    html.term("Med fødselsnummer", &with_identifier(disclosure));
    let found_out = match disclosure.reidentification.as_str() {
        "permitted" => {
            "Ja, vedtaket tillater det. Det skjer bare når to personer er enige om det, \
                        og står i så fall under tilganger"
        }
        _ => "Nei",
    };
    html.term("Kan registeret finne ut hvem løpenummeret er", found_out);
    html.markup("</dl>\n</article>\n");
}

fn handed_over(disclosure: &Disclosure) -> String {
    if disclosure.handed_over.is_empty() {
        return "Ingenting er overlevert ennå".to_owned();
    }
    let days: Vec<String> = disclosure.handed_over.iter().map(|at| day(at)).collect();
    format!("{}: {}", count(days.len(), "gang", "ganger"), days.join(", "))
}

fn closed(disclosure: &Disclosure) -> String {
    if disclosure.closed.is_empty() {
        return String::new();
    }
    let day = day(&disclosure.closed);
    format!("{day}. Nøkkelen er ødelagt, så ingen kan føre løpenummeret tilbake til deg herfra")
}

/// The identifiers that went with it, or that none did.
fn with_identifier(disclosure: &Disclosure) -> String {
    if disclosure.bridges.is_empty() {
        return "Nei".to_owned();
    }
    let each: Vec<String> = disclosure.bridges.iter().map(bridge).collect();
    format!("Ja, for å koble data. {}", each.join(" "))
}

fn bridge(bridge: &Bridge) -> String {
    let deleted = if bridge.deleted.is_empty() {
        format!("skal slettes innen {}", day(&bridge.delete_by))
    } else {
        format!("slettingen er bekreftet {}", day(&bridge.deleted))
    };
    format!("Gitt til {} {}; {deleted}.", name(&bridge.to), day(&bridge.issued))
}
