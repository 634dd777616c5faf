//! House rules that neither the compiler nor clippy checks.
//!
//! Each rule is a function from a file to its violations, so that each is also shown a text that
//! breaks it: a rule that cannot fail proves nothing.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

mod documents;
mod identifiers;
mod modules;
mod sources;

/// A file of the repository.
struct File {
    /// Its path from the root, with `/`.
    path: String,
    text: String,
}

impl File {
    /// A file that is not there, for showing that a rule can fail.
    fn planted(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    fn is_markdown(&self) -> bool {
        self.path.ends_with(".md")
    }

    /// Whether it is compiled for tests only, by the names that the house uses.
    fn is_test(&self) -> bool {
        const NAMES: [&str; 7] = [
            "conformance.rs",
            "golden.rs",
            "harness.rs",
            "known_answers.rs",
            "test_support.rs",
            "testing.rs",
            "tests.rs",
        ];
        let in_tests =
            self.path.split('/').any(|part| ["benches", "testing", "tests"].contains(&part));
        in_tests || NAMES.iter().any(|name| self.path.ends_with(&format!("/{name}")))
    }

    /// The lines of code that are not for tests, numbered, without comments.
    fn code(&self) -> Vec<(usize, &str)> {
        if self.is_test() {
            return Vec::new();
        }
        let mut code = Vec::new();
        let mut lines = self.text.lines().zip(1..);
        while let Some((line, at)) = lines.next() {
            if line.trim() == "#[cfg(test)]" {
                skip_item(line.len() - line.trim_start().len(), &mut lines);
            } else if !line.trim_start().starts_with("//") {
                code.push((at, line));
            }
        }
        code
    }
}

/// Passes over one item that begins on the next line at this indentation; the files are formatted,
/// so it ends with the first line that closes it there.
fn skip_item<'a>(indentation: usize, lines: &mut impl Iterator<Item = (&'a str, usize)>) {
    for (line, _) in lines {
        let is_at_indentation = line.len() - line.trim_start().len() == indentation;
        if is_at_indentation && line.ends_with([';', ',', '}']) {
            return;
        }
    }
}

fn root() -> PathBuf {
    PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap())
}

/// Every text file of the repository, without what is built or made at run time.
fn files() -> Vec<File> {
    let mut found = Vec::new();
    collect(&root(), &root(), &mut found);
    assert!(found.len() > 150, "the tree was read: {}", found.len());
    found
}

fn collect(root: &Path, directory: &Path, found: &mut Vec<File>) {
    const LEFT_OUT: [&str; 5] = [".git", "bench-results.json", "data", "keys/dev", "target"];
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
        if LEFT_OUT.contains(&name.as_str()) {
            continue;
        }
        if path.is_dir() {
            collect(root, &path, found);
        } else if let Ok(text) = std::fs::read_to_string(&path) {
            found.push(File { path: name, text });
        }
    }
}

/// Fails with every violation of a rule in the tree.
fn hold(rule: impl Fn(&File) -> Vec<String>) {
    let violations: Vec<String> = files().iter().flat_map(rule).collect();
    assert!(violations.is_empty(), "{} violations:\n{}", violations.len(), violations.join("\n"));
}

/// Fails unless a rule refuses a text and takes another.
fn refuses(rule: impl Fn(&File) -> Vec<String>, path: &str, bad: &str, good: &str) {
    assert_eq!(rule(&File::planted(path, bad)).len(), 1, "{path} breaks the rule once: {bad}");
    assert!(rule(&File::planted(path, good)).is_empty(), "{path} keeps the rule: {good}");
}
