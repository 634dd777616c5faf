//! What must fit together within a register.

use super::{IdentityMode, Reservation, Responsibility, Validity};
use crate::config::reader::Section;

/// Several may process at the same time, but each is listed once for each day.
pub(super) fn processors(section: &Section<'_, '_>, list: &[Responsibility]) {
    let is_twice = |(i, one): (usize, &Responsibility)| {
        list.iter().skip(i + 1).any(|other| {
            other.organisation == one.organisation && other.validity.overlaps(&one.validity)
        })
    };
    if list.iter().enumerate().any(is_twice) {
        section.problem("processor", "lists an organisation twice for the same days; remove one");
    }
}

/// Name and address are kept where the mode says so, and there alone.
pub(super) fn contact(section: &Section<'_, '_>, mode: IdentityMode, has_contact: bool) {
    let text = match (mode, has_contact) {
        (IdentityMode::OneWay, true) => {
            "one_way keeps no identity, so no name or address either; remove them"
        }
        (IdentityMode::Sealed, true) => {
            "name and address are kept by sealed_with_contact; change identity_mode"
        }
        (IdentityMode::SealedWithContact, false) => {
            "is empty; say which contact fields are kept, or change identity_mode"
        }
        (IdentityMode::OneWay | IdentityMode::Sealed, false)
        | (IdentityMode::SealedWithContact, true) => return,
    };
    section.problem("contact_fields", text);
}

/// Whoever consents can withdraw, and the use is limited to what was consented to (S-13, S-14).
pub(super) fn consent(
    section: &Section<'_, '_>,
    mode: Option<IdentityMode>,
    has_purposes: bool,
    reservation: &Reservation,
) {
    if mode == Some(IdentityMode::OneWay) {
        let text = "one_way cannot find a person who withdraws a consent; change it or the basis";
        section.problem("identity_mode", text);
    }
    if !has_purposes {
        section.problem("purposes", "is empty; a consent is given for a purpose");
    }
    if !reservation.uses.is_empty() {
        let text = "a consent is withdrawn, not reserved against; remove it or change the basis";
        section.problem("reservation", text);
    }
}

/// Notes a problem if periods do not follow each other, in order, without gap or overlap.
pub(super) fn succession(
    section: &Section<'_, '_>,
    key: &str,
    periods: impl Iterator<Item = Validity>,
) {
    let periods: Vec<Validity> = periods.collect();
    for pair in periods.windows(2) {
        let [first, second] = pair else { continue };
        if first.overlaps(second) {
            let text = format!("has two at once: {first}, and {second}; correct the days");
            section.problem(key, text);
        } else if !first.meets(second) {
            let text = format!("has none or a wrong order between {first}, and {second}");
            section.problem(key, text + "; each must begin on the day after the one before");
        }
    }
}
