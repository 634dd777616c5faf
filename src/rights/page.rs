//! A report as a page in bokmål: read on a telephone or a screen, printed, or read aloud.
//!
//! Why it exists: the right to innsyn is a right to understand (GDPR art. 12).  JSON is for programs.
//!
//! ```text
//! Report ─► sections ─► Html (markup is static text, everything else is escaped) ─► one file
//! ```
//!
//! INVARIANT: the page holds no script, and loads nothing: what it shows goes nowhere.
//! INVARIANT: markup comes from the program alone; `html::Html::markup` takes nothing else.
//!
//! What it does *not* protect: the file is clear text about a person.  Whoever writes it answers for
//! where it lies.

mod cards;
mod html;
mod sections;
mod words;

#[cfg(test)]
mod tests;

use super::report::Report;
use html::Html;

const STYLE: &str = include_str!("page/style.css");

/// The report as a whole HTML document.
#[must_use]
pub fn page(report: &Report) -> String {
    let mut html = Html::default();
    html.markup("<!doctype html>\n<html lang=\"nb\">\n<head>\n<meta charset=\"utf-8\">\n");
    html.markup("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    html.markup("<meta name=\"color-scheme\" content=\"light dark\">\n");
    html.markup("<meta name=\"robots\" content=\"noindex\">\n");
    html.markup("<meta name=\"referrer\" content=\"no-referrer\">\n");
    html.markup(
        "<meta http-equiv=\"Content-Security-Policy\" \
         content=\"default-src 'none'; style-src 'unsafe-inline'\">\n",
    );
    html.markup("<title>Innsyn i helseregistre</title>\n<style>\n");
    html.markup(STYLE);
    html.markup("</style>\n</head>\n<body>\n");
    html.markup("<a class=\"skip\" href=\"#innhold\">Hopp til innholdet</a>\n");
    sections::header(&mut html, report);
    sections::contents(&mut html, report);
    html.markup("<main id=\"innhold\">\n");
    sections::registers(&mut html, report);
    sections::disclosures(&mut html, report);
    sections::accesses(&mut html, report);
    sections::cases(&mut html, report);
    sections::rights(&mut html, report);
    html.markup("</main>\n");
    sections::footer(&mut html, report);
    html.markup("</body>\n</html>\n");
    html.finish()
}
