//! Who may ask for innsyn: the person, or somebody for the person (S-15 to S-24).
//!
//! ```text
//! dead ──► next of kin alone, and not through the digital channel
//! alive ─► digital channel: level Basis or higher, no akuttsperre on whose data it is
//!          ├─ self
//!          └─ somebody else: neither has a protected address, and
//!               ├─ parent: under 16, parental responsibility, a parent at the child's address
//!               └─ attorney: power of attorney for area 1
//! ```
//!
//! INVARIANT: a fact that a rule needs and nobody has stated refuses: what protects a person is never
//! left out by leaving it out.
//! INVARIANT: facts are words of these lists.  They stand in the audit entry and say who nobody is.
//!
//! What it does *not* protect: an akuttsperre of who acts for another does not count (S-22), nor does
//! anything that the seeds are silent about, such as a child that asks for itself.

use std::fmt;

use crate::config::words::word_enum;

#[cfg(test)]
mod tests;

word_enum! {
    /// As whom somebody asks.
    pub enum Acting {
        /// With the person's power of attorney.
        Attorney = "attorney",
        /// As next of kin of a person who is dead.
        Kin = "kin",
        /// As a parent.
        Parent = "parent",
        /// For themselves.
        Person = "self",
    }
}

word_enum! {
    /// How somebody asks.
    pub enum Way {
        /// Logged in: Helsenorge, or another service like it.
        Digital = "digital",
        /// By letter, or at a desk.
        Manual = "manual",
    }
}

word_enum! {
    /// What who acts has consented to at Helsenorge (S-16); in this order.
    pub enum Level {
        /// Nothing.
        None = "none",
        /// Basis.
        Basis = "basis",
        /// Basis+.
        BasisPlus = "basis_plus",
        /// Full access.
        Full = "full",
    }
}

word_enum! {
    /// How old the person is.
    pub enum Age {
        /// 16 years or more.
        From16 = "16_or_over",
        /// Under 16 years.
        Under16 = "under_16",
    }
}

word_enum! {
    /// Whether somebody's address is protected (fortrolig or hemmelig adresse, adressesperre).
    pub enum Address {
        /// It is not.
        Open = "open",
        /// It is.
        Protected = "protected",
    }
}

word_enum! {
    /// Whether digital access to a person's data is blocked (akuttsperre).
    pub enum Block {
        /// It is.
        Blocked = "blocked",
        /// It is not.
        Open = "open",
    }
}

word_enum! {
    /// Whether the person lives.
    pub enum Life {
        /// Yes.
        Alive = "alive",
        /// No.
        Dead = "dead",
    }
}

word_enum! {
    /// Whether something is so.
    pub enum Stated {
        /// No.
        No = "no",
        /// Yes.
        Yes = "yes",
    }
}

/// What the caller states; what is not stated is `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// As whom somebody asks.
    pub acting: Acting,
    /// How.
    pub way: Way,
    /// The level of who acts.
    pub level: Option<Level>,
    /// How old the person is whose data it is.
    pub age: Option<Age>,
    /// The address of the person whose data it is.
    pub address: Option<Address>,
    /// The address of who acts.
    pub address_of_actor: Option<Address>,
    /// The akuttsperre of the person whose data it is.
    pub block: Option<Block>,
    /// Whether the person whose data it is lives.
    pub life: Option<Life>,
    /// Whether who acts has parental responsibility.
    pub parental_responsibility: Option<Stated>,
    /// Whether at least one parent is registered at the child's address.
    pub parent_at_address: Option<Stated>,
    /// Whether there is a power of attorney for area 1.
    pub area_1: Option<Stated>,
    /// Whether who acts is next of kin.
    pub next_of_kin: Option<Stated>,
    /// Whether special reasons are against innsyn in a dead person's data.
    pub special_reasons: Option<Stated>,
}

impl Facts {
    /// Somebody who acts in a way, and nothing else.
    #[must_use]
    pub const fn new(acting: Acting, way: Way) -> Self {
        Self {
            acting,
            way,
            level: None,
            age: None,
            address: None,
            address_of_actor: None,
            block: None,
            life: None,
            parental_responsibility: None,
            parent_at_address: None,
            area_1: None,
            next_of_kin: None,
            special_reasons: None,
        }
    }

    /// The facts as lines of an audit entry.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("acting {}", self.acting), format!("way {}", self.way)];
        let stated: [(&str, Option<&dyn fmt::Display>); 11] = [
            ("level", shown(self.level.as_ref())),
            ("age", shown(self.age.as_ref())),
            ("address", shown(self.address.as_ref())),
            ("address_of_actor", shown(self.address_of_actor.as_ref())),
            ("block", shown(self.block.as_ref())),
            ("life", shown(self.life.as_ref())),
            ("parental_responsibility", shown(self.parental_responsibility.as_ref())),
            ("parent_at_address", shown(self.parent_at_address.as_ref())),
            ("area_1", shown(self.area_1.as_ref())),
            ("next_of_kin", shown(self.next_of_kin.as_ref())),
            ("special_reasons", shown(self.special_reasons.as_ref())),
        ];
        let stated = stated.into_iter();
        lines.extend(stated.filter_map(|(name, value)| Some(format!("{name} {}", value?))));
        lines
    }
}

fn shown<T: fmt::Display>(value: Option<&T>) -> Option<&dyn fmt::Display> {
    value.map(|value| value as &dyn fmt::Display)
}

/// Declares the refusals: word, requirement, text.
macro_rules! refusals {
    ($( $(#[doc = $doc:literal])+ $variant:ident = $word:literal, $source:literal, $text:literal; )+) => {
        /// Why somebody may not ask.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Refusal { $( $(#[doc = $doc])+ $variant, )+ }

        impl Refusal {
            /// Every refusal.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word for it in the audit entry.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The requirement that it follows from.
            #[must_use]
            pub const fn requirement(self) -> &'static str {
                match self { $(Self::$variant => $source),+ }
            }

            /// What who asks is told.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }
    };
}

refusals! {
    /// Nobody has said whether an akuttsperre is on.
    BlockNotStated = "block_not_stated", "S-22", "say whether the person has an akuttsperre (S-22): it stops digital innsyn";
    /// The person's digital access is blocked.
    Blocked = "blocked", "S-22", "the person has an akuttsperre, which stops digital innsyn in their data, also for children (S-22); ask by letter, or have it lifted";
    /// A dead person's data, digitally.
    DeadDigitally = "dead_digitally", "S-24", "innsyn in a dead person's data is never digital (S-24); the next of kin ask by letter";
    /// A dead person's data, by somebody else than kin.
    DeadNotKin = "dead_not_kin", "S-24", "the person is dead: powers of attorney have ended (S-23), and only the next of kin can ask (S-24)";
    /// Kin of somebody who lives.
    KinOfLiving = "kin_of_living", "S-24", "kin can ask for a person who is dead alone (S-24); for who lives it takes a power of attorney for area 1 (S-17)";
    /// Not next of kin, or not stated.
    KinNotNext = "kin_not_next", "S-24", "only the next of kin can ask for a dead person's data (S-24); say that who asks is one";
    /// Special reasons are against it, or nobody has looked.
    KinSpecialReasons = "kin_special_reasons", "S-24", "special reasons are against innsyn in the dead person's data, or nobody has said that there are none (S-24)";
    /// Below Basis, or not stated.
    LevelTooLow = "level_too_low", "S-15", "digital innsyn takes the level Basis or higher of who asks (S-15); ask by letter, or consent to Basis";
    /// Nobody has said whether the person lives.
    LifeNotStated = "life_not_stated", "S-24", "say whether the person lives (S-24)";
    /// No power of attorney for area 1.
    NoPowerOfAttorney = "no_power_of_attorney", "S-17", "asking for another takes a power of attorney for area 1, innsyn in what is registered about you (S-17)";
    /// No parental responsibility.
    ParentNotResponsible = "parent_not_responsible", "S-18", "a parent without parental responsibility cannot ask for the child (S-18)";
    /// No parent lives with the child.
    ParentsElsewhere = "parents_elsewhere", "S-18", "no parent is registered at the child's address, so neither parent can ask for the child (S-18)";
    /// 16 or older.
    ChildNotUnder16 = "child_not_under_16", "S-18", "from 16 on a person asks for themselves; a parent can ask for a child under 16 alone (S-18)";
    /// Neither the number nor the caller says how old the child is.
    AgeNotStated = "age_not_stated", "S-18", "the number does not say how old the child is; say whether it is under 16 (S-18)";
    /// Nobody has said whether an address is protected.
    AddressNotStated = "address_not_stated", "S-19", "say whether the person, and whoever acts, has a protected address (S-19)";
    /// The person has a protected address.
    AddressProtected = "address_protected", "S-19", "the person has a protected address, and nobody can ask on their behalf (S-19)";
    /// Who acts has a protected address.
    ActorAddressProtected = "actor_address_protected", "S-19", "who has a protected address cannot represent others (S-19)";
}

/// Whether somebody may ask, by what was stated.
///
/// # Errors
///
/// The first [`Refusal`] on the way.
pub fn decide(facts: &Facts) -> Result<(), Refusal> {
    let life = facts.life.ok_or(Refusal::LifeNotStated)?;
    if life == Life::Dead {
        return decide_for_dead(facts);
    }
    if facts.acting == Acting::Kin {
        return Err(Refusal::KinOfLiving);
    }
    if facts.way == Way::Digital {
        if facts.level.is_none_or(|level| level < Level::Basis) {
            return Err(Refusal::LevelTooLow);
        }
        if facts.block.ok_or(Refusal::BlockNotStated)? == Block::Blocked {
            return Err(Refusal::Blocked);
        }
    }
    match facts.acting {
        Acting::Person => Ok(()),
        Acting::Attorney => {
            check_addresses(facts)?;
            need(facts.area_1, Stated::Yes, Refusal::NoPowerOfAttorney)
        }
        Acting::Parent => {
            check_addresses(facts)?;
            if facts.age.ok_or(Refusal::AgeNotStated)? == Age::From16 {
                return Err(Refusal::ChildNotUnder16);
            }
            need(facts.parental_responsibility, Stated::Yes, Refusal::ParentNotResponsible)?;
            need(facts.parent_at_address, Stated::Yes, Refusal::ParentsElsewhere)
        }
        Acting::Kin => Err(Refusal::KinOfLiving),
    }
}

fn decide_for_dead(facts: &Facts) -> Result<(), Refusal> {
    if facts.acting != Acting::Kin {
        return Err(Refusal::DeadNotKin);
    }
    if facts.way == Way::Digital {
        return Err(Refusal::DeadDigitally);
    }
    check_addresses(facts)?;
    need(facts.next_of_kin, Stated::Yes, Refusal::KinNotNext)?;
    need(facts.special_reasons, Stated::No, Refusal::KinSpecialReasons)
}

fn check_addresses(facts: &Facts) -> Result<(), Refusal> {
    let (Some(person), Some(actor)) = (facts.address, facts.address_of_actor) else {
        return Err(Refusal::AddressNotStated);
    };
    match (person, actor) {
        (Address::Protected, _) => Err(Refusal::AddressProtected),
        (_, Address::Protected) => Err(Refusal::ActorAddressProtected),
        (Address::Open, Address::Open) => Ok(()),
    }
}

fn need(fact: Option<Stated>, wanted: Stated, otherwise: Refusal) -> Result<(), Refusal> {
    if fact == Some(wanted) { Ok(()) } else { Err(otherwise) }
}
