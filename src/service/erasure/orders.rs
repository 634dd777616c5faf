//! Orders to registers: read by the register's own system as often as it likes, confirmed once.

use jiff::Timestamp;

use super::super::ingest::register_error;
use super::super::open::Open;
use super::super::{Error, ErrorCode, Service, actor, allow};
use super::book;
use crate::audit::{Action, Entry, Recorded, Reference};
use crate::config::codes::RegisterCode;
use crate::disclosure::Act;
use crate::policy::{Permit, Right};
use crate::registers::Write;
use crate::rights::cases::{About, CaseId, Confirmation, Order, OrderReason, Scope};
use crate::store::Step;
use crate::store::keys::Key;
use crate::vault::PersonNo;

/// Most orders that one call answers.
const ORDERS_MAX: usize = 1_000;

/// An order, as the register is told it.
#[derive(Clone)]
pub struct OrderView {
    /// Its number in the register, from 1.
    pub number: u64,
    /// When it was made.
    pub at: Timestamp,
    /// Whether it is about everybody.
    pub about: OrderAbout,
    /// The register IDs that it is about, of one person; none if it is about everybody.
    pub ids: Vec<u64>,
    /// Which data.
    pub scope: Scope,
    /// Why.
    pub reason: OrderReason,
    /// The case that it comes from.
    pub case: Option<CaseId>,
    /// That it is done.
    pub confirmed: Option<Confirmation>,
}

/// Whose data an order is about, as the register is told it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderAbout {
    /// Everybody's.
    Everybody,
    /// One person's.
    Person,
}

impl Service {
    /// The orders to a register after a number, in their order, at most so many.
    ///
    /// # Errors
    ///
    /// `not_allowed`, `register_unknown`, `server_sealed`, `commit_uncertain`.
    pub fn orders(
        &self,
        permit: &Permit,
        register: &RegisterCode,
        (after, limit): (u64, usize),
    ) -> Result<Recorded<Vec<OrderView>>, Error> {
        allow(permit, &Right::Orders { register: register.clone() })?;
        let register = self.rights_register(register)?;
        let open = self.open_now()?;
        let limit = if limit == 0 { ORDERS_MAX } else { limit.min(ORDERS_MAX) };
        let found = stored(&open, register.number, after.saturating_add(1), limit)?;
        let views: Result<Vec<OrderView>, Error> =
            found.into_iter().map(|one| view(&open, register.number, one)).collect();
        let views = views?;
        let mut entry = self.entry(actor(permit), Action::OrdersRead);
        entry.register = Some(register.code.to_string());
        entry.counts.insert("orders".into(), views.len() as u64);
        let recorded = open.registers.record_value_and_wait(entry, views);
        recorded.map_err(|error| self.rights_failed(&open, error))
    }

    /// Records that the register has deleted what was ordered.
    ///
    /// # Errors
    ///
    /// `not_allowed`, `register_unknown`; `order_unknown`, `order_confirmed`, which are recorded;
    /// `server_sealed`, `commit_uncertain`.
    pub fn confirm_order(
        &self,
        permit: &Permit,
        register: &RegisterCode,
        number: u64,
    ) -> Result<Recorded<()>, Error> {
        allow(permit, &Right::ConfirmOrders { register: register.clone() })?;
        let register = self.rights_register(register)?;
        let open = self.open_now()?;
        // Orders that are there change under the lock of the cases alone; new ones come without it.
        let mut cases = open.cases.hold();
        let act = Act { by: permit.principal().clone(), at: self.parts.clock.now() };
        let mut entry = self.entry(actor(permit), Action::OrderConfirmed);
        entry.register = Some(register.code.to_string());
        entry.changes = vec![format!("order {number}")];
        let found = stored(&open, register.number, number, 1)?.pop();
        let found = found.filter(|(found, _)| *found == number).map(|(_, order)| order);
        let unknown = || Error::new(ErrorCode::OrderUnknown);
        let mut order = self.or_record(&open, &entry, found.ok_or_else(unknown))?;
        if order.confirmed.is_some() {
            let again = Err(Error::new(ErrorCode::OrderConfirmed));
            return self.or_record(&open, &entry, again);
        }
        order.confirmed = Some(Confirmation { by: act.by.clone(), at: act.at });
        let mut writes = self.about_order(&open, &order, &mut entry)?;
        let key = Key::order(register.number, number);
        let sealed = open.registers.seal_record(&key, &order.encode()).map_err(register_error)?;
        writes.push(Write::Put(key, sealed));
        let mut case = order.case.map(|id| book::find(&cases, id).cloned()).transpose()?;
        if let Some(case) = &mut case {
            case.confirm(&act)?;
            entry.changes.push(format!("case {}", case.id()));
            writes.push(book::write(&open.registers, case)?);
        }
        let recorded = open.registers.record_change_and_wait(entry, writes);
        let recorded = recorded.map_err(|error| self.rights_failed(&open, error))?;
        if let Some(case) = case {
            cases.insert(case.id(), case);
        }
        Ok(recorded)
    }

    /// Gives the entry a reference to the person that an order is about.
    fn about_order(
        &self,
        open: &Open,
        order: &Order,
        entry: &mut Entry,
    ) -> Result<Vec<Write>, Error> {
        let Some((partition, number)) = order.persons().next() else { return Ok(Vec::new()) };
        let person = PersonNo::from_number(number);
        let person = person.ok_or_else(|| Error::internal("an order is about nobody"))?;
        let reference = self.parts.entropy.draw().map_err(Error::internal)?;
        let reference = Reference::from_bytes(reference);
        entry.reference = Some(reference);
        let leads = open.registers.audit_person(reference, partition, person);
        Ok(vec![leads.map_err(register_error)?])
    }
}

/// Stored orders to a register from a number on.
pub(super) fn stored(
    open: &Open,
    register: u16,
    from: u64,
    limit: usize,
) -> Result<Vec<(u64, Order)>, Error> {
    let (mut found, mut failure) = (Vec::new(), None);
    open.registers
        .each_record(Key::orders_from(register, from), |key, plain| {
            match Order::decode(plain) {
                Ok(order) => found.push((Key::trailing_u64(key.as_bytes())?, order)),
                Err(error) => failure = Some(error),
            }
            let is_enough = failure.is_some() || found.len() >= limit;
            Ok(if is_enough { Step::Stop } else { Step::Continue })
        })
        .map_err(register_error)?;
    failure.map_or(Ok(found), |error| Err(Error::internal(error)))
}

fn view(open: &Open, register: u16, (number, order): (u64, Order)) -> Result<OrderView, Error> {
    let (about, numbers) = match &order.about {
        About::Everybody => (OrderAbout::Everybody, Vec::new()),
        About::Person { leaves, .. } => {
            (OrderAbout::Person, leaves.iter().map(|leaf| leaf.number).collect())
        }
    };
    let ids = open.registers.ids_of_numbers(register, numbers).map_err(register_error)?;
    let Order { at, scope, reason, case, confirmed, .. } = order;
    Ok(OrderView { number, at, about, ids, scope, reason, case, confirmed })
}
