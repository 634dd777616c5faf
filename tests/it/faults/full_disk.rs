//! Goal: a disk that is full loses nothing, says what is wrong, and is no reason for a restart.
//! Method: room for so many bytes, at several places of an assigning batch; then room again.

use super::failing_calls::{Failing, says_to_repeat};
use crate::harness::{
    Acknowledged, Installation, Random, all_is_there, ask, header, log_verifies, packed, people,
    reason, size,
};

const ROWS: usize = 2000;
/// Bytes left: none; less than a lease; a part of the key file; a part of the groups; a part of the
/// deltas; some batches.
const ROOMS: [u64; 6] = [0, 40, 3_000, 100_000, 300_000, 1_000_000];

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_loses_nothing_and_is_served_again_when_there_is_room() {
    let seed = u64::try_from(size("HVELV_POWER_SEED", 0xf011_0003)).unwrap();
    let mut random = Random(seed);
    let installation = Installation::new();
    let numbers = people(ROOMS.len() * 20 * ROWS);
    let mut batches = numbers.chunks(ROWS);
    let mut known = Acknowledged::default();
    for room in ROOMS {
        let mut failing = Failing::start(&installation).await;
        let channel = installation.connect(failing.server.address, "sender").await;
        let ask = |numbers: &[u64]| ask(&channel, header("NPR", "HF"), packed(numbers));
        failing.shim.leave_room(room);
        let (refused, status) = loop {
            let batch = batches.next().expect("the room is used up before the numbers are");
            match ask(batch).await {
                Ok(answer) => {
                    let pairs: Vec<_> =
                        batch.iter().copied().zip(answer.result.unwrap().ids).collect();
                    known.take(&pairs, seed);
                }
                Err(status) => break (batch, status),
            }
        };
        says_to_repeat(&status, seed);
        // The operator is told what to do something about.
        failing.server.process.wait_for("No space left on device");
        let line = failing.server.process.wait_for("the stores cannot be reopened yet");
        assert!(line.contains("No space left on device"), "room {room}: {line}");
        assert_eq!(reason(&ask(refused).await.unwrap_err()), "server_degraded", "room {room}");

        failing.shim.heal();
        failing.send(&installation, refused, &mut known, seed).await;
        all_is_there(&installation, failing.server.address, &known, seed).await;
        log_verifies(&installation, failing.server.address);
        failing.lose_power(&installation, &known, &mut random, seed).await;
    }
    let failing = Failing::start(&installation).await;
    all_is_there(&installation, failing.server.address, &known, seed).await;
    failing.server.stop();
}
