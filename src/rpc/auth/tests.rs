use std::collections::BTreeSet;

use prost::Message as _;
use prost_types::FileDescriptorSet;
use tonic::Code;

use super::*;
use crate::policy::methods::METHODS;
use crate::rpc::proto;

/// Every method of the interface, of health and of reflection, by its path.
fn described() -> BTreeSet<String> {
    let sets = [
        proto::FILE_DESCRIPTOR_SET,
        tonic_health::pb::FILE_DESCRIPTOR_SET,
        tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
    ];
    let files = sets.map(|bytes| FileDescriptorSet::decode(bytes).unwrap().file).concat();
    let mut paths = BTreeSet::new();
    for file in &files {
        for service in &file.service {
            for method in &service.method {
                let (package, service) = (file.package(), service.name());
                paths.insert(format!("/{package}.{service}/{}", method.name()));
            }
        }
    }
    paths
}

#[test]
fn every_method_has_a_row_and_every_row_a_method() {
    let rows: BTreeSet<String> = METHODS.iter().map(|row| row.path.to_owned()).collect();
    assert_eq!(rows, described());
}

#[test]
fn a_request_that_has_not_passed_the_guard_is_our_bug() {
    let status = Caller::of(&Request::new(())).unwrap_err();
    assert_eq!(status.code(), Code::Internal);
}

#[test]
fn the_lowest_digits_of_a_request_id_count() {
    assert_eq!(RequestId::for_test(0x1_0000_0002).to_string(), "0000000100000002");
}
