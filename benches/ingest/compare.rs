//! Alternating rounds of both servers, and what came of them.

use super::world::{Load, Server, World};

/// The least ratio that is allowed.
pub(crate) const FLOOR: f64 = 0.25;

/// Smallest, middle and largest of some figures.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    /// Smallest.
    pub(crate) min: f64,
    /// Middle.
    pub(crate) median: f64,
    /// Largest.
    pub(crate) max: f64,
}

impl Spread {
    fn of(mut figures: Vec<f64>) -> Self {
        figures.sort_by(f64::total_cmp);
        let at = |place: usize| figures[place];
        let last = figures.len() - 1;
        Self { min: at(0), median: at(last / 2), max: at(last) }
    }
}

/// What alternating rounds gave, in identifiers per second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Comparison {
    /// Rates of Hvelv.
    pub(crate) hvelv: Spread,
    /// Rates of the echo.
    pub(crate) echo: Spread,
    /// Hvelv's rate over the echo's, by rounds that followed each other.
    pub(crate) ratio: Spread,
}

impl Comparison {
    /// Runs rounds of both in turn, who begins also in turn.
    pub(crate) fn run(world: &World, load: Load, rounds: usize) -> Self {
        let (mut hvelv, mut echo) = (Vec::new(), Vec::new());
        for round in 0..rounds {
            let mut order = [Server::Echo, Server::Hvelv];
            order.rotate_left(round % 2);
            for server in order {
                let rate = world.round(server, load);
                match server {
                    Server::Echo => echo.push(rate),
                    Server::Hvelv => hvelv.push(rate),
                }
            }
        }
        let ratios = hvelv.iter().zip(&echo).map(|(hvelv, echo)| hvelv / echo).collect();
        Self { hvelv: Spread::of(hvelv), echo: Spread::of(echo), ratio: Spread::of(ratios) }
    }
}

/// One line for a person: what was measured, and the spread of each figure.
pub(crate) fn line(what: &str, found: &Comparison) -> String {
    let millions = |spread: &Spread| {
        let [min, median, max] = [spread.min, spread.median, spread.max].map(|rate| rate / 1e6);
        format!("{min:.2}/{median:.2}/{max:.2}")
    };
    let Spread { min, median, max } = found.ratio;
    format!(
        "{what:<28} hvelv {} M ids/s, echo {} M ids/s, ratio {min:.2}/{median:.2}/{max:.2} \
         (min/median/max)",
        millions(&found.hvelv),
        millions(&found.echo),
    )
}
