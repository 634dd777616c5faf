//! Two registers, two disclosures of the same persons, and the truth.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::PathBuf;

use hvelv::registers::catalogue::Catalogue;
use hvelv::rpc::proto::disclosure_service_client::DisclosureServiceClient;
use hvelv::rpc::proto::issue_serials_request::Message as Question;
use hvelv::rpc::proto::issue_serials_response::Message as Answer;
use hvelv::rpc::proto::{IssueSerialsRequest, RegisterIdBatch, SerialsHeader};

use super::harness::{Course, Installation, ServerProcess, hvelv};
use super::parquet_parts::{Parts, rows};
use super::released::{Row, Table, cells};

const TERMS: &str = "
[[decision.terms.registers]]
register = 'NPR'
variables = [
    { name = 'birth_year', generalisation = { kind = 'age_band', years = 30, on = '2026-01-01' } },
    { name = 'sex' },
    { name = 'in_date', generalisation = { kind = 'month' } },
    { name = 'icd10', generalisation = { kind = 'first_characters', count = 3 } },
]
secondary = [{ column = 'episode_id', key_space = 'episodes', institution = 'unit_orgnr' }]
[[decision.terms.registers]]
register = 'KPR'
variables = [{ name = 'icpc2' }]
[decision.terms.small_cells]
persons_min = 5
columns = ['birth_year', 'sex']";

/// Rows of a question.
const BATCH: usize = 4096;

/// How the first load came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Load {
    AsItCame,
    SortedByIdentifier,
}

/// Everything that an attacker may have, and the truth.  Persons are numbered by their identifiers.
pub(crate) struct World {
    course: Course,
    pub(crate) persons: usize,
    /// The persons themselves.
    pub(crate) numbers: Vec<usize>,
    pub(crate) births: Vec<String>,
    pub(crate) npr_ids: Vec<u64>,
    pub(crate) kpr_ids: Vec<u64>,
    /// Where in the files of the registers a person came first.
    pub(crate) arrivals_npr: Vec<usize>,
    pub(crate) arrivals_kpr: Vec<usize>,
    /// NPR's rows, as coarse as they come out.
    pub(crate) register: Table,
    pub(crate) released: [Released; 2],
    /// The registers' files.
    pub(crate) sources: Vec<PathBuf>,
    identifiers: Vec<String>,
}

/// A disclosure, opened.
pub(crate) struct Released {
    pub(crate) table: Table,
    pub(crate) parts: Parts,
    /// What the recipient has: sealed, and opened.
    pub(crate) files: Vec<PathBuf>,
}

impl World {
    pub(crate) fn new(load: Load, persons: usize) -> Self {
        let course = Course::open();
        synthesize(&course, load, persons);
        course.pseudonymize("NPR", "HF", "episodes.csv", "npr.csv");
        course.pseudonymize("KPR", "KUHR", "claims.csv", "kpr.csv");
        let mut births: BTreeMap<String, String> = BTreeMap::new();
        for line in course.text("persons.csv").lines().skip(1) {
            let mut cells = cells(line).into_iter();
            let identifier = cells.next().unwrap();
            births.insert(identifier, cells.nth(1).unwrap());
        }
        let (identifiers, births): (Vec<String>, Vec<String>) = births.into_iter().unzip();
        assert_eq!(identifiers.len(), persons);
        let known: HashMap<&str, usize> =
            (0..).zip(&identifiers).map(|(at, id)| (id.as_str(), at)).collect();
        let (register, arrivals_npr) = arrived(&course, &known, "episodes.csv", "npr.csv");
        let (claims, arrivals_kpr) = arrived(&course, &known, "claims.csv", "kpr.csv");
        let numbers_of = |table: &Table| {
            let of: BTreeMap<usize, u64> =
                table.rows.iter().map(|row| (row.person, row.number)).collect();
            of.into_values().collect::<Vec<u64>>()
        };
        let (npr_ids, kpr_ids) = (numbers_of(&register), numbers_of(&claims));
        course.key("key");
        let released = ["first", "second"].map(|name| release(&course, name, &npr_ids));
        let sources = ["npr.csv", "kpr.csv"].map(|name| course.installation.path(name)).to_vec();
        Self {
            persons,
            numbers: (0..persons).collect(),
            births,
            npr_ids,
            kpr_ids,
            arrivals_npr,
            arrivals_kpr,
            register,
            released,
            sources,
            identifiers,
            course,
        }
    }

    /// As numbers.
    pub(crate) fn identifiers(&self) -> Vec<u64> {
        self.identifiers.iter().map(|text| text.parse().unwrap()).collect()
    }

    /// The serials of the persons in both disclosures.
    pub(crate) fn serials(&self) -> [Vec<u64>; 2] {
        [0, 1].map(|at| {
            let numbers = self.released[at].table.numbers();
            let of: BTreeMap<usize, u64> =
                numbers.into_iter().map(|(number, person)| (person, number)).collect();
            of.into_values().collect()
        })
    }

    /// As text.
    pub(crate) fn names(&self) -> &[String] {
        &self.identifiers
    }

    pub(crate) fn installation(&self) -> &Installation {
        &self.course.installation
    }

    pub(crate) fn server(&mut self) -> &mut ServerProcess {
        &mut self.course.server
    }

    /// The number of a register.
    pub(crate) fn register_number(&self, code: &str) -> u16 {
        let catalogue = Catalogue::load(&self.course.installation.path("registers.toml")).unwrap();
        catalogue.iter().find(|register| register.code.as_str() == code).unwrap().number
    }

    /// A backup, sealed.
    pub(crate) fn backup(&self) -> PathBuf {
        let key = public_key(&self.course);
        let output = self.course.path("backup");
        let words = ["backup", "--recipient", &key, "--output", &output];
        self.course.run("operator", &words).well();
        output.into()
    }

    /// A Parquet file that was not made to say little.
    pub(crate) fn ordinary_parquet(&self) -> PathBuf {
        let path = self.course.path("ordinary.parquet");
        hvelv(&["synth", "--persons", "100", "--out", &path]).well();
        path.into()
    }
}

/// Files about the same persons; the first load in its order, the second as it came.
fn synthesize(course: &Course, load: Load, persons: usize) {
    let persons = persons.to_string();
    let [episodes, claims, list] =
        ["episodes.csv", "claims.csv", "persons.csv"].map(|name| course.path(name));
    let words = ["synth", "--persons", &persons, "--seed", "7", "--out", &episodes];
    hvelv(&[&words[..], &["--population", &list]].concat()).well();
    let words = ["synth", "--persons", &persons, "--seed", "7", "--out", &claims];
    hvelv(&[&words[..], &["--kind", "claims"]].concat()).well();
    if load == Load::SortedByIdentifier {
        let text = course.text("episodes.csv");
        let (header, rows) = text.split_once('\n').unwrap();
        let mut rows: Vec<&str> = rows.lines().collect();
        rows.sort_by_key(|row| &row[..11]);
        course.write("episodes.csv", &format!("{header}\n{}\n", rows.join("\n")));
    }
}

/// The rows of a register, and where each person came first.
fn arrived(
    course: &Course,
    known: &HashMap<&str, usize>,
    sent: &str,
    answered: &str,
) -> (Table, Vec<usize>) {
    let (sent, answered) = (course.text(sent), course.text(answered));
    let rows = sent.lines().zip(answered.lines()).skip(1).map(|(sent, answered)| {
        let mut cells = cells(answered);
        let mut take = |column: usize| std::mem::take(&mut cells[column]);
        let age = 2026 - take(11).parse::<i32>().unwrap_or_default();
        let band = age - age % 30;
        let variables = [
            format!("{band}-{}", band + 29),
            take(10),
            take(2).chars().take(7).collect(),
            take(4).chars().take(3).collect(),
        ];
        let (number, value) = (take(0).parse().unwrap(), take(1));
        Row { person: known[&sent[..11]], number, value, variables }
    });
    let table = Table { rows: rows.collect() };
    let mut arrivals = vec![0; known.len()];
    for (place, person) in table.by_appearance().into_iter().enumerate() {
        arrivals[person] = place;
    }
    (table, arrivals)
}

/// Of the recipient of everything here.
fn public_key(course: &Course) -> String {
    let key = course.text("key");
    key.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap().to_owned()
}

/// A disclosure from its application to its files, opened.
fn release(course: &Course, name: &str, npr_ids: &[u64]) -> Released {
    let id = course.disclose(TERMS, &public_key(course));
    let [sealed, opened] = ["sealed", "opened"].map(|state| format!("{name}-{state}"));
    fs::create_dir(course.installation.path(&sealed)).unwrap();
    let files = ["episodes.csv", "episodes.parquet"];
    let outputs = files.map(|file| format!("{sealed}/{file}"));
    let files = outputs.each_ref().map(|output| ["NPR", "npr.csv", output]);
    course.run("officer", &course.making(&id, &files)).well();
    course.unpack("key", &sealed, &opened).well();

    let persons = issued(course, &id, npr_ids);
    let parquet = course.installation.path(&format!("{opened}/episodes.parquet"));
    let table = rows(&parquet, &persons);
    let csv = course.text(&format!("{opened}/episodes.csv"));
    let of_csv = csv.lines().skip(1).map(|line| {
        let mut cells = cells(line).into_iter();
        let number = cells.next().unwrap().parse().unwrap();
        let variables = [(); 4].map(|()| cells.next().unwrap());
        Row { person: persons[&number], number, value: cells.next().unwrap(), variables }
    });
    assert!(of_csv.eq(table.rows.iter().cloned()), "both files have the same rows in one order");
    let files = [sealed, opened].into_iter().flat_map(|directory| {
        let names = course.names(&directory).into_iter();
        names.map(move |name| course.installation.path(&format!("{directory}/{name}")))
    });
    Released { parts: Parts::of(&parquet, &table), table, files: files.collect() }
}

/// The truth: whose serials these are.
fn issued(course: &Course, disclosure: &str, npr_ids: &[u64]) -> HashMap<u64, usize> {
    let open = Question::Open(SerialsHeader { disclosure: disclosure.to_owned() });
    let batches = npr_ids.chunks(BATCH).map(|ids| {
        let (register, ids) = ("NPR".to_owned(), ids.to_vec());
        Question::Batch(RegisterIdBatch { register, ids, ..RegisterIdBatch::default() })
    });
    let questions: Vec<IssueSerialsRequest> = std::iter::once(open)
        .chain(batches)
        .map(|message| IssueSerialsRequest { message: Some(message) })
        .collect();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let serials = runtime.block_on(async {
        let channel = course.installation.connect(course.server.address, "officer").await;
        let mut client = DisclosureServiceClient::new(channel);
        let asked = client.issue_serials(tokio_stream::iter(questions)).await;
        let mut answers = asked.unwrap().into_inner();
        let mut serials = Vec::new();
        while let Some(answer) = answers.message().await.unwrap() {
            if let Some(Answer::Result(result)) = answer.message {
                assert!(result.notes.is_empty());
                serials.extend(result.serials);
            }
        }
        serials
    });
    assert_eq!(serials.len(), npr_ids.len());
    serials.into_iter().zip(0..).collect()
}
