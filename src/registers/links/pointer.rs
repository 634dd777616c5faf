//! How far each feed of events has been read.
//!
//! FORMAT: docs/FORMATS.md, section "Pointer of a feed".

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::fact;
use crate::config::codes::TermCode;
use crate::registers::records::record_place;
use crate::registers::{Error, PlaneKeys};
use crate::store::keys::{Key, Kind};
use crate::store::{Step, Store};

const VERSION: u8 = 1;
/// Most feeds: their names are for ever, and whoever delivers events names them.  There is one
/// Folkeregister; the others are for its test environments and for what may follow it.
const FEEDS_MAX: usize = 64;

/// How far a feed has been read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedPointer {
    /// The feed.
    pub feed: TermCode,
    /// Sequence number of the last event that was read.
    pub sequence: u64,
    /// Events that were read, those that were passed over included.
    pub events: u64,
}

/// All feeds, by their numbers.
#[derive(Default)]
pub(super) struct Pointers(Vec<FeedPointer>);

/// Version 1.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredV1 {
    v: u8,
    feed: String,
    sequence: u64,
    events: u64,
}

impl FeedPointer {
    /// The plaintext of the record.
    pub(super) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let Self { feed, sequence, events } = self;
        let feed = feed.to_string();
        fact::encode(&StoredV1 { v: VERSION, feed, sequence: *sequence, events: *events })
    }

    /// Reads a record back; `None` when it is not one.
    pub(super) fn decode(plain: &[u8]) -> Option<Self> {
        let StoredV1 { v, feed, sequence, events } = serde_json::from_slice(plain).ok()?;
        (v == VERSION).then_some(Self { feed: feed.parse().ok()?, sequence, events })
    }
}

impl Pointers {
    pub(super) fn load(store: &dyn Store, keys: &PlaneKeys) -> Result<Self, Error> {
        let (mut pointers, mut failure) = (Self::default(), None);
        store.scan(Key::all(Kind::EventPointer), &mut |bytes, value| {
            let key = Key::parse(bytes)?.1;
            let is_next = usize::from(Key::leading_u16(bytes)?) == pointers.0.len();
            let opened = keys.storage().open(&record_place(&key), value).ok();
            match opened.as_deref().and_then(|plain| FeedPointer::decode(plain)) {
                Some(pointer) if is_next => pointers.0.push(pointer),
                _ => failure = Some(Error::Damaged { what: "pointer of a feed" }),
            }
            Ok(if failure.is_none() { Step::Continue } else { Step::Stop })
        })?;
        failure.map_or(Ok(pointers), Err)
    }

    pub(super) fn of(&self, feed: &TermCode) -> Option<&FeedPointer> {
        self.0.iter().find(|pointer| pointer.feed == *feed)
    }

    /// Whether a feed is known, or may still become so.
    pub(super) fn has_room_for(&self, feed: &TermCode) -> bool {
        self.of(feed).is_some() || self.0.len() < FEEDS_MAX
    }

    /// Moves a pointer; gives its number.
    pub(super) fn advance(
        &mut self,
        feed: &TermCode,
        sequence: u64,
        events: u64,
    ) -> Result<(u16, &FeedPointer), Error> {
        if !self.has_room_for(feed) {
            return Err(Error::TooLarge);
        }
        let place = self.0.iter().position(|pointer| pointer.feed == *feed);
        let place = place.unwrap_or_else(|| {
            self.0.push(FeedPointer { feed: feed.clone(), sequence: 0, events: 0 });
            self.0.len() - 1
        });
        let number = u16::try_from(place).map_err(|_| Error::TooLarge)?;
        let pointer = &mut self.0[place];
        pointer.sequence = sequence;
        pointer.events += events;
        Ok((number, pointer))
    }
}
