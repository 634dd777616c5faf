//! What first digit and month of an eleven-digit number say together: its kind and its marker.
//!
//! Why five bits and not the two: which sound numbers an environment takes is then one bit a place
//! (`rules.rs`), and one look tells of nearly every row whether it is taken.
//!
//! INVARIANT: every number below 32 is a place; those that no digits lead to mean what their
//! neighbours mean.

use super::national::{IdKind, Marker};

/// What first digit and month say together, in five bits: which kind, and which marker.
#[derive(Clone, Copy)]
pub(super) struct Place(u8);

impl Place {
    /// How many there are.
    pub(super) const COUNT: u8 = 32;

    /// One of them.
    pub(super) const fn new(place: u8) -> Self {
        Self(place % Self::COUNT)
    }

    /// Where it stands.
    #[inline]
    pub(super) const fn number(self) -> u8 {
        self.0
    }

    /// The kind by value alone: first digit, then month (DOMAIN B2, B4, B6).
    #[inline]
    pub(super) const fn kind(self) -> IdKind {
        const KINDS: [IdKind; Place::COUNT as usize] = {
            let mut table = [IdKind::Felles; Place::COUNT as usize];
            let mut marker = 0;
            while marker < 8 {
                let is_hnr = marker == Marker::Nav40 as usize;
                table[marker] = if is_hnr { IdKind::Hnr } else { IdKind::Fnr };
                table[8 + marker] = IdKind::Dnr;
                marker += 1;
            }
            table
        };
        KINDS[(self.0 % Self::COUNT) as usize]
    }

    /// The marker in the month; a felles hjelpenummer has no month and so no marker.
    pub(super) const fn marker(self) -> Marker {
        if matches!(self.kind(), IdKind::Felles) {
            return Marker::None;
        }
        const MARKERS: [Marker; 4] = [Marker::Nav40, Marker::Nav60, Marker::Nhn65, Marker::Tenor80];
        let mut place = 0;
        while place < MARKERS.len() {
            if self.0 % 8 == MARKERS[place] as u8 {
                return MARKERS[place];
            }
            place += 1;
        }
        Marker::None
    }
}
