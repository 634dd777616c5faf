//! Reads `decisions.toml`.

use super::{RecipientRule, Routing, Rule};
use crate::config::codes::{RegisterCode, RegisterDirectory};
use crate::config::reader::Section;
use crate::config::words::listed;
use crate::disclosure::words::RecipientClass;

/// Reads the whole file.
pub(super) fn routing(
    mut top: Section<'_, '_>,
    registers: &impl RegisterDirectory,
) -> Option<Routing> {
    let mut is_whole = true;
    let mut rules: Vec<Rule> = Vec::new();
    top.require("rule");
    for mut section in top.children("rule") {
        let rule = rule(&mut section);
        section.finish();
        is_whole &= rule.is_some();
        let Some(rule) = rule else { continue };
        if let Some(other) = rules.iter().find(|other| overlap(other, &rule)) {
            let text = format!("meets {} for a purpose and a kind on the same day", other.code);
            section.problem("", text + "; end one of them before the other begins");
        }
        if rules.iter().any(|other| other.code == rule.code) {
            section.problem("code", "is another rule's too; choose another");
        }
        rules.push(rule);
    }
    let mut recipients = Vec::new();
    top.require("recipient");
    for mut section in top.children("recipient") {
        let recipient = recipient(&mut section, registers);
        section.finish();
        is_whole &= recipient.is_some();
        recipients.extend(recipient);
    }
    top.finish();
    is_whole.then_some(Routing { rules, recipients })
}

fn rule(section: &mut Section<'_, '_>) -> Option<Rule> {
    let code = section.required("code");
    let (authority, combination) = (section.required("authority"), section.required("sources"));
    let kinds = items(section, "decides").into_iter().collect();
    let purposes = items(section, "purposes").into_iter().collect();
    let validity = section.validity();
    Some(Rule {
        code: code?,
        authority: authority?,
        kinds,
        combination: combination?,
        purposes,
        validity: validity?,
    })
}

fn recipient(
    section: &mut Section<'_, '_>,
    registers: &impl RegisterDirectory,
) -> Option<RecipientRule> {
    let class: Option<RecipientClass> = section.required("class");
    if let Some(class) = class.filter(|class| class.is_refused_always()) {
        let text = format!("{class} never receives anything, whatever the rules; remove it");
        section.problem("class", text);
    }
    let codes: Vec<RegisterCode> = items(section, "registers");
    let known = registers.register_codes();
    let unknown: Vec<_> = codes.iter().filter(|code| !known.contains(code)).collect();
    if !unknown.is_empty() {
        let text = format!("{} is in no [[register]] of registers.toml", listed(unknown));
        section.problem("registers", text + "; correct it there or here");
    }
    let purposes = items(section, "purposes").into_iter().collect();
    let validity = section.validity();
    Some(RecipientRule {
        class: class?,
        registers: codes.into_iter().collect(),
        purposes,
        validity: validity?,
    })
}

/// A list that must not be empty.
fn items<T>(section: &mut Section<'_, '_>, key: &'static str) -> Vec<T>
where
    T: std::str::FromStr<Err: std::fmt::Display> + PartialEq,
{
    if !section.has_items(key) {
        section.problem(key, "is missing or empty; name at least one");
    }
    section.list(key)
}

/// Whether two rules could both apply.
fn overlap(one: &Rule, two: &Rule) -> bool {
    one.combination == two.combination
        && !one.purposes.is_disjoint(&two.purposes)
        && !one.kinds.is_disjoint(&two.kinds)
        && one.validity.overlaps(&two.validity)
}
