//! Alternating rounds of both servers, and what came of them.

use super::load::Load;
use super::spread::Spread;
use super::world::{Server, World};

/// Rates of Hvelv and of the echo, in identifiers per second: a pair for each round.
pub(crate) type Rounds = Vec<(f64, f64)>;

/// Runs rounds of both in turn, who begins also in turn.
pub(crate) fn known(world: &World, load: Load, numbers: &[u64], rounds: usize) -> Rounds {
    let messages = load.messages(numbers);
    let mut found = Vec::new();
    for round in 0..rounds {
        let (mut hvelv, mut echo) = (0.0, 0.0);
        let mut order = [(Server::Echo, &mut echo), (Server::Hvelv, &mut hvelv)];
        order.rotate_left(round % 2);
        for (server, rate) in order {
            *rate = world.round(server, load, &messages);
        }
        found.push((hvelv, echo));
    }
    found
}

/// One line for a person: what was measured, and the spread of each figure.
pub(crate) fn line(what: &str, rounds: &Rounds) -> String {
    let hvelv: Spread = rounds.iter().map(|(hvelv, _)| hvelv / 1e6).collect();
    let echo: Spread = rounds.iter().map(|(_, echo)| echo / 1e6).collect();
    let ratio: Spread = rounds.iter().map(|(hvelv, echo)| hvelv / echo).collect();
    let text = |Spread { min, median, max }: Spread| format!("{min:.2}/{median:.2}/{max:.2}");
    format!(
        "{what:<44} hvelv {} M ids/s, echo {} M ids/s, ratio {} (min/median/max)",
        text(hvelv),
        text(echo),
        text(ratio),
    )
}
