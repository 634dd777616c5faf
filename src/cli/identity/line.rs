//! One line of a feed: an event of Folkeregisteret with what of the person's document it is about.
//!
//! Names are those of Folkeregisteret.  `sekvensnummer` and `hendelse` are what its feed has; the other
//! fields are what whoever reads the feed fetched for it.  Fields that are not known are passed over.

use jiff::civil::Date;
use serde::Deserialize;

use crate::rpc::calendar::wire_date;
use crate::rpc::proto::{AddressProtection, IdentityEvent, IdentityTruth};

/// A line.  No `Debug`: it has identifiers.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    sekvensnummer: Sequence,
    hendelse: Event,
    #[serde(default)]
    identifikatorer: Vec<String>,
    utlendingsmyndighetenes_identifikasjonsnummer: Option<String>,
    gyldighetstidspunkt: Option<String>,
    doedsdato: Option<Date>,
    adressegradering: Option<String>,
    er_falsk: Option<bool>,
    #[serde(default)]
    beskyttet: bool,
}

#[derive(Deserialize)]
struct Event {
    hendelsestype: String,
    #[serde(default)]
    folkeregisteridentifikator: String,
}

/// A number, which the feed writes as text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Sequence {
    Number(u64),
    Text(String),
}

/// Reads a line; what is wrong with it otherwise, without its content.
pub(super) fn read(text: &[u8]) -> Result<IdentityEvent, &'static str> {
    // The parser's own words may quote the line.
    let line: Line = serde_json::from_slice(text)
        .map_err(|_| "is not an event: a JSON object with sekvensnummer and hendelse")?;
    let sequence = match line.sekvensnummer {
        Sequence::Number(number) => Some(number),
        Sequence::Text(text) => text.parse().ok(),
    };
    let address = match line.adressegradering.as_deref() {
        None => AddressProtection::Unspecified,
        Some("ugradert") => AddressProtection::Ugradert,
        Some("klientadresse") => AddressProtection::Klientadresse,
        Some("fortrolig") => AddressProtection::Fortrolig,
        Some("strengtFortrolig") => AddressProtection::StrengtFortrolig,
        Some(_) => return Err("has an adressegradering that is not known"),
    };
    let truth = match line.er_falsk {
        None => IdentityTruth::Unspecified,
        Some(true) => IdentityTruth::False,
        Some(false) => IdentityTruth::True,
    };
    // A date, or a time whose date is the first ten characters.
    let effective = line.gyldighetstidspunkt.map(|text| {
        let date: Option<Date> = text.get(..10).and_then(|date| date.parse().ok());
        date.ok_or("has a gyldighetstidspunkt that is no date or time")
    });
    let mut others = line.identifikatorer;
    others.extend(line.utlendingsmyndighetenes_identifikasjonsnummer);
    Ok(IdentityEvent {
        sequence: sequence.ok_or("has a sekvensnummer that is no number")?,
        r#type: line.hendelse.hendelsestype,
        identifier: line.hendelse.folkeregisteridentifikator,
        others,
        effective: effective.transpose()?.map(wire_date),
        died: line.doedsdato.map(wire_date),
        address: address.into(),
        truth: truth.into(),
        protected: line.beskyttet,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_by_the_names_of_the_population_register() {
        let text = br#"{"sekvensnummer":"17","hendelse":{"hendelsestype":"personErDoed",
            "folkeregisteridentifikator":"1","dokument":"x"},"doedsdato":"2026-02-01",
            "identifikatorer":["2"],"utlendingsmyndighetenesIdentifikasjonsnummer":"3",
            "gyldighetstidspunkt":"2026-02-02T08:00:00","adressegradering":"fortrolig",
            "erFalsk":true,"beskyttet":true,"more":1}"#;
        let event = read(text).unwrap_or_else(|text| panic!("{text}"));
        assert_eq!((event.sequence, event.r#type.as_str()), (17, "personErDoed"));
        assert_eq!((event.identifier.as_str(), event.others.join(" ")), ("1", "2 3".to_owned()));
        assert_eq!(event.died.map(|day| (day.year, day.month, day.day)), Some((2026, 2, 1)));
        assert_eq!(event.effective.map(|day| day.day), Some(2));
        assert_eq!(event.address(), AddressProtection::Fortrolig);
        assert_eq!((event.truth(), event.protected), (IdentityTruth::False, true));
    }

    #[test]
    fn a_line_that_is_no_event_is_refused_without_its_content() {
        for text in [
            "",
            "{",
            "[]",
            r#"{"sekvensnummer":1}"#,
            r#"{"sekvensnummer":"x1","hendelse":{"hendelsestype":"x1"}}"#,
            r#"{"sekvensnummer":1,"hendelse":{"hendelsestype":"x1"},"doedsdato":"2026-02-30"}"#,
            r#"{"sekvensnummer":1,"hendelse":{"hendelsestype":"x1"},"adressegradering":"x1"}"#,
            r#"{"sekvensnummer":1,"hendelse":{"hendelsestype":"x1"},"gyldighetstidspunkt":"x1"}"#,
        ] {
            let refused = read(text.as_bytes()).err().unwrap();
            assert!(!refused.contains("x1"), "{refused}");
        }
    }
}
