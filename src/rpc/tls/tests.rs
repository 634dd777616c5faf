//! Goal: who does not get through the handshake, and the bounds of the accept loop.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;
use crate::rpc::certificates::{CertificateValidity, DevelopmentAuthority};
use crate::rpc::client::ClientIdentity;
use crate::rpc::harness::{Client, Running, World, bounded, moment, until, year};
use crate::rpc::proto::PseudonymizeRequest;

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::SeqCst)
}

/// With TLS 1.3 a client learns with its first read, not in the handshake, that it was refused.
async fn is_answered(world: &World, server: &Running, identity: ClientIdentity) -> bool {
    match world.connect(server, Some(identity)).await {
        Ok(channel) => {
            let mut client = Client::new(channel);
            bounded(client.pseudonymize(PseudonymizeRequest::default())).await.is_ok()
        }
        Err(_) => false,
    }
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_refused() {
    let world = World::new();
    let server = world.serve().await;
    let other = DevelopmentAuthority::generate(year()).unwrap();
    let identity = world.identity_of(&other, "sender", year());
    assert!(!is_answered(&world, &server, identity).await);
    let failed = &server.handle.counters().handshakes_failed;
    until("the handshake has failed", || read(failed) > 0).await;
    assert_eq!(read(&server.handle.counters().accepted), 0);
}

#[tokio::test]
async fn an_expired_certificate_and_one_of_tomorrow_are_refused() {
    let world = World::new();
    let server = world.serve().await;
    let expired = CertificateValidity { to: moment("2026-06-01T11:59:59Z"), ..year() };
    let tomorrow = CertificateValidity { from: moment("2026-06-01T12:00:01Z"), ..year() };
    for validity in [expired, tomorrow] {
        let identity = world.identity_of(&world.authority, "sender", validity);
        assert!(!is_answered(&world, &server, identity).await);
    }
    assert_eq!(read(&server.handle.counters().accepted), 0);
    // The same certificate gets through while it is valid.
    let identity = world.identity_of(&world.authority, "sender", tomorrow);
    world.clock.advance(Duration::from_secs(1));
    assert!(is_answered(&world, &server, identity).await);
}

/// A ClientHello of TLS 1.2: no `supported_versions`, so 1.2 is the newest it offers.
fn client_hello_of_tls_1_2() -> Vec<u8> {
    let mut hello = vec![0x03, 0x03];
    hello.extend([7; 32]);
    hello.push(0);
    // One suite, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256; no compression.
    hello.extend([0x00, 0x02, 0xc0, 0x2b, 0x01, 0x00]);
    let groups = [0x00, 0x0a, 0x00, 0x04, 0x00, 0x02, 0x00, 0x17];
    let formats = [0x00, 0x0b, 0x00, 0x02, 0x01, 0x00];
    let signatures = [0x00, 0x0d, 0x00, 0x04, 0x00, 0x02, 0x04, 0x03];
    let extensions = [&groups[..], &formats, &signatures].concat();
    hello.extend(u16::try_from(extensions.len()).unwrap().to_be_bytes());
    hello.extend(extensions);
    let mut message = vec![0x01, 0x00];
    message.extend(u16::try_from(hello.len()).unwrap().to_be_bytes());
    message.extend(hello);
    let mut record = vec![0x16, 0x03, 0x01];
    record.extend(u16::try_from(message.len()).unwrap().to_be_bytes());
    record.extend(message);
    record
}

#[tokio::test]
async fn a_client_of_tls_1_2_is_refused() {
    let world = World::new();
    let server = world.serve().await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(&client_hello_of_tls_1_2()).await.unwrap();
    let mut answer = Vec::new();
    bounded(stream.read_to_end(&mut answer)).await.unwrap();
    // A fatal alert, protocol_version (RFC 8446, section 6.2).
    assert_eq!((answer[0], &answer[5..]), (0x15, &[2, 70][..]));
    assert_eq!(read(&server.handle.counters().handshakes_failed), 1);
}

#[tokio::test]
async fn a_handshake_that_takes_too_long_is_ended() {
    let mut world = World::new();
    world.config.tls.handshake_timeout_ms = 100;
    let server = world.serve().await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    assert_eq!(bounded(stream.read(&mut [0; 1])).await.unwrap(), 0);
    let late = &server.handle.counters().handshakes_late;
    until("it is counted", || read(late) == 1).await;
}

#[tokio::test]
async fn no_more_connections_are_open_than_may_be() {
    let mut world = World::new();
    world.config.limits.connections_max = 1;
    world.config.limits.connections_per_principal_max = 1;
    let server = world.serve().await;
    let first = world.identity("sender");
    let channel = world.connect(&server, Some(first.clone())).await.unwrap();
    let mut client = Client::new(channel);
    bounded(client.pseudonymize(PseudonymizeRequest::default())).await.unwrap();
    assert!(!is_answered(&world, &server, world.identity("auditor")).await);
    assert!(read(&server.handle.counters().refused) > 0);
    // The place is free again when the first has gone.
    drop(client);
    let again = async {
        while !is_answered(&world, &server, first.clone()).await {
            tokio::task::yield_now().await;
        }
    };
    bounded(again).await;
}

#[tokio::test]
async fn changed_files_are_used_from_the_next_handshake_on_and_bad_ones_never() {
    let world = World::new();
    let server = world.serve().await;
    let other = DevelopmentAuthority::generate(year()).unwrap();
    let identity = world.identity_of(&other, "sender", year());
    assert!(!is_answered(&world, &server, identity.clone()).await);
    let authorities = [world.authority.certificate_pem(), other.certificate_pem()].concat();
    std::fs::write(&world.config.tls.client_ca_file, authorities).unwrap();
    assert!(bounded(server.handle.reload()).await.unwrap().tls);
    assert!(is_answered(&world, &server, identity.clone()).await);
    std::fs::write(&world.config.tls.certificate_file, "no certificate").unwrap();
    assert!(!bounded(server.handle.reload()).await.unwrap().tls);
    assert!(is_answered(&world, &server, identity).await);
}

#[test]
fn a_key_that_others_may_read_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::new();
    let key = &world.config.tls.key_file;
    std::fs::set_permissions(key, std::fs::Permissions::from_mode(0o640)).unwrap();
    let error = ServerTls::load(&world.config.tls, world.shared_clock()).unwrap_err();
    assert!(matches!(error, TlsError::File(FileError::Exposed { .. })));
}

#[test]
fn only_tls_1_3_is_offered_and_no_session_is_resumed() {
    let world = World::new();
    let tls = ServerTls::load(&world.config.tls, world.shared_clock()).unwrap().current();
    assert_eq!(tls.alpn_protocols, [http2::ALPN.to_vec()]);
    assert_eq!(tls.send_tls13_tickets, 0);
    assert!(!tls.session_storage.can_cache());
}
