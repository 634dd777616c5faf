//! The mapping path without a wire: one thread maps batches and hands them to the recorder.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::date;

use hvelv::clock::Clock;
use hvelv::config::Access;
use hvelv::ident::Declared;
use hvelv::policy::authorize;
use hvelv::registers::DeliveryState;
use hvelv::service::setup::Installation;
use hvelv::service::{Batch, Column, DeliveryRequest, IngestMode, IngestPurpose, RowKind, Service};

use super::load::Form;

/// Batches that wait for their record at the same time, as on a stream.
const WAITING: usize = 32;

/// Identifiers per second that one thread maps and has recorded, from opening to closing; and those
/// that it maps, while it does.
pub(crate) fn rates(
    service: &Arc<Service>,
    installation: &Installation,
    clock: &Arc<dyn Clock>,
    batches: impl Iterator<Item = (Form, Vec<u64>)>,
) -> (f64, f64) {
    let access = Access::load(&installation.config.access_file, installation.catalogue.as_ref());
    let request = DeliveryRequest {
        register: "NPR".parse().unwrap(),
        source: "HF".parse().unwrap(),
        purpose: IngestPurpose::Reporting,
        mode: IngestMode::ResolveOrAssign,
        period: Some((date(2026, 1, 1), date(2026, 1, 31))),
        exceptions: Vec::new(),
    };
    let access = access.unwrap();
    let pipeline = access.by_name(&"pipeline".parse().unwrap()).unwrap();
    let permit = authorize(pipeline, request.right(), clock.today()).unwrap();
    let batches: Vec<Batch> = batches.map(|(form, numbers)| batch(form, &numbers)).collect();
    let (mut waiting, mut mapping) = (VecDeque::new(), Duration::ZERO);
    let begun = clock.monotonic();
    let delivery = service.open_delivery(&permit, &request).unwrap();
    for batch in batches {
        let before = clock.monotonic();
        let mapped = delivery.map(batch).unwrap();
        mapping += clock.monotonic().saturating_sub(before);
        waiting.push_back(delivery.submit(mapped).unwrap());
        if waiting.len() == WAITING {
            let _ = waiting.pop_front().unwrap().blocking_recv().unwrap().unwrap();
        }
    }
    for one in waiting {
        let _ = one.blocking_recv().unwrap().unwrap();
    }
    let finished = delivery.finish(DeliveryState::Complete).unwrap().blocking_recv();
    let summary = delivery.summary(&finished.unwrap().unwrap());
    assert_eq!(summary.answered, summary.rows, "everybody is known");
    let rate = |took: Duration| summary.answered as f64 / took.as_secs_f64();
    (rate(clock.monotonic().saturating_sub(begun)), rate(mapping))
}

fn batch(form: Form, numbers: &[u64]) -> Batch {
    let digits = || numbers.iter().map(|number| format!("{number:011}"));
    let column = match form {
        Form::Integers => Column::Integers(numbers.to_vec()),
        Form::PackedAscii => Column::PackedAscii(digits().collect::<String>().into_bytes().into()),
        Form::Text => Column::Text(digits().collect(), Vec::new()),
    };
    let kind = RowKind { declared: Declared::Any, assigner: None };
    Batch { kind, column, contacts: Vec::new() }
}
