//! No national identifier of a real person is in the repository.

use jiff::civil::date;

use hvelv::ident::{Declared, IdKind, Marker, Mode, Rules, RulesConfig, parse_text};

use super::{File, hold, refuses};

/// Files whose numbers are published as examples: Skatteetaten, Norsk helsenett, UDI.
const PUBLISHED: &str = "tests/vectors/identifiers.tsv";

/// Files with numbers of real form that are inputs of pure functions, and how many.
const EXAMPLES: [(&str, usize, &str); 1] =
    [("src/ident/attributes/tests.rs", 4, "DOMAIN B9 publishes them for its table of centuries")];

/// Words of 11 digits that are fødselsnummer or D-numbers of real form, and are not published.
fn real_identifiers(file: &File, published: &str) -> Vec<String> {
    if file.path == PUBLISHED {
        return Vec::new();
    }
    let rules = Rules::new(&RulesConfig::new(Mode::Production)).unwrap();
    // Before 2032 four times as few numbers pass, and the numbers of today are among them.
    let rules = rules.at(date(2026, 1, 1));
    let is_real = |word: &str| {
        let parsed = parse_text(&rules, Declared::Any, None, word.as_bytes());
        parsed.is_ok_and(|id| {
            id.marker() == Marker::None && matches!(id.kind(), IdKind::Fnr | IdKind::Dnr)
        })
    };
    let lines = file.text.lines().enumerate();
    let violations: Vec<String> = lines
        .flat_map(|(at, line)| {
            // Rust writes 12_345; the separators are no part of the number.
            let line = line.replace('_', "");
            let words: Vec<String> =
                line.split(|c: char| !c.is_alphanumeric()).map(ToOwned::to_owned).collect();
            words.into_iter().map(move |word| (at + 1, word))
        })
        .filter(|(_, word)| word.len() == 11 && is_real(word) && !published.contains(word))
        // Which one it is stays unsaid: it may be somebody's.
        .map(|(at, _)| format!("{}:{at}: an identifier without a synthetic marker", file.path))
        .collect();
    let examples = EXAMPLES.iter().find(|(path, _, _)| *path == file.path);
    let allowed = examples.map_or(0, |(_, count, _)| *count);
    if violations.len() == allowed { Vec::new() } else { violations }
}

#[test]
fn no_identifier_without_a_synthetic_marker_is_in_the_repository() {
    let published = std::fs::read_to_string(super::root().join(PUBLISHED)).unwrap();
    hold(|file| real_identifiers(file, &published));
    // The rule is shown a published example as if it were not published.
    let example = published
        .lines()
        .filter_map(|line| line.split_once("\tvalid\tFNR\t-\t"))
        .find(|(_, note)| !note.contains("2032"))
        .map(|(number, _)| number)
        .expect("there is a published number of the rule of 1964");
    let unpublished = |file: &File| real_identifiers(file, "");
    refuses(unpublished, "src/x.rs", &format!("let x = {example};"), "let x = 41_814_061_033;");
    let separated = format!("{}_{}", &example[..2], &example[2..]);
    refuses(unpublished, "docs/x.md", &separated, "41814061033 and 12345678901");
}
