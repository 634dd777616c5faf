//! The operational log of `hvelv serve`: lines on standard error.
//!
//! INVARIANT: what other crates log below warnings is never written, whatever the level: they do not
//! know what must not be shown. No environment variable changes that.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt, registry};

use super::error::Error;
use crate::config::server::{Log, LogFormat, LogLevel};

/// Starts the log of this process.
///
/// # Errors
///
/// There is one already.
pub(super) fn start(log: &Log) -> Result<(), Error> {
    let lines = fmt::layer().with_writer(std::io::stderr);
    let lines = match log.format {
        LogFormat::Json => lines.json().boxed(),
        LogFormat::Text => lines.with_ansi(false).boxed(),
    };
    registry()
        .with(lines.with_filter(filter(log.level)))
        .try_init()
        .map_err(|cause| Error::internal(format!("cannot start the log: {cause}")))
}

fn filter(level: LogLevel) -> Targets {
    let ours = match level {
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Trace => LevelFilter::TRACE,
        LogLevel::Warn => LevelFilter::WARN,
    };
    Targets::new().with_default(ours.min(LevelFilter::WARN)).with_target("hvelv", ours)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::Level;

    #[test]
    fn other_crates_never_log_below_warnings() {
        for level in [LogLevel::Debug, LogLevel::Info, LogLevel::Trace] {
            let filter = filter(level);
            assert!(filter.would_enable("hvelv::rpc", &Level::INFO));
            assert!(filter.would_enable("h2", &Level::WARN));
            assert!(!filter.would_enable("h2", &Level::INFO));
        }
        assert!(!filter(LogLevel::Error).would_enable("h2", &Level::WARN));
        assert!(!filter(LogLevel::Info).would_enable("hvelv", &Level::DEBUG));
    }
}
