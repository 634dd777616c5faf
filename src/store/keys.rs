//! The key space of both stores.
//!
//! ```text
//! FORMAT: kind (1 byte) ‖ fixed-width parts, big-endian.  Docs: docs/FORMATS.md, section "Keys".
//!
//! plane      kind  name            parts                               value
//! both       0x01  Marker          -                                   records::Marker
//! both       0x02  HighWater       space u16                           records::Mark
//! registers  0x03  VaultUsed       partition u16                       records::Mark
//! registers  0x04  VaultLease      partition u16                       records::Mark
//! vault      0x10  Group           partition u16, first position u64   vault::group
//! vault      0x11  Contact         partition u16, handle 16 bytes,
//!                                  register u16                        vault::contact
//! registers  0x20  Delta           register u16, sequence u64          registers::delta
//! registers  0x21  RightsFact      register u16, sequence u64          sealed record
//! registers  0x23  AuditPerson     reference 16 bytes                  sealed person
//! registers  0x24  Link            partition u16, sequence u64         sealed record
//! registers  0x25  PersonFact      partition u16, sequence u64         sealed record
//! registers  0x26  IdChange        register u16, sequence u64          sealed record
//! registers  0x27  EventPointer    feed u16                            sealed record
//! registers  0x28  Case            year u16, number u32                sealed record
//! registers  0x29  Order           register u16, sequence u64          sealed record
//! registers  0x2a  Tombstone       register u16, sequence u64          sealed record
//! registers  0x2b  VaultErasure    partition u16, sequence u64         sealed set of persons
//! registers  0x30  AuditBody       index u64                           sealed audit leaf
//! registers  0x31  AuditLeaf       index u64                           leaf hash, 32 bytes
//! registers  0x32  Checkpoint      size u64                            signed note
//! registers  0x33  AuditPersons    index u64                           sealed set of persons
//! registers  0x34  AuditOf         partition u16, chunk u32, first index u64   sealed, by entry
//! registers  0x35  IndexMark       index u16                           records::Mark
//! registers  0x36  DeliveredIn     partition u16, chunk u32,
//!                                  delivery id 16 bytes                sealed set of persons
//! registers  0x37  Reissue         register u16, sequence u64          sealed record
//! registers  0x38  Aliases         register u16, first number u64      sealed part of a table
//! registers  0x40  Delivery        delivery id 16 bytes                sealed record
//! registers  0x41  DeliveryPersons delivery id 16 bytes, part u32      sealed set of persons
//! registers  0x50  Budget          account u32                         sealed record
//! registers  0x51  BudgetPersons   account u32, sequence u64           sealed set of persons
//! registers  0x60  Application     year u16, number u32                sealed record
//! registers  0x61  Disclosure      disclosure id 16 bytes              sealed record
//! registers  0x62  DisclosureKey   disclosure id 16 bytes              wrapped key
//! registers  0x63  DisclosedDelta  disclosure id 16 bytes, sequence u64   sealed set of persons
//! registers  0x64  Disclosed       partition u16, chunk u32,
//!                                  disclosure id 16 bytes              sealed set of persons
//! registers  0x65  DisclosureItem  disclosure id 16 bytes, sequence u64   sealed, dies with the key
//! registers  0x66  Bridge          disclosure id 16 bytes, number u32  sealed record
//! registers  0x6a  SerialPin       disclosure id 16 bytes, sequence u64   sealed pairs of persons
//! registers  0x6b  SerialOrdinal   disclosure id 16 bytes, sequence u64   sealed, by person
//! registers  0x6c  WindowOneWay    disclosure id 16 bytes              sealed, dies with the key
//! registers  0x70  Approval        approval id 10 bytes                sealed record
//! registers  0x7a  PendingRestore  -                                   sealed record
//! registers  0x7c  Access          -                                   sealed record
//! ```
//!
//! Invariants: no key holds an identifier, a person number, a register number of a person or an ID;
//! ranges of different kinds are disjoint; byte order is the order of the parts.

use std::fmt;
use std::ops::Range;

use super::Error;

/// A stored key: at most 25 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    // INVARIANT: only the first `length` bytes are set; the rest is zero, so that the derived order
    // of (bytes, length) is the byte order of the keys.
    bytes: [u8; Self::LENGTH_MAX],
    length: u8,
}

/// What a key is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Schema marker.
    Marker,
    /// Numbers leased so far in a number space.
    HighWater,
    /// Positions of the vault that the register plane has seen used.
    VaultUsed,
    /// Positions of the vault that the register plane has seen leased.
    VaultLease,
    /// Up to 256 new persons.
    Group,
    /// Name and address of a person, as one register has them.
    Contact,
    /// New members of a register.
    Delta,
    /// A reservation or a consent, or the end of one.
    RightsFact,
    /// The person whom an audit entry is about.
    AuditPerson,
    /// Two identifiers that are one person's, or the end of that.
    Link,
    /// What the population register says about a person.
    PersonFact,
    /// An ID of a register that another has replaced, or that is back.
    IdChange,
    /// How far a feed of events has been read.
    EventPointer,
    /// A request for erasure, and what became of it.
    Case,
    /// What a register is to delete.
    Order,
    /// Until when a person's erased past is kept out of a register.
    Tombstone,
    /// Persons whose tags and identities are being removed from the vault.
    VaultErasure,
    /// Sealed body of an audit entry.
    AuditBody,
    /// Leaf hash of an audit entry.
    AuditLeaf,
    /// Signed checkpoint.
    Checkpoint,
    /// Persons that a look-up asked about.
    AuditPersons,
    /// Persons of a chunk of 65,536 whom audit entries concern, entry by entry.
    AuditOf,
    /// How far an index by person has come.
    IndexMark,
    /// Persons of a chunk of 65,536 who are in a delivery.
    DeliveredIn,
    /// An ID of a register that was issued anew for one person.
    Reissue,
    /// IDs that a register had before, and what stands for each.
    Aliases,
    /// Record of a delivery.
    Delivery,
    /// Persons in a delivery.
    DeliveryPersons,
    /// What a client has spent of its budgets in a register.
    Budget,
    /// Persons that a client was told about for the first time.
    BudgetPersons,
    /// An application and its decision.
    Application,
    /// A disclosure.
    Disclosure,
    /// The wrapped key of a disclosure.
    DisclosureKey,
    /// Persons whose serials were answered with one commit.
    DisclosedDelta,
    /// Persons of a chunk of 65,536 who are in a disclosure.
    Disclosed,
    /// What dies with a disclosure's key.
    DisclosureItem,
    /// A bridge out: a file of identifiers and serials that was given to a linking party.
    Bridge,
    /// IDs of another party, by person.
    BridgeLabels,
    /// A bridge in: whose IDs stand in the place of serials.
    BridgeIn,
    /// Who was in the sealed registers of a joint disclosure when its first window was opened.
    WindowPersons,
    /// Persons who were answered with the serial of another leaf.
    SerialPin,
    /// What serials of few digits are made of, by person.
    SerialOrdinal,
    /// Who was in the one-way register of a joint disclosure when its first window was opened.
    WindowOneWay,
    /// What one person asked for and another allows.
    Approval,
    /// A restore whose loss nobody has accepted yet.
    PendingRestore,
    /// Who holds what takes two persons to grant, and the access file that was recorded last.
    Access,
}

impl Kind {
    const ALL: &[Self] = &[
        Self::Marker,
        Self::HighWater,
        Self::VaultUsed,
        Self::VaultLease,
        Self::Group,
        Self::Contact,
        Self::Delta,
        Self::RightsFact,
        Self::AuditPerson,
        Self::Link,
        Self::PersonFact,
        Self::IdChange,
        Self::EventPointer,
        Self::Case,
        Self::Order,
        Self::Tombstone,
        Self::VaultErasure,
        Self::AuditBody,
        Self::AuditLeaf,
        Self::Checkpoint,
        Self::AuditPersons,
        Self::AuditOf,
        Self::IndexMark,
        Self::DeliveredIn,
        Self::Reissue,
        Self::Aliases,
        Self::Delivery,
        Self::DeliveryPersons,
        Self::Budget,
        Self::BudgetPersons,
        Self::Application,
        Self::Disclosure,
        Self::DisclosureKey,
        Self::DisclosedDelta,
        Self::Disclosed,
        Self::DisclosureItem,
        Self::Bridge,
        Self::BridgeLabels,
        Self::BridgeIn,
        Self::WindowPersons,
        Self::SerialPin,
        Self::SerialOrdinal,
        Self::WindowOneWay,
        Self::Approval,
        Self::PendingRestore,
        Self::Access,
    ];

    /// The byte that its keys begin with.
    pub const fn code(self) -> u8 {
        match self {
            Self::Marker => 0x01,
            Self::HighWater => 0x02,
            Self::VaultUsed => 0x03,
            Self::VaultLease => 0x04,
            Self::Group => 0x10,
            Self::Contact => 0x11,
            Self::Delta => 0x20,
            Self::RightsFact => 0x21,
            Self::AuditPerson => 0x23,
            Self::Link => 0x24,
            Self::PersonFact => 0x25,
            Self::IdChange => 0x26,
            Self::EventPointer => 0x27,
            Self::Case => 0x28,
            Self::Order => 0x29,
            Self::Tombstone => 0x2a,
            Self::VaultErasure => 0x2b,
            Self::AuditBody => 0x30,
            Self::AuditLeaf => 0x31,
            Self::Checkpoint => 0x32,
            Self::AuditPersons => 0x33,
            Self::AuditOf => 0x34,
            Self::IndexMark => 0x35,
            Self::DeliveredIn => 0x36,
            Self::Reissue => 0x37,
            Self::Aliases => 0x38,
            Self::Delivery => 0x40,
            Self::DeliveryPersons => 0x41,
            Self::Budget => 0x50,
            Self::BudgetPersons => 0x51,
            Self::Application => 0x60,
            Self::Disclosure => 0x61,
            Self::DisclosureKey => 0x62,
            Self::DisclosedDelta => 0x63,
            Self::Disclosed => 0x64,
            Self::DisclosureItem => 0x65,
            Self::Bridge => 0x66,
            Self::BridgeLabels => 0x67,
            Self::BridgeIn => 0x68,
            Self::WindowPersons => 0x69,
            Self::SerialPin => 0x6a,
            Self::SerialOrdinal => 0x6b,
            Self::WindowOneWay => 0x6c,
            Self::Approval => 0x70,
            Self::PendingRestore => 0x7a,
            Self::Access => 0x7c,
        }
    }

    /// Length of the parts after the kind byte.
    const fn parts_bytes(self) -> usize {
        match self {
            Self::Access | Self::Marker | Self::PendingRestore => 0,
            Self::HighWater | Self::IndexMark | Self::VaultUsed | Self::VaultLease => 2,
            Self::EventPointer => 2,
            Self::Group | Self::Delta | Self::RightsFact => 10,
            Self::Link | Self::PersonFact | Self::IdChange => 10,
            Self::Order | Self::Tombstone | Self::VaultErasure => 10,
            Self::Aliases | Self::Reissue => 10,
            Self::AuditBody | Self::AuditLeaf | Self::Checkpoint | Self::AuditPersons => 8,
            Self::AuditPerson | Self::Delivery | Self::Disclosure | Self::DisclosureKey => 16,
            Self::BridgeIn | Self::WindowOneWay | Self::WindowPersons => 16,
            Self::Contact | Self::DeliveryPersons | Self::Bridge => 20,
            Self::Budget => 4,
            Self::BudgetPersons => 12,
            Self::Application | Self::Case => 6,
            Self::BridgeLabels | Self::DisclosedDelta | Self::DisclosureItem => 24,
            Self::SerialOrdinal | Self::SerialPin => 24,
            Self::AuditOf => 14,
            Self::DeliveredIn | Self::Disclosed => 22,
            Self::Approval => 10,
        }
    }

    /// Name for errors.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Marker => "schema marker",
            Self::HighWater => "high-water mark",
            Self::VaultUsed | Self::VaultLease => "mark of the vault",
            Self::Group => "group of persons",
            Self::Contact => "contact",
            Self::Delta => "membership delta",
            Self::RightsFact => "rights fact",
            Self::AuditPerson => "audit person",
            Self::Link => "link",
            Self::PersonFact => "person fact",
            Self::IdChange => "change of an ID",
            Self::EventPointer => "pointer of a feed",
            Self::Case => "case",
            Self::Order => "order",
            Self::Tombstone => "tombstone",
            Self::VaultErasure => "erasure of the vault",
            Self::AuditBody => "audit entry",
            Self::AuditLeaf => "audit leaf hash",
            Self::Checkpoint => "checkpoint",
            Self::AuditPersons => "audit person set",
            Self::AuditOf => "index of audit entries",
            Self::IndexMark => "mark of an index",
            Self::DeliveredIn => "index of deliveries",
            Self::Reissue => "reissue of an ID",
            Self::Aliases => "part of the aliases",
            Self::Delivery => "delivery",
            Self::DeliveryPersons => "delivery person set",
            Self::Budget => "budget",
            Self::BudgetPersons => "budget person set",
            Self::Application => "application",
            Self::Disclosure => "disclosure",
            Self::DisclosureKey => "disclosure key",
            Self::DisclosedDelta | Self::Disclosed => "disclosure person set",
            Self::DisclosureItem => "disclosure item",
            Self::Bridge => "bridge",
            Self::BridgeLabels => "IDs of another party",
            Self::BridgeIn => "bridge in",
            Self::WindowOneWay | Self::WindowPersons => "persons of a window",
            Self::SerialPin => "pin of a serial",
            Self::SerialOrdinal => "ordinal of a serial",
            Self::Approval => "approval",
            Self::PendingRestore => "pending restore",
            Self::Access => "access in force",
        }
    }
}

impl Key {
    const LENGTH_MAX: usize = 25;

    /// The schema marker.
    pub fn marker() -> Self {
        Self::build(Kind::Marker, &[])
    }

    /// Numbers leased so far in a number space (0 = persons, otherwise a register's number).
    pub fn high_water(space: u16) -> Self {
        Self::build(Kind::HighWater, &[&space.to_be_bytes()])
    }

    /// Positions of a vault partition that the register plane has seen used (0 = persons).
    pub fn vault_used(partition: u16) -> Self {
        Self::build(Kind::VaultUsed, &[&partition.to_be_bytes()])
    }

    /// Positions of a vault partition that the register plane has seen leased (0 = persons).
    pub fn vault_lease(partition: u16) -> Self {
        Self::build(Kind::VaultLease, &[&partition.to_be_bytes()])
    }

    /// The group of a partition that begins at a position.
    pub fn group(partition: u16, first_position: u64) -> Self {
        Self::build(Kind::Group, &[&partition.to_be_bytes(), &first_position.to_be_bytes()])
    }

    /// Name and address of a person in a register; the handle stands for the person.
    pub fn contact(partition: u16, handle: [u8; 16], register: u16) -> Self {
        let (partition, register) = (partition.to_be_bytes(), register.to_be_bytes());
        Self::build(Kind::Contact, &[&partition, &handle, &register])
    }

    /// A register's delta.
    pub fn delta(register: u16, sequence: u64) -> Self {
        Self::build(Kind::Delta, &[&register.to_be_bytes(), &sequence.to_be_bytes()])
    }

    /// A fact of a register's rights.
    pub fn rights_fact(register: u16, sequence: u64) -> Self {
        Self::build(Kind::RightsFact, &[&register.to_be_bytes(), &sequence.to_be_bytes()])
    }

    /// The person whom an audit entry with that reference is about.
    pub fn audit_person(reference: [u8; 16]) -> Self {
        Self::build(Kind::AuditPerson, &[&reference])
    }

    /// A link of a partition.
    pub fn link(partition: u16, sequence: u64) -> Self {
        Self::build(Kind::Link, &[&partition.to_be_bytes(), &sequence.to_be_bytes()])
    }

    /// What is known of a person of a partition.
    pub fn person_fact(partition: u16, sequence: u64) -> Self {
        Self::build(Kind::PersonFact, &[&partition.to_be_bytes(), &sequence.to_be_bytes()])
    }

    /// A change of an ID of a register.
    pub fn id_change(register: u16, sequence: u64) -> Self {
        Self::build(Kind::IdChange, &[&register.to_be_bytes(), &sequence.to_be_bytes()])
    }

    /// How far a feed of events has been read.
    pub fn event_pointer(feed: u16) -> Self {
        Self::build(Kind::EventPointer, &[&feed.to_be_bytes()])
    }

    /// A case, by year and number.
    pub fn case(year: u16, number: u32) -> Self {
        Self::build(Kind::Case, &[&year.to_be_bytes(), &number.to_be_bytes()])
    }

    /// An order to a register.
    pub fn order(register: u16, sequence: u64) -> Self {
        Self::build(Kind::Order, &[&register.to_be_bytes(), &sequence.to_be_bytes()])
    }

    /// A tombstone of a register.
    pub fn tombstone(register: u16, sequence: u64) -> Self {
        Self::build(Kind::Tombstone, &[&register.to_be_bytes(), &sequence.to_be_bytes()])
    }

    /// Persons who are being removed from a partition of the vault.
    pub fn vault_erasure(partition: u16, sequence: u64) -> Self {
        Self::build(Kind::VaultErasure, &[&partition.to_be_bytes(), &sequence.to_be_bytes()])
    }

    /// The sealed body of an audit entry.
    pub fn audit_body(index: u64) -> Self {
        Self::build(Kind::AuditBody, &[&index.to_be_bytes()])
    }

    /// The leaf hash of an audit entry.
    pub fn audit_leaf(index: u64) -> Self {
        Self::build(Kind::AuditLeaf, &[&index.to_be_bytes()])
    }

    /// The checkpoint of a tree size.
    pub fn checkpoint(size: u64) -> Self {
        Self::build(Kind::Checkpoint, &[&size.to_be_bytes()])
    }

    /// The persons that the look-ups of an audit entry asked about.
    pub fn audit_persons(index: u64) -> Self {
        Self::build(Kind::AuditPersons, &[&index.to_be_bytes()])
    }

    /// Whom entries concern among the persons of a chunk, by the first of those entries.
    pub fn audit_of(partition: u16, chunk: u32, first: u64) -> Self {
        let parts: [&[u8]; 3] =
            [&partition.to_be_bytes(), &chunk.to_be_bytes(), &first.to_be_bytes()];
        Self::build(Kind::AuditOf, &parts)
    }

    /// How far an index by person has come.
    pub fn index_mark(index: u16) -> Self {
        Self::build(Kind::IndexMark, &[&index.to_be_bytes()])
    }

    /// Persons of a chunk of a partition who are in a delivery.
    pub fn delivered_in(partition: u16, chunk: u32, delivery: [u8; 16]) -> Self {
        let parts: [&[u8]; 3] = [&partition.to_be_bytes(), &chunk.to_be_bytes(), &delivery];
        Self::build(Kind::DeliveredIn, &parts)
    }

    /// An ID that was issued anew, by its number in the register's list of them.
    pub fn reissue(register: u16, sequence: u64) -> Self {
        Self::build(Kind::Reissue, &[&register.to_be_bytes(), &sequence.to_be_bytes()])
    }

    /// IDs that a register had before, by the number of the first of them.
    pub fn aliases(register: u16, first: u64) -> Self {
        Self::build(Kind::Aliases, &[&register.to_be_bytes(), &first.to_be_bytes()])
    }

    /// A delivery.
    pub fn delivery(id: [u8; 16]) -> Self {
        Self::build(Kind::Delivery, &[&id])
    }

    /// A part of a delivery's set of persons.
    pub fn delivery_persons(id: [u8; 16], part: u32) -> Self {
        Self::build(Kind::DeliveryPersons, &[&id, &part.to_be_bytes()])
    }

    /// The budgets of an account.
    pub fn budget(account: u32) -> Self {
        Self::build(Kind::Budget, &[&account.to_be_bytes()])
    }

    /// Persons that an account was told about for the first time with one commit.
    pub fn budget_persons(account: u32, sequence: u64) -> Self {
        let parts: [&[u8]; 2] = [&account.to_be_bytes(), &sequence.to_be_bytes()];
        Self::build(Kind::BudgetPersons, &parts)
    }

    /// An application, by year and number.
    pub fn application(year: u16, number: u32) -> Self {
        Self::build(Kind::Application, &[&year.to_be_bytes(), &number.to_be_bytes()])
    }

    /// A disclosure.
    pub fn disclosure(id: [u8; 16]) -> Self {
        Self::build(Kind::Disclosure, &[&id])
    }

    /// The wrapped key of a disclosure.
    pub fn disclosure_key(id: [u8; 16]) -> Self {
        Self::build(Kind::DisclosureKey, &[&id])
    }

    /// Persons whose serials were answered with one commit.
    pub fn disclosed_delta(disclosure: [u8; 16], sequence: u64) -> Self {
        Self::build(Kind::DisclosedDelta, &[&disclosure, &sequence.to_be_bytes()])
    }

    /// Persons of a chunk of a partition who are in a disclosure.
    pub fn disclosed(partition: u16, chunk: u32, disclosure: [u8; 16]) -> Self {
        let parts: [&[u8]; 3] = [&partition.to_be_bytes(), &chunk.to_be_bytes(), &disclosure];
        Self::build(Kind::Disclosed, &parts)
    }

    /// What dies with a disclosure's key.
    pub fn disclosure_item(disclosure: [u8; 16], sequence: u64) -> Self {
        Self::build(Kind::DisclosureItem, &[&disclosure, &sequence.to_be_bytes()])
    }

    /// A bridge out of a disclosure.
    pub fn bridge(disclosure: [u8; 16], number: u32) -> Self {
        Self::build(Kind::Bridge, &[&disclosure, &number.to_be_bytes()])
    }

    /// IDs of another party, by person.
    pub fn bridge_labels(disclosure: [u8; 16], sequence: u64) -> Self {
        Self::build(Kind::BridgeLabels, &[&disclosure, &sequence.to_be_bytes()])
    }

    /// The bridge into a disclosure.
    pub fn bridge_in(disclosure: [u8; 16]) -> Self {
        Self::build(Kind::BridgeIn, &[&disclosure])
    }

    /// Who was in the sealed registers of a joint disclosure when its first window was opened.
    pub fn window_persons(disclosure: [u8; 16]) -> Self {
        Self::build(Kind::WindowPersons, &[&disclosure])
    }

    /// Who was in the one-way register of a joint disclosure when its first window was opened.
    pub fn window_one_way(disclosure: [u8; 16]) -> Self {
        Self::build(Kind::WindowOneWay, &[&disclosure])
    }

    /// Persons who were answered with the serial of another leaf, with one commit.
    pub fn serial_pin(disclosure: [u8; 16], sequence: u64) -> Self {
        Self::build(Kind::SerialPin, &[&disclosure, &sequence.to_be_bytes()])
    }

    /// Persons whose serials are made of ordinals, with one commit.  The disclosure is the first of
    /// those with its key.
    pub fn serial_ordinal(disclosure: [u8; 16], sequence: u64) -> Self {
        Self::build(Kind::SerialOrdinal, &[&disclosure, &sequence.to_be_bytes()])
    }

    /// An approval.
    pub fn approval(id: [u8; 10]) -> Self {
        Self::build(Kind::Approval, &[&id])
    }

    /// A restore whose loss nobody has accepted yet.
    pub fn pending_restore() -> Self {
        Self::build(Kind::PendingRestore, &[])
    }

    /// Who holds what takes two persons to grant.
    pub fn access() -> Self {
        Self::build(Kind::Access, &[])
    }

    /// The key's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }

    /// Every key of a kind.
    pub fn all(kind: Kind) -> Range<Self> {
        Self::prefix(&[kind.code()])..Self::prefix(&[kind.code() + 1])
    }

    /// Every key, of known kinds or not.
    pub fn everything() -> Range<Self> {
        Self::prefix(&[])..Self::prefix(&[u8::MAX; Self::LENGTH_MAX])
    }

    /// Every group of a partition from a position on.
    pub fn groups_from(partition: u16, position: u64) -> Range<Self> {
        Self::group(partition, position)..Self::after_space(Kind::Group, partition)
    }

    /// What all registers have of a person's name and address.
    pub fn contacts_of(partition: u16, handle: [u8; 16]) -> Range<Self> {
        let mut last = Self::contact(partition, handle, u16::MAX);
        last.length = u8::try_from(Self::LENGTH_MAX).unwrap_or(u8::MAX);
        Self::contact(partition, handle, 0)..last
    }

    /// Every delta of a register.
    pub fn deltas(register: u16) -> Range<Self> {
        Self::delta(register, 0)..Self::after_space(Kind::Delta, register)
    }

    /// Every fact of a register's rights.
    pub fn rights_facts(register: u16) -> Range<Self> {
        Self::rights_fact(register, 0)..Self::after_space(Kind::RightsFact, register)
    }

    /// The changes of a register's IDs from a sequence number on.
    pub fn id_changes_from(register: u16, sequence: u64) -> Range<Self> {
        Self::id_change(register, sequence)..Self::after_space(Kind::IdChange, register)
    }

    /// A register's IDs that were issued anew, from a number on.
    pub fn reissues_from(register: u16, sequence: u64) -> Range<Self> {
        Self::reissue(register, sequence)..Self::after_space(Kind::Reissue, register)
    }

    /// The parts of a register's aliases that begin at a number or after it.
    pub fn aliases_from(register: u16, first: u64) -> Range<Self> {
        Self::aliases(register, first)..Self::after_space(Kind::Aliases, register)
    }

    /// Every order to a register from a sequence number on.
    pub fn orders_from(register: u16, sequence: u64) -> Range<Self> {
        Self::order(register, sequence)..Self::after_space(Kind::Order, register)
    }

    /// Every tombstone of a register.
    pub fn tombstones(register: u16) -> Range<Self> {
        Self::tombstone(register, 0)..Self::after_space(Kind::Tombstone, register)
    }

    /// Every part of a delivery's set of persons.
    pub fn delivery_parts(id: [u8; 16]) -> Range<Self> {
        let mut last = Self::delivery_persons(id, u32::MAX);
        last.length = u8::try_from(Self::LENGTH_MAX).unwrap_or(u8::MAX);
        Self::delivery_persons(id, 0)..last
    }

    /// Every set of persons of an account.
    pub fn budget_sets(account: u32) -> Range<Self> {
        // Sequences count commits; the last number is never reached.
        Self::budget_persons(account, 0)..Self::budget_persons(account, u64::MAX)
    }

    /// Every set of persons of a disclosure with sequence numbers in a range.
    pub fn disclosed_deltas(disclosure: [u8; 16], sequences: Range<u64>) -> Range<Self> {
        let Range { start, end } = sequences;
        Self::disclosed_delta(disclosure, start)..Self::disclosed_delta(disclosure, end)
    }

    /// Everything that a bridge in has left of another party's IDs.
    pub fn all_bridge_labels(disclosure: [u8; 16]) -> Range<Self> {
        Self::bridge_labels(disclosure, 0)..Self::bridge_labels(disclosure, u64::MAX)
    }

    /// Every disclosure's persons of a chunk.
    pub fn disclosed_in(partition: u16, chunk: u32) -> Range<Self> {
        let mut last = Self::disclosed(partition, chunk, [u8::MAX; 16]);
        last.length = u8::try_from(Self::LENGTH_MAX).unwrap_or(u8::MAX);
        Self::disclosed(partition, chunk, [0; 16])..last
    }

    /// Whom entries concern among the persons of a chunk.
    pub fn audit_in(partition: u16, chunk: u32) -> Range<Self> {
        Self::audit_of(partition, chunk, 0)..Self::audit_of(partition, chunk, u64::MAX)
    }

    /// Every delivery's persons of a chunk.
    pub fn deliveries_in(partition: u16, chunk: u32) -> Range<Self> {
        let mut last = Self::delivered_in(partition, chunk, [u8::MAX; 16]);
        last.length = u8::try_from(Self::LENGTH_MAX).unwrap_or(u8::MAX);
        Self::delivered_in(partition, chunk, [0; 16])..last
    }

    /// Everything that dies with a disclosure's key.
    pub fn disclosure_items(disclosure: [u8; 16]) -> Range<Self> {
        Self::disclosure_item(disclosure, 0)..Self::disclosure_item(disclosure, u64::MAX)
    }

    /// Every pin of a disclosure.
    pub fn serial_pins(disclosure: [u8; 16]) -> Range<Self> {
        Self::serial_pin(disclosure, 0)..Self::serial_pin(disclosure, u64::MAX)
    }

    /// Every ordinal of the disclosures of one key.
    pub fn serial_ordinals(disclosure: [u8; 16]) -> Range<Self> {
        Self::serial_ordinal(disclosure, 0)..Self::serial_ordinal(disclosure, u64::MAX)
    }

    /// The first part of a key that begins with a partition, a register or a feed.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`].
    pub fn leading_u16(bytes: &[u8]) -> Result<u16, Error> {
        let part = bytes.get(1..).and_then(|parts| parts.first_chunk::<2>());
        part.map(|part| u16::from_be_bytes(*part)).ok_or(Error::Damaged { kind: "key" })
    }

    /// Reads a stored key back: its kind is known and its length is the kind's.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`] otherwise.
    pub fn parse(bytes: &[u8]) -> Result<(Kind, Self), Error> {
        let damaged = Error::Damaged { kind: "key" };
        let (code, parts) = bytes.split_first().ok_or(Error::Damaged { kind: "key" })?;
        let Some(kind) = Kind::ALL.iter().copied().find(|kind| kind.code() == *code) else {
            return Err(damaged);
        };
        if parts.len() != kind.parts_bytes() {
            return Err(damaged);
        }
        Ok((kind, Self::prefix(bytes)))
    }

    /// The last eight bytes as a number: position, sequence or index of the kinds that end in one.
    pub fn trailing_u64(bytes: &[u8]) -> Result<u64, Error> {
        bytes
            .last_chunk::<8>()
            .map(|last| u64::from_be_bytes(*last))
            .ok_or(Error::Damaged { kind: "key" })
    }

    fn after_space(kind: Kind, space: u16) -> Self {
        match space.checked_add(1) {
            Some(next) => Self::build_prefix(kind, &next.to_be_bytes()),
            None => Self::prefix(&[kind.code() + 1]),
        }
    }

    fn build(kind: Kind, parts: &[&[u8]]) -> Self {
        let key = Self::concat(kind, parts);
        debug_assert_eq!(usize::from(key.length), kind.parts_bytes() + 1, "parts fill the kind");
        key
    }

    fn build_prefix(kind: Kind, part: &[u8]) -> Self {
        Self::concat(kind, &[part])
    }

    fn concat(kind: Kind, parts: &[&[u8]]) -> Self {
        let mut key = Self::prefix(&[kind.code()]);
        for part in parts {
            for byte in *part {
                key.push(*byte);
            }
        }
        key
    }

    fn prefix(bytes: &[u8]) -> Self {
        let mut key = Self { bytes: [0; Self::LENGTH_MAX], length: 0 };
        for byte in bytes {
            key.push(*byte);
        }
        key
    }

    fn push(&mut self, byte: u8) {
        if let Some(slot) = self.bytes.get_mut(usize::from(self.length)) {
            *slot = byte;
            self.length += 1;
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::parse(self.as_bytes()).map_or("prefix", |(kind, _)| kind.name());
        write!(f, "Key({name})")
    }
}

#[cfg(test)]
mod tests;
