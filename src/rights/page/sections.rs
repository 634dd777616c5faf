//! The sections of the page, from top to bottom.

use super::super::report::{Access, Organisation, Report};
use super::cards;
use super::html::Html;
use super::words::{action, attempt, count, day, detail, moment, sentence, word};

/// Who made it, when, and what is in it.
pub(super) fn header(html: &mut Html, report: &Report) {
    html.markup("<header>\n<p class=\"kicker\">Din rett til innsyn</p>\n");
    html.markup("<h1>Innsyn i helseregistre</h1>\n<p class=\"lead\">Rapporten viser hvilke ");
    html.markup("helseregistre du er i, hvem som har fått opplysninger om deg, og hvem som har ");
    html.markup("slått deg opp.</p>\n");
    html.within("<p>Laget ", &moment(&report.made), ".");
    if report.acting == "self" {
        html.markup("</p>\n");
    } else {
        html.within(" Den er bestilt av ", &word(&report.acting), ". «Du» er den rapporten ");
        html.markup("gjelder.</p>\n");
    }
    html.markup("<ul class=\"numbers\">\n");
    for (number, one, many) in [
        (report.registers.len(), "register", "registre"),
        (report.disclosures.len(), "utlevering", "utleveringer"),
        (report.accesses.len(), "tilgang", "tilganger"),
    ] {
        html.within("<li><strong>", &number.to_string(), "</strong> ");
        html.within("", if number == 1 { one } else { many }, "</li>\n");
    }
    html.markup("</ul>\n</header>\n");
}

/// Where to find what.
pub(super) fn contents(html: &mut Html, report: &Report) {
    html.markup("<nav aria-label=\"Innhold\">\n<ul>\n");
    html.markup("<li><a href=\"#registre\">Registre du er i</a></li>\n");
    html.markup("<li><a href=\"#utleveringer\">Utleveringer</a></li>\n");
    html.markup("<li><a href=\"#tilganger\">Hvem har slått deg opp</a></li>\n");
    if !report.cases.is_empty() {
        html.markup("<li><a href=\"#saker\">Saker</a></li>\n");
    }
    html.markup("<li><a href=\"#rettigheter\">Rettighetene dine</a></li>\n</ul>\n</nav>\n");
}

/// The registers.
pub(super) fn registers(html: &mut Html, report: &Report) {
    html.markup("<section aria-labelledby=\"registre\">\n<h2 id=\"registre\">Registre du er i");
    html.markup("</h2>\n");
    if report.registers.is_empty() {
        html.markup("<p class=\"none\">Vi fant deg ikke i noen av registrene.</p>\n");
    } else {
        html.markup("<p>Registrene har helseopplysningene, og kjenner deg bare ved en kode. ");
        html.markup("Fødselsnummeret ditt er lagret for seg selv.</p>\n");
    }
    for register in &report.registers {
        cards::register(html, register);
    }
    html.markup("</section>\n");
}

/// The disclosures.
pub(super) fn disclosures(html: &mut Html, report: &Report) {
    html.markup("<section aria-labelledby=\"utleveringer\">\n");
    html.markup("<h2 id=\"utleveringer\">Hvem har fått opplysninger om deg</h2>\n");
    if report.disclosures.is_empty() {
        html.markup("<p class=\"none\">Ingen har fått opplysninger om deg fra registrene.</p>\n");
    } else {
        html.markup("<p>Her er alle utleveringer du er med i. Den som får opplysningene, ser et ");
        html.markup("løpenummer i stedet for koden i registeret. Løpenummeret gjelder bare for ");
        html.markup("den ene utleveringen.</p>\n");
    }
    for disclosure in &report.disclosures {
        cards::disclosure(html, disclosure);
    }
    html.markup("</section>\n");
}

/// Who looked the person up, or acted on them.
pub(super) fn accesses(html: &mut Html, report: &Report) {
    html.markup("<section aria-labelledby=\"tilganger\">\n");
    html.markup("<h2 id=\"tilganger\">Hvem har slått deg opp eller behandlet identiteten din");
    html.markup("</h2>\n");
    if report.accesses.is_empty() {
        html.markup("<p class=\"none\">Ingen har slått deg opp eller gjort noe med identiteten ");
        html.markup("din.</p>\n");
    } else {
        let rows: Vec<Vec<String>> = report.accesses.iter().map(row).collect();
        let caption = "Hvert oppslag og hver handling, de nyeste først";
        html.table(caption, &["Når", "Hvem", "Hva", "Hvorfor"], &rows);
    }
    html.markup("<p>Denne forespørselen er også lagret, og står i neste rapport.</p>\n");
    html.markup("</section>\n");
}

fn row(access: &Access) -> Vec<String> {
    let who = match access.actor.as_str() {
        "server" => "Systemet selv".to_owned(),
        "system" => format!("{} (datasystemet {})", name(&access.organisation), access.principal),
        _ => format!("{}, {}", access.principal, name(&access.organisation)),
    };
    let mut what = match access.attempted.as_str() {
        "" => vec![action(&access.action)],
        attempted => vec![attempt(attempted)],
    };
    if access.times > 1 {
        what.push(format!("({} ganger)", access.times));
    }
    let mut why: Vec<String> = Vec::new();
    let register = access.register.as_ref();
    why.extend(
        register
            .map(|term| format!("{}.", if term.name.is_empty() { &term.code } else { &term.name })),
    );
    if !access.purpose.is_empty() {
        why.push(format!("Formål: {}.", word(&access.purpose)));
    }
    if !access.application.is_empty() {
        why.push(format!("Søknad {}.", access.application));
    }
    if !access.basis.is_empty() {
        why.push(format!("Grunnlag: {}.", access.basis));
    }
    why.extend(access.details.iter().filter_map(|line| detail(line)));
    vec![moment(&access.at), who, what.join(" "), why.join(" ")]
}

/// An organisation, by its name if that is known.
pub(super) fn name(organisation: &Organisation) -> String {
    match (organisation.name.as_str(), organisation.number.as_str()) {
        ("", number) => format!("organisasjon {number}"),
        (name, "") => name.to_owned(),
        (name, number) => format!("{name} ({number})"),
    }
}

/// Cases about the person.
pub(super) fn cases(html: &mut Html, report: &Report) {
    if report.cases.is_empty() {
        return;
    }
    html.markup("<section aria-labelledby=\"saker\">\n<h2 id=\"saker\">Saker om deg</h2>\n");
    let rows: Vec<Vec<String>> = report
        .cases
        .iter()
        .map(|case| {
            let decided =
                if case.decided.is_empty() { "–".to_owned() } else { day(&case.decided) };
            let what = format!("{}: {}", sentence(&word(&case.kind)), case.text);
            vec![day(&case.opened), case.register.name.clone(), what, word(&case.state), decided]
        })
        .collect();
    let heads = ["Åpnet", "Register", "Hva", "Status", "Avgjort"];
    html.table("Saker, med hva som ble bestemt", &heads, &rows);
    html.markup("</section>\n");
}

/// What the person can do.
pub(super) fn rights(html: &mut Html, report: &Report) {
    html.markup("<section aria-labelledby=\"rettigheter\">\n");
    html.markup("<h2 id=\"rettigheter\">Rettighetene dine</h2>\n<div class=\"rights\">\n");
    for (title, text) in RIGHTS {
        html.within("<div><h3>", title, "</h3>\n");
        html.within("<p>", text, "</p></div>\n");
    }
    html.markup("</div>\n");
    if !report.registers.is_empty() {
        html.markup("<h3>Hvor du henvender deg</h3>\n<ul>\n");
        for register in &report.registers {
            html.within("<li><strong>", &register.name, "</strong>: ");
            html.within("", &cards::contact(register), "</li>\n");
        }
        html.markup("</ul>\n");
    }
    html.markup("</section>\n");
}

/// What every person can do, in words of the registers' own pages.
const RIGHTS: [(&str, &str); 5] = [
    (
        "Innsyn i alt",
        "Standardrapporten viser det viktigste. Du har rett til innsyn i alt som er registrert om \
         deg, også det som er utelatt her. Be den dataansvarlige for registeret om det.",
    ),
    (
        "Retting",
        "Opplysningene i registrene kommer fra journalen din. Er noe feil, ta kontakt med \
         behandleren eller institusjonen der du fikk behandling. Det som rettes i journalen, blir \
         automatisk riktig i registrene.",
    ),
    (
        "Sletting",
        "Er det opplysninger som føles sterkt belastende for deg, og det ikke finnes sterke \
         allmenne hensyn som taler for å beholde dem, kan du be om at de slettes. Forklar hvilke \
         opplysninger det gjelder, og hvorfor. Registeret vurderer saken.",
    ),
    (
        "Reservasjon og samtykke",
        "I noen registre kan du reservere deg mot enkelte typer bruk. Et samtykke kan du trekke \
         når du vil. Det står under hvert register hva som gjelder der.",
    ),
    (
        "Klage",
        "Mener du at opplysningene dine ikke er behandlet slik de skal, kan du klage til \
         Datatilsynet.",
    ),
];

/// What the report is, and is not.
pub(super) fn footer(html: &mut Html, report: &Report) {
    html.markup("<footer>\n<p>Opplysningene dine kan ikke gjøres tilgjengelige for ");
    html.markup("påtalemyndigheten, arbeidsgivere eller forsikringsselskaper, selv om du ");
    html.markup("samtykker.</p>\n");
    let entry = report.audit_entry.to_string();
    html.within("<p>Forespørselen er lagret i loggen som nummer ", &entry, ". ");
    let registers = count(report.registers.len(), "register", "registre");
    html.within("Rapporten omfatter ", &registers, ". Helsenorge og registrene er egne kilder: ");
    html.markup("Det som bare finnes der, står ikke her.</p>\n</footer>\n");
}
