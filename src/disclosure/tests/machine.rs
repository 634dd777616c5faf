//! Random operations, in and out of order, on applications and their disclosures.
//!
//! Method: each operation is tried at a moment that does not go back; whether it succeeds is
//! predicted from a list of what has happened, which knows no state and no rule but those below.

use jiff::civil::Date;
use jiff::{Span, Timestamp, ToSpan as _};
use proptest::prelude::*;

use super::shared::{Shipped, decision, extract, on, opening, request};
use crate::config::codes::DisclosurePurpose;
use crate::disclosure::application::{Application, ApplicationState};
use crate::disclosure::history::{Act, History, Machine};
use crate::disclosure::id::{ApplicationId, DisclosureId};
use crate::disclosure::lifecycle::{Disclosure, DisclosureState, DisclosureUse, Opening};
use crate::disclosure::words::{Authority, Reidentification};
use crate::disclosure::{Decision, Error};

/// One operation; what it is done to is picked among what there is.
#[derive(Clone, Debug)]
enum Operation {
    Close(usize),
    Complete(usize),
    ConfirmDeletion(usize),
    /// By the right authority or a wrong one, valid for some days, recorded some days after its date.
    Decide {
        is_right: bool,
        valid_days: i64,
        late_days: i64,
    },
    Deliver(usize),
    Issue(usize),
    /// On a decision that may not be there, for some days.
    Open {
        decision: u32,
        days: i64,
    },
    Refuse,
    Reidentify(usize),
    Wait(i64),
    Withdraw,
}

fn operation() -> impl Strategy<Value = Operation> {
    let one = 0..4_usize;
    prop_oneof![
        2 => one.clone().prop_map(Operation::Close),
        2 => one.clone().prop_map(Operation::Complete),
        2 => one.clone().prop_map(Operation::ConfirmDeletion),
        4 => (any::<bool>(), 0..400_i64, -2..40_i64).prop_map(|(is_right, valid_days, late_days)| {
            Operation::Decide { is_right, valid_days, late_days }
        }),
        5 => one.clone().prop_map(Operation::Deliver),
        5 => one.clone().prop_map(Operation::Issue),
        4 => (0..4_u32, -2..400_i64).prop_map(|(decision, days)| Operation::Open { decision, days }),
        1 => Just(Operation::Refuse),
        2 => one.prop_map(Operation::Reidentify),
        6 => (0..120_i64).prop_map(Operation::Wait),
        1 => Just(Operation::Withdraw),
    ]
}

/// What has happened to one disclosure.
struct Happened {
    disclosure: Disclosure,
    decision: u32,
    expires: Date,
    delivered: usize,
    is_completed: bool,
    is_closed: bool,
    is_confirmed: bool,
}

struct World {
    shipped: Shipped,
    application: Application,
    /// Date and last day of each decision.
    decisions: Vec<(Date, Date)>,
    ended: bool,
    disclosures: Vec<Happened>,
    now: Timestamp,
    steps: usize,
}

fn day(at: Timestamp) -> Date {
    Act { by: "kari".parse().unwrap(), at }.day()
}

fn plus(day: Date, days: i64) -> Date {
    day.checked_add(days.days()).unwrap()
}

impl World {
    fn new() -> Self {
        let shipped = Shipped::load();
        let id = ApplicationId::new(2026, 1).unwrap();
        let act = on("2026-02-01");
        let request = request(&["NPR"], DisclosurePurpose::Research);
        let application = Application::receive(id, request, &shipped.organisations, &act).unwrap();
        Self {
            shipped,
            application,
            decisions: Vec::new(),
            ended: false,
            disclosures: Vec::new(),
            now: act.at,
            steps: 1,
        }
    }

    fn act(&self) -> Act {
        Act { by: "kari.nordmann".parse().unwrap(), at: self.now }
    }

    /// Whether the decision lives today.
    fn lives(&self, decision: u32) -> bool {
        let today = day(self.now);
        let index = usize::try_from(decision).unwrap().checked_sub(1);
        let found = index.and_then(|index| self.decisions.get(index));
        found.is_some_and(|(dated, until)| *dated <= today && today <= *until)
    }

    fn may_issue(&self, at: usize) -> bool {
        let one = &self.disclosures[at];
        self.lives(one.decision)
            && !self.ended
            && day(self.now) <= one.expires
            && !one.is_completed
            && !one.is_closed
    }

    fn pick(&self, at: usize) -> Option<usize> {
        (!self.disclosures.is_empty()).then(|| at % self.disclosures.len())
    }

    /// Does it, and says whether it was done and whether it should have been.
    fn run(&mut self, operation: &Operation) -> Option<(bool, bool)> {
        let (act, today) = (self.act(), day(self.now));
        let reason = || "En grunn".parse().unwrap();
        Some(match operation {
            Operation::Wait(hours) => {
                self.now = self.now.checked_add(Span::new().hours(hours * 7)).unwrap();
                return None;
            }
            Operation::Decide { is_right, valid_days, late_days } => {
                let dated = plus(today, -late_days);
                let made = self.decide(*is_right, dated, plus(dated, *valid_days), &act);
                let expected =
                    *is_right && *late_days >= 0 && late_days <= valid_days && !self.ended;
                if made.is_ok() {
                    self.decisions.push((dated, plus(dated, *valid_days)));
                }
                (made.is_ok(), expected)
            }
            Operation::Refuse => {
                let expected = !self.ended && self.decisions.is_empty();
                let done = self.application.refuse(reason(), &act).is_ok();
                self.ended |= done;
                (done, expected)
            }
            Operation::Withdraw => {
                let expected = !self.ended;
                let done = self.application.withdraw(reason(), &act).is_ok();
                self.ended |= done;
                (done, expected)
            }
            Operation::Open { decision, days } => self.open(*decision, plus(today, *days), &act),
            Operation::Issue(at) => {
                let at = self.pick(*at)?;
                let expected = self.may_issue(at);
                let one = &self.disclosures[at].disclosure;
                (one.grant(DisclosureUse::Issue, &self.application, today).is_ok(), expected)
            }
            Operation::Reidentify(at) => {
                let at = self.pick(*at)?;
                let one = &self.disclosures[at];
                let lives = !self.ended && self.lives(one.decision) && today <= one.expires;
                let expected = lives && !one.is_closed;
                let used_for = DisclosureUse::Reidentify;
                (one.disclosure.grant(used_for, &self.application, today).is_ok(), expected)
            }
            other => return self.end(other, &act),
        })
    }

    /// As [`Self::run`], of what brings a disclosure nearer to its end.
    fn end(&mut self, operation: &Operation, act: &Act) -> Option<(bool, bool)> {
        let (Operation::Close(at)
        | Operation::Complete(at)
        | Operation::ConfirmDeletion(at)
        | Operation::Deliver(at)) = operation
        else {
            return None;
        };
        let at = self.pick(*at)?;
        let may_issue = self.may_issue(at);
        let one = &mut self.disclosures[at];
        Some(match operation {
            Operation::Deliver(_) => {
                let done = one.disclosure.deliver(extract(), &self.application, act).is_ok();
                one.delivered += usize::from(done);
                (done, may_issue)
            }
            Operation::Complete(_) => {
                let expected = one.delivered > 0 && !one.is_completed && !one.is_closed;
                let done = one.disclosure.complete(act).is_ok();
                one.is_completed |= done;
                (done, expected)
            }
            Operation::Close(_) => {
                let expected = !one.is_closed;
                let done = one.disclosure.close(act).is_ok();
                one.is_closed |= done;
                (done, expected)
            }
            _ => {
                let is_over = one.is_completed || one.is_closed;
                let expected = one.delivered > 0 && is_over && !one.is_confirmed;
                let done = one.disclosure.confirm_deletion(act).is_ok();
                one.is_confirmed |= done;
                (done, expected)
            }
        })
    }

    fn decide(
        &mut self,
        is_right: bool,
        dated: Date,
        valid_until: Date,
        act: &Act,
    ) -> Result<u32, Error> {
        let authority = if is_right { Authority::Helsedataservice } else { Authority::Rek };
        let reidentification = Reidentification::Permitted;
        let decision =
            Decision { authority, dated, valid_until, reidentification, ..decision(&["NPR"]) };
        self.application.decide(decision, None, &self.shipped.rulebook(), act)
    }

    fn open(&mut self, decision: u32, expires: Date, act: &Act) -> (bool, bool) {
        let id = DisclosureId([u8::try_from(self.disclosures.len()).unwrap(); 16]);
        let until = usize::try_from(decision).unwrap().checked_sub(1);
        let until = until.and_then(|index| self.decisions.get(index)).map(|one| one.1);
        let expected = !self.ended
            && self.lives(decision)
            && expires >= act.day()
            && until.is_some_and(|until| expires <= until);
        let opening = Opening { id, decision, expires, ..opening() };
        let Ok(disclosure) = Disclosure::open(opening, &mut self.application, act) else {
            return (false, expected);
        };
        self.disclosures.push(Happened {
            disclosure,
            decision,
            expires,
            delivered: 0,
            is_completed: false,
            is_closed: false,
            is_confirmed: false,
        });
        (true, expected)
    }

    /// What must hold at any time.
    fn holds(&self) {
        in_order(self.application.history());
        assert_eq!(Application::decode(&self.application.encode()).unwrap(), self.application);
        assert_eq!(self.application.decisions().len(), self.decisions.len());
        if self.disclosures.is_empty() && self.decisions.is_empty() && !self.ended {
            assert_eq!(self.application.state(), ApplicationState::Received);
        }
        for one in &self.disclosures {
            let disclosure = &one.disclosure;
            in_order(disclosure.history());
            let decoded = Disclosure::decode(disclosure.id(), &disclosure.encode()).unwrap();
            assert_eq!(decoded, *disclosure);
            // Nothing is delivered but between the decision's days, before expiry and closing.
            let (dated, until) = self.decisions[usize::try_from(one.decision).unwrap() - 1];
            let closed = disclosure.closing().map(|closing| closing.closed.at);
            for delivery in disclosure.deliveries() {
                let on = day(delivery.at);
                assert!(dated <= on && on <= until && on <= one.expires);
                assert!(closed.is_none_or(|closed| delivery.at <= closed));
            }
            assert_eq!(disclosure.deliveries().len(), one.delivered);
        }
        let histories = self.disclosures.iter().map(|one| one.disclosure.history().changes().len());
        // An opening is a step of both.
        let opened = self.disclosures.len();
        let count = self.application.history().changes().len() + histories.sum::<usize>() - opened;
        assert_eq!(count, self.steps, "a step was lost or made up");
    }
}

/// Time goes on, and what has ended stays so.
fn in_order<S: Machine + Ranked>(history: &History<S>) {
    let changes = history.changes();
    assert!(changes.windows(2).all(|pair| pair[0].at <= pair[1].at));
    assert!(changes.windows(2).all(|pair| pair[0].state.rank() <= pair[1].state.rank()));
    assert_eq!(changes.last().unwrap().state, history.state());
}

/// How far a state is from the beginning.
trait Ranked {
    fn rank(self) -> u8;
}

impl Ranked for ApplicationState {
    fn rank(self) -> u8 {
        match self {
            Self::Received => 0,
            Self::Decided => 1,
            Self::Refused | Self::Withdrawn => 2,
        }
    }
}

impl Ranked for DisclosureState {
    fn rank(self) -> u8 {
        match self {
            Self::Open => 0,
            Self::Extracted => 1,
            Self::Completed => 2,
            Self::Closed => 3,
        }
    }
}

proptest! {
    #[test]
    fn random_operations_do_what_is_allowed_and_nothing_else(
        operations in proptest::collection::vec(operation(), 1..60),
    ) {
        let mut world = World::new();
        for operation in &operations {
            if let Some((done, expected)) = world.run(operation) {
                prop_assert_eq!(done, expected, "{:?}", operation);
                let leaves_no_step = matches!(operation, Operation::Issue(_) | Operation::Reidentify(_));
                world.steps += usize::from(done && !leaves_no_step);
            }
            world.holds();
        }
    }

    #[test]
    fn whoever_is_refused_always_never_reaches_anything(
        class in 0..3_usize,
        operations in proptest::collection::vec(operation(), 1..30),
    ) {
        let mut world = World::new();
        let never = super::NEVER[class];
        // As if such an application had come to be: the record was changed, or the entry was.
        world.application.recipient.class = never.1;
        for operation in &operations {
            let done = world.run(operation).is_some_and(|(done, _)| done);
            let may_be = matches!(operation, Operation::Refuse | Operation::Withdraw);
            prop_assert!(!done || may_be, "{:?}", operation);
        }
        prop_assert!(world.decisions.is_empty() && world.disclosures.is_empty());
    }
}
