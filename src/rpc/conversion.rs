//! `ConversionService`: IDs of a one-way register into those of another.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::auth::Caller;
use super::blocking;
use super::proto::conversion_service_server::ConversionService;
use super::proto::{
    CloseConversionRequest, CloseConversionResponse, ConvertOneWayIdsRequest,
    ConvertOneWayIdsResponse, OpenConversionRequest, OpenConversionResponse,
};
use crate::audit::Recorded;
use crate::policy::Right;
use crate::service::{ConvertedRow, Error, LogLine, OpenConversion, Pair, Service, Violation};

/// The handlers.
pub(super) struct ConversionHandler {
    service: Arc<Service>,
}

impl ConversionHandler {
    pub(super) const fn new(service: Arc<Service>) -> Self {
        Self { service }
    }
}

#[tonic::async_trait]
impl ConversionService for ConversionHandler {
    async fn close_conversion(
        &self,
        request: Request<CloseConversionRequest>,
    ) -> Result<Response<CloseConversionResponse>, Status> {
        let caller = Caller::of(&request)?;
        let CloseConversionRequest { from, into } = request.into_inner();
        let mut violations = Vec::new();
        let pair = pair(&mut violations, (&from, &into));
        let pair = finish(violations, pair).map_err(|error| caller.status(&error))?;
        let service = Arc::clone(&self.service);
        blocking(&caller, move |caller| {
            let closed = service.close_conversion(&caller.permit(Right::Disclose)?, &pair)?;
            Ok(CloseConversionResponse { audit_entry: closed.index() })
        })
        .await
    }

    async fn convert_one_way_ids(
        &self,
        request: Request<ConvertOneWayIdsRequest>,
    ) -> Result<Response<ConvertOneWayIdsResponse>, Status> {
        let caller = Caller::of(&request)?;
        let ConvertOneWayIdsRequest { from, into, ids } = request.into_inner();
        let mut violations = Vec::new();
        let pair = pair(&mut violations, (&from, &into));
        let pair = finish(violations, pair).map_err(|error| caller.status(&error))?;
        let service = Arc::clone(&self.service);
        blocking(&caller, move |caller| {
            let (from, into) = (pair.from.clone(), pair.into.clone());
            let permit = caller.permit(Right::Convert { from, into })?;
            service.convert(&permit, &pair, &ids).map(answer)
        })
        .await
    }

    async fn open_conversion(
        &self,
        request: Request<OpenConversionRequest>,
    ) -> Result<Response<OpenConversionResponse>, Status> {
        let caller = Caller::of(&request)?;
        let asked = opening(&request.into_inner()).map_err(|error| caller.status(&error))?;
        let service = Arc::clone(&self.service);
        blocking(&caller, move |caller| {
            let opened = service.open_conversion(&caller.permit(Right::Disclose)?, &asked)?;
            let (opened, audit_entry) = opened.into_answer();
            let until = format!("{:.0}", opened.until);
            Ok(OpenConversionResponse { until, looked_at: opened.looked_at, audit_entry })
        })
        .await
    }
}

fn need<T>(
    violations: &mut Vec<Violation>,
    value: Option<T>,
    field: &'static str,
    text: &'static str,
) -> Option<T> {
    if value.is_none() {
        violations.push(Violation { field: field.into(), text: text.into() });
    }
    value
}

fn finish<T>(violations: Vec<Violation>, value: Option<T>) -> Result<T, Error> {
    value.filter(|_| violations.is_empty()).ok_or_else(|| Error::invalid(violations))
}

fn pair(violations: &mut Vec<Violation>, (from, into): (&str, &str)) -> Option<Pair> {
    const CODE: &str = "is not a register code";
    let from = need(violations, from.parse().ok(), "from", CODE);
    let into = need(violations, into.parse().ok(), "into", CODE);
    Some(Pair { from: from?, into: into? })
}

/// What is to be opened, or everything that is wrong with the request.
fn opening(wire: &OpenConversionRequest) -> Result<OpenConversion, Error> {
    const LINE: &str = "must be one line of 1 to 200 characters, without ten digits in a row";
    let OpenConversionRequest { from, into, minutes, purpose, provision } = wire;
    let mut violations = Vec::new();
    let pair = pair(&mut violations, (from, into));
    let purpose = need(&mut violations, LogLine::parse(purpose), "purpose", LINE);
    let provision = need(&mut violations, LogLine::parse(provision), "provision", LINE);
    let asked = pair.zip(purpose).zip(provision).map(|((pair, purpose), provision)| {
        OpenConversion { pair, minutes: *minutes, purpose, provision }
    });
    finish(violations, asked)
}

/// What is answered, which exists only recorded.
fn answer(recorded: Recorded<Vec<ConvertedRow>>) -> ConvertOneWayIdsResponse {
    let (rows, audit_entry) = recorded.into_answer();
    let invalid = (0..).zip(&rows).filter(|(_, row)| **row == ConvertedRow::Invalid);
    let invalid_rows = invalid.map(|(place, _)| place).collect();
    let ids = rows.iter().map(|row| match row {
        ConvertedRow::Id(id) => *id,
        ConvertedRow::Invalid | ConvertedRow::NotIn => 0,
    });
    ConvertOneWayIdsResponse { ids: ids.collect(), invalid_rows, audit_entry }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_wrong_with_an_opening_is_told_at_once() {
        let error = opening(&OpenConversionRequest::default()).err().unwrap();
        let fields: Vec<_> = error.violations().iter().map(|one| one.field.to_string()).collect();
        assert_eq!(fields, ["from", "into", "purpose", "provision"]);
    }
}
