//! What must turn up nowhere: identifiers, malformed ones, names, addresses, and passphrases.

use std::collections::HashSet;
use std::path::Path;

/// How many identifiers: issue 2.
pub(crate) const COUNT: usize = 10_000;

/// Every how manieth identifier has malformed variants.
const MALFORMED_EVERY: usize = 20;

/// The passphrase of the key file.
pub(crate) const PASSPHRASE: &str = "kanarifugl-Tjeldsundet-8c41-sesam";

/// One that opens nothing.
pub(crate) const WRONG_PASSPHRASE: &str = "kanarifugl-Raftsundet-2e97-feil";

/// A name and an address beside an identifier.
pub(crate) const NAME: &str = "Kanarifugl-Andrine Lofotnes-8c41";
pub(crate) const ADDRESS: &str = "Kanarifuglveien 2e97, 8300 Svolvaer";

/// A patient's number in one institution.
pub(crate) const LOCAL_NUMBER: &str = "KANARI-8C41/";

/// The identifiers, and variants that no parser takes.
pub(crate) struct Canaries {
    /// 11 digits each, Tenor-marked.
    pub(crate) numbers: Vec<u64>,
    /// 10, 12 or 11 wrong digits, blanks, letters.
    pub(crate) malformed: Vec<String>,
}

impl Canaries {
    /// Reads the population that `hvelv synth` wrote.
    pub(crate) fn read(population: &Path) -> Self {
        let text = std::fs::read_to_string(population).unwrap();
        let first = |line: &str| line.split(',').next().unwrap().parse().unwrap();
        let numbers: Vec<u64> = text.lines().skip(1).map(first).collect();
        assert_eq!(numbers.len(), COUNT);
        let malformed =
            numbers.iter().step_by(MALFORMED_EVERY).flat_map(|n| variants(*n)).collect();
        Self { numbers, malformed }
    }

    /// The digits of one of them.
    pub(crate) fn digits(&self, place: usize) -> String {
        format!("{:011}", self.numbers[place])
    }

    /// Numbers that `hvelv scan` can look for, as a CSV file with the column `n`.
    pub(crate) fn needles(&self) -> String {
        let whole = (0..COUNT).map(|place| self.digits(place));
        let is_digits = |text: &&String| text.bytes().all(|byte| byte.is_ascii_digit());
        let malformed = self.malformed.iter().filter(is_digits).cloned();
        csv(whole.chain(malformed))
    }

    /// What has to be looked for as text: separated digits, letters, passphrases.
    pub(crate) fn texts(&self) -> HashSet<Vec<u8>> {
        let separated = (0..COUNT).map(|place| separated(&self.digits(place)));
        let mut texts: HashSet<Vec<u8>> =
            separated.chain(self.malformed.iter().cloned()).map(String::into_bytes).collect();
        for text in [PASSPHRASE, WRONG_PASSPHRASE, NAME, ADDRESS, LOCAL_NUMBER] {
            texts.extend(written(text.as_bytes()));
        }
        texts
    }
}

/// A CSV file with one column `n`.
pub(crate) fn csv(cells: impl Iterator<Item = String>) -> String {
    cells.fold("n\n".to_owned(), |text, cell| text + &cell + "\n")
}

fn separated(digits: &str) -> String {
    format!("{} {}", &digits[..6], &digits[6..])
}

fn variants(number: u64) -> [String; 5] {
    let digits = format!("{number:011}");
    [
        digits[..10].to_owned(),
        format!("{digits}7"),
        // Another last digit: the check digit is wrong.
        format!("{:011}", number / 10 * 10 + (number + 1) % 10),
        separated(&digits),
        format!("{}x", &digits[..10]),
    ]
}

/// A passphrase as it is, in hexadecimal, in Base64, and as the `Debug` of its bytes.
fn written(secret: &[u8]) -> Vec<Vec<u8>> {
    use base64::Engine as _;
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    // Without padding, so that what follows it does not matter.
    let base64 = base64::engine::general_purpose::STANDARD_NO_PAD.encode(secret);
    let debug = format!("{secret:?}").trim_matches(['[', ']']).to_owned();
    vec![secret.to_vec(), hex.into_bytes(), base64.into_bytes(), debug.into_bytes()]
}
