//! Events of the population register, as a course draws them.

use jiff::civil::Date;

use super::super::identities::event;
use super::persons::Persons;
use super::*;
use crate::registers::{AddressProtection, Protection};

/// An event: about one identifier, often with another.
pub(super) struct Event {
    pub(super) main: usize,
    pub(super) other: Option<usize>,
    pub(super) what: Happens,
    event_type: IdentityEventType,
}

#[derive(Clone, Copy)]
pub(super) enum Happens {
    Address(AddressProtection),
    /// A death is corrected, or was none.
    Corrected(Day),
    Died(Day),
    Falsehood(Falsehood),
    Joined(Protection),
    Revived,
    Split,
}

/// A day of death.
#[derive(Clone, Copy)]
pub(super) enum Day {
    BeforeBirth,
    Future,
    One,
    Other,
    Unknown,
}

/// What becomes of an event.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Became {
    Applied,
    Unchanged,
    Wrong(EventCode),
}

impl Day {
    const ALL: [Self; 8] = [
        Self::BeforeBirth,
        Self::Future,
        Self::One,
        Self::One,
        Self::Other,
        Self::Other,
        Self::Unknown,
        Self::Unknown,
    ];

    pub(super) fn day(self) -> Option<Date> {
        match self {
            Self::BeforeBirth => Some(date(1949, 12, 31)),
            Self::Future => Some(date(2026, 1, 16)),
            Self::One => Some(date(2026, 1, 2)),
            Self::Other => Some(date(2015, 3, 1)),
            Self::Unknown => None,
        }
    }
}

impl Happens {
    /// What is wrong with it, whoever it is about.
    pub(super) fn code(self) -> Option<EventCode> {
        match self {
            Self::Corrected(Day::BeforeBirth) | Self::Died(Day::BeforeBirth) => {
                Some(EventCode::DeathBeforeBirth)
            }
            Self::Corrected(Day::Future) | Self::Died(Day::Future) => Some(EventCode::DateInFuture),
            _ => None,
        }
    }
}

impl Became {
    /// How it is counted and reported.
    pub(super) fn counted(self) -> (EventCounts, Vec<EventCode>) {
        let mut counts = EventCounts::default();
        let (count, code) = match self {
            Self::Applied => (&mut counts.applied, None),
            Self::Unchanged => (&mut counts.unchanged, None),
            Self::Wrong(code) => (&mut counts.reported, Some(code)),
        };
        *count += 1;
        (counts, code.into_iter().collect())
    }
}

impl Event {
    pub(super) fn draw(draw: &mut Draw, persons: &Persons) -> Self {
        use IdentityEventType as Type;
        let [main, other] = draw.two();
        let with = |what, event_type| Self { main, other: Some(other), what, event_type };
        let alone = |what, event_type| Self { main, other: None, what, event_type };
        match draw.below(16) {
            0..7 => {
                let joins =
                    [Type::IdentifierChanged, Type::DufChanged, Type::MergedAway, Type::MergedInto];
                let is_protected = draw.below(5) == 0;
                let protection =
                    if is_protected { Protection::Protected } else { Protection::Shown };
                with(Happens::Joined(protection), draw.of(&joins))
            }
            7..11 => {
                let event_type = draw.of(&[Type::SplitChanged, Type::SplitRestored]);
                let is_any = draw.below(4) == 0;
                let joined = persons.joined(draw).filter(|_| !is_any);
                let [main, other] = joined.unwrap_or([main, other]);
                Self { main, other: Some(other), what: Happens::Split, event_type }
            }
            11..13 => alone(Happens::Died(draw.of(&Day::ALL)), Type::Died),
            13 => match draw.below(2) {
                0 => alone(Happens::Corrected(draw.of(&Day::ALL)), Type::DeathChanged),
                _ => alone(Happens::Revived, Type::Reactivated),
            },
            14 => {
                use AddressProtection as Address;
                let all = [Address::Client, Address::Confidential, Address::Strict];
                let all = [all.as_slice(), &[Address::Ungraded; 3]].concat();
                alone(Happens::Address(draw.of(&all)), Type::AddressProtection)
            }
            _ => {
                let falsehood = draw.of(&[Falsehood::False, Falsehood::True]);
                let what = Happens::Falsehood(falsehood);
                let both = with(what, Type::FalseIdentity);
                if draw.below(3) > 0 { both } else { Self { other: None, ..both } }
            }
        }
    }

    /// The event as it stands in the feed.
    pub(super) fn told(&self, sequence: u64, numbers: &[u64]) -> IdentityEvent {
        let others: Vec<u64> = self.other.iter().map(|other| numbers[*other]).collect();
        let mut told = event(sequence, self.event_type, numbers[self.main], &others);
        match self.what {
            Happens::Address(protection) => told.address = Some(protection),
            Happens::Corrected(day) | Happens::Died(day) => told.died = day.day(),
            Happens::Falsehood(falsehood) => told.falsehood = Some(falsehood),
            Happens::Joined(protection) => told.protection = protection,
            Happens::Revived | Happens::Split => {}
        }
        told
    }
}
