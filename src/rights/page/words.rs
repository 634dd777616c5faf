//! The program's words in bokmål.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// What the words of reports mean.  A word that is not here is shown as it is.
const WORDS: &[(&str, &str)] = &[
    // Purposes of disclosures, and of deliveries and look-ups.
    ("clinical_decision_support", "klinisk beslutningsstøtte"),
    ("health_analysis", "helseanalyser"),
    ("management", "styring"),
    ("planning", "planlegging"),
    ("preparedness", "beredskap"),
    ("quality_improvement", "kvalitetsforbedring"),
    ("research", "forskning"),
    ("statistics", "statistikk"),
    ("correction", "retting"),
    ("historical_import", "innlasting av eldre opplysninger"),
    ("quality_control", "kvalitetskontroll"),
    ("reporting", "rapportering til registeret"),
    // Classes of recipients.
    ("central_health_authority", "sentral helsemyndighet"),
    ("fhi", "Folkehelseinstituttet"),
    ("general_practitioner", "fastlege"),
    ("helsedirektoratet", "Helsedirektoratet"),
    ("municipal_authority", "kommunal myndighet"),
    ("municipal_medical_officer", "kommuneoverlege"),
    ("national_authority", "nasjonal myndighet"),
    ("regional_health_authority", "regional helsemyndighet"),
    ("regional_health_trust", "regionalt helseforetak"),
    ("researcher", "forskere"),
    // Who decides, and what.
    ("controller", "den dataansvarlige"),
    ("helsedataservice", "Helsedataservice"),
    ("rek", "REK, regional komité for medisinsk og helsefaglig forskningsetikk"),
    ("access", "vedtak om tilgjengeliggjøring"),
    ("dispensation", "vedtak om dispensasjon fra taushetsplikten"),
    // Where data are delivered.
    ("hunt_cloud", "HUNT Cloud ved NTNU"),
    ("safe", "SAFE ved Universitetet i Bergen"),
    ("tsd", "TSD ved Universitetet i Oslo"),
    // What was said, and how.
    ("consent_given", "Du ga samtykke"),
    ("consent_withdrawn", "Du trakk samtykket"),
    ("reservation_lifted", "Du opphevet en reservasjon"),
    ("reservation_set", "Du reserverte deg"),
    ("quality_consent_given", "Du ga samtykke til kvalitetsregisteret"),
    ("quality_consent_withdrawn", "Du trakk samtykket til kvalitetsregisteret"),
    ("quality_reservation_lifted", "Du opphevet reservasjonen mot kvalitetsregisteret"),
    ("quality_reservation_set", "Du reserverte deg mot kvalitetsregisteret"),
    ("helsenorge", "Helsenorge"),
    ("institution", "behandlingsstedet"),
    ("letter", "brev"),
    ("register", "henvendelse til registeret"),
    // Cases, and how far they have come.
    ("erasure", "sletting"),
    ("received", "mottatt"),
    ("assessed", "til avgjørelse"),
    ("ordered", "innvilget, registeret sletter"),
    ("confirmed", "slettet"),
    ("refused", "avslått"),
    ("withdrawn", "trukket"),
    // Who asks.
    ("attorney", "en som har fullmakt"),
    ("kin", "nærmeste pårørende"),
    ("parent", "en forelder"),
    ("self", "personen selv"),
    ("digital", "digitalt"),
    ("manual", "ved brev eller oppmøte"),
];

/// What was done, for the list of who has had access.
const ACTIONS: &[(&str, &str)] = &[
    (
        "bridge_issued",
        "Fødselsnummeret ditt og løpenummeret ditt ble gitt til den som skal koble data",
    ),
    (
        "bridge_loaded",
        "En annen virksomhets koder for deltakerne i et prosjekt ble lest inn, og du var med",
    ),
    ("case_assessed", "En sak om sletting ble vurdert"),
    ("case_received", "En sak om sletting ble opprettet"),
    ("case_refused", "En sak om sletting ble avslått"),
    ("case_withdrawn", "En sak om sletting ble trukket"),
    ("cases_read", "Noen så på en sak om sletting"),
    ("consent_given", "Et samtykke ble registrert"),
    ("consent_withdrawn", "Et samtykke ble trukket"),
    (
        "conversion_answered",
        "Koden din her ble sendt inn for å få vite hvilken kode du har i et annet register",
    ),
    (
        "conversion_opened",
        "Fødselsnummeret ditt ble åpnet for å finne ut om du er i et annet register",
    ),
    ("erasure_ordered", "Sletting ble innvilget, og registeret fikk beskjed om å slette"),
    (
        "identity_events_applied",
        "Folkeregisteret meldte en endring om deg, for eksempel et nytt fødselsnummer",
    ),
    ("identifiers_linked", "Et register fikk vite at flere av numrene dine er dine"),
    ("identifiers_unlinked", "Noen tok tilbake at flere numre er dine"),
    ("identity_revealed", "Noen fikk vite hvem som står bak koden din i et register"),
    ("id_reissued", "Koden din i et register ble byttet ut med en ny"),
    ("ids_converted", "Et register slo opp hvilken ny kode som svarer til den gamle koden din"),
    ("ingest", "Opplysninger om deg ble mottatt"),
    ("innsyn_given", "En innsynsrapport som denne ble laget"),
    ("order_confirmed", "Registeret bekreftet at det har slettet"),
    (
        "protected_links_read",
        "Noen så at du har flere fødselsnummer eller D-numre, og at det er beskyttet",
    ),
    ("quality_consent_recorded", "Det du har sagt til et kvalitetsregister, ble registrert"),
    ("quality_consents_checked", "Et kvalitetsregister spurte om du har samtykket til det"),
    ("refused", "Et forsøk ble avvist"),
    ("reservation_lifted", "En reservasjon ble opphevet"),
    ("reservation_set", "En reservasjon ble registrert"),
    ("resolve", "Noen slo opp hvilken kode registeret har for deg"),
    ("reissues_read", "Noen så hvilken ny kode som svarer til den gamle koden din i et register"),
    ("rights_read", "Noen så på reservasjonene og samtykkene dine"),
    ("serial_identified", "Noen fant ut hvem som står bak løpenummeret ditt"),
    ("window_opened", "Fødselsnummeret ditt ble åpnet for å koble registre i et prosjekt"),
];

/// What somebody tried, and was refused.
const ATTEMPTS: &[(&str, &str)] = &[
    ("consent_withdrawn", "Et samtykke ble forsøkt trukket, og det gikk ikke"),
    ("innsyn_given", "Noen ba om innsyn i opplysningene dine, og fikk nei"),
    (
        "quality_consent_recorded",
        "Noen forsøkte å registrere hva du har sagt til et kvalitetsregister, og det gikk ikke",
    ),
    ("reservation_lifted", "En reservasjon ble forsøkt opphevet, og det gikk ikke"),
    ("reservation_set", "En reservasjon ble forsøkt registrert, og det gikk ikke"),
    ("rights_read", "Noen ville se reservasjonene og samtykkene dine, og fikk nei"),
];

/// Why somebody may not ask, as it stands in the details of an entry.
const REFUSALS: &[(&str, &str)] = &[
    ("block_not_stated", "det ble ikke oppgitt om du har akuttsperre"),
    ("blocked", "du har akuttsperre"),
    ("dead_digitally", "innsyn i en avdøds opplysninger gis ikke digitalt"),
    ("dead_not_kin", "bare nærmeste pårørende kan be om en avdøds opplysninger"),
    ("kin_of_living", "pårørende kan ikke be om opplysninger om en som lever"),
    ("kin_not_next", "den som spurte, er ikke nærmeste pårørende"),
    ("kin_special_reasons", "særlige grunner taler mot det"),
    ("level_too_low", "den som spurte, har ikke samtykket til tilgangsnivå Basis"),
    ("life_not_stated", "det ble ikke oppgitt om personen lever"),
    ("no_power_of_attorney", "den som spurte, har ikke fullmakt for dette"),
    ("parent_not_responsible", "den som spurte, har ikke foreldreansvar"),
    ("parents_elsewhere", "ingen av foreldrene bor på samme adresse som barnet"),
    ("child_not_under_16", "du har fylt 16 år"),
    ("age_not_stated", "alderen ble ikke oppgitt"),
    ("address_not_stated", "det ble ikke oppgitt om noen har fortrolig adresse"),
    ("address_protected", "du har fortrolig adresse"),
];

/// Norway's time since 1996, as POSIX writes it: the same whatever the machine knows of zones.
const CENTRAL_EUROPEAN: &str = "CET-1CEST,M3.5.0,M10.5.0/3";

const MONTHS: [&str; 12] = [
    "januar",
    "februar",
    "mars",
    "april",
    "mai",
    "juni",
    "juli",
    "august",
    "september",
    "oktober",
    "november",
    "desember",
];

fn look_up(list: &[(&str, &'static str)], word: &str) -> Option<&'static str> {
    list.iter().find(|(known, _)| *known == word).map(|(_, text)| *text)
}

/// A word in bokmål.
pub(super) fn word(word: &str) -> String {
    let other = word.strip_prefix("other: ").unwrap_or(word);
    look_up(WORDS, word).map_or_else(|| other.replace('_', " "), str::to_owned)
}

/// Words in bokmål, as a list.
pub(super) fn words<S: AsRef<str>>(list: &[S]) -> String {
    list.iter().map(|one| word(one.as_ref())).collect::<Vec<_>>().join(", ")
}

/// What was tried and refused.
pub(super) fn attempt(action: &str) -> String {
    let known = look_up(ATTEMPTS, action).map(str::to_owned);
    known.unwrap_or_else(|| format!("Et forsøk ble avvist: {}", self::action(action)))
}

/// What was done.
pub(super) fn action(action: &str) -> String {
    look_up(ACTIONS, action).map_or_else(|| action.replace('_', " "), str::to_owned)
}

/// A line of the details of an entry, if it is for the person.
pub(super) fn detail(line: &str) -> Option<String> {
    let (name, value) = line.split_once(' ')?;
    match name {
        "acting" => Some(format!("Det var {} som spurte.", word(value))),
        "refused" => {
            let why = look_up(REFUSALS, value).map_or_else(|| word(value), str::to_owned);
            Some(format!("Avvist fordi {why}."))
        }
        "register_ids" => Some(format!("Kodene dine ble oppgitt for: {value}.")),
        "from" => Some(format!("Fra register: {value}.")),
        "into" => Some(format!("Til register: {value}.")),
        "quality_register" => Some(format!("Kvalitetsregister: {value}.")),
        "purpose" => Some(format!("Formål: {}.", word(value))),
        _ => None,
    }
}

/// The first letter as a capital.
pub(super) fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().collect::<String>() + chars.as_str())
}

/// A moment by the clocks of Norway; what is no moment stays as it is.
fn by_the_clock(moment: &str) -> String {
    let (Ok(at), Ok(zone)) = (moment.parse::<Timestamp>(), TimeZone::posix(CENTRAL_EUROPEAN))
    else {
        return moment.to_owned();
    };
    at.to_zoned(zone).datetime().to_string()
}

/// A day as people write it, of a moment that in Norway; what is no day stays as it is.
pub(super) fn day(moment: &str) -> String {
    let moment = &*by_the_clock(moment);
    let mut parts = moment.get(..10).unwrap_or_default().split('-');
    let mut next = || parts.next().and_then(|part| part.parse::<usize>().ok());
    let (Some(year), Some(month), Some(day)) = (next(), next(), next()) else {
        return moment.to_owned();
    };
    let month = month.checked_sub(1).and_then(|month| MONTHS.get(month));
    month.map_or_else(|| moment.to_owned(), |month| format!("{day}. {month} {year}"))
}

/// What a register has answered in a cell, a day as people write it; on paper its hyphens would break.
pub(super) fn cell(text: &str) -> String {
    let is_day = text.len() == 10 && text.parse::<Date>().is_ok();
    if is_day { day(text) } else { text.to_owned() }
}

/// A moment as people write it.
pub(super) fn moment(moment: &str) -> String {
    match by_the_clock(moment).get(11..16) {
        Some(time) => format!("{} kl. {}", day(moment), time.replace(':', ".")),
        None => day(moment),
    }
}

/// How many there are of something.
pub(super) fn count(number: usize, one: &str, many: &str) -> String {
    match number {
        0 => format!("ingen {many}"),
        1 => format!("1 {one}"),
        _ => format!("{number} {many}"),
    }
}
