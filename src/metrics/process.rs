//! Memory and processor time of the process, under the names that all programs give them.
//!
//! They are read from `/proc`; where there is none they are not shown.  Reading costs three small
//! files, at a scrape alone.

use std::path::Path;

use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};

/// Parts of a second in which Linux counts processor time for programs (`USER_HZ`), on every
/// architecture that this program is built for.
const TICKS_PER_S: f64 = 100.0;

/// The process at this moment.
pub(super) fn registry(started_s: i64) -> Registry {
    let mut registry = Registry::with_prefix("process");
    let help = "When the server started, since 1970";
    registry.register_with_unit("start_time", help, Unit::Seconds, ConstGauge::new(started_s));
    let read = |name: &str| std::fs::read_to_string(Path::new("/proc/self").join(name));
    if let Some(ticks) = read("stat").ok().and_then(|text| processor_ticks(&text)) {
        let help = "Time that the process has had of all processors";
        let seconds = ConstCounter::new(f64::from(ticks) / TICKS_PER_S);
        registry.register_with_unit("cpu", help, Unit::Seconds, seconds);
    }
    if let Ok(status) = read("status") {
        for (name, field, help) in [
            ("resident_memory", "VmRSS", "Memory of the process that is in use"),
            ("virtual_memory", "VmSize", "Address space of the process"),
        ] {
            if let Some(kib) = kibibytes(&status, field) {
                let bytes = ConstGauge::new(kib.saturating_mul(1024));
                registry.register_with_unit(name, help, Unit::Bytes, bytes);
            }
        }
    }
    if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
        registry.register("open_fds", "Open file descriptors", ConstGauge::new(open.count()));
    }
    registry
}

/// User and system time of `/proc/self/stat`: fields 14 and 15, counted from behind the program's
/// name, which may hold blanks.
fn processor_ticks(stat: &str) -> Option<u32> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_ascii_whitespace().skip(11);
    let user: u32 = fields.next()?.parse().ok()?;
    let system: u32 = fields.next()?.parse().ok()?;
    Some(user.saturating_add(system))
}

/// A field of `/proc/self/status`, which has them in KiB.
fn kibibytes(status: &str, field: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_found_behind_a_name_with_blanks_and_brackets() {
        let stat = "17 (a ) b) S 1 17 17 0 -1 4194304 5 6 7 8 120 34 9 9 20 0";
        assert_eq!(processor_ticks(stat), Some(154));
        for bad in ["", "17 (a) S 1", "17 (a) S 1 17 17 0 -1 4194304 5 6 7 8 x 34 9"] {
            assert_eq!(processor_ticks(bad), None, "{bad}");
        }
    }

    #[test]
    fn memory_is_read_in_kib() {
        let status = "Name:\thvelv\nVmSize:\t  2048 kB\nVmRSS:\t     512 kB\n";
        assert_eq!(kibibytes(status, "VmRSS"), Some(512));
        assert_eq!(kibibytes(status, "VmSize"), Some(2048));
        assert_eq!(kibibytes(status, "Vm"), None);
        assert_eq!(kibibytes("VmRSS:\tmuch kB\n", "VmRSS"), None);
    }

    #[test]
    fn this_process_has_memory_and_has_used_a_processor() {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry(17)).unwrap();
        assert!(text.contains("\nprocess_start_time_seconds 17\n"), "{text}");
        for name in ["process_cpu_seconds_total ", "process_resident_memory_bytes "] {
            assert!(text.lines().any(|line| line.starts_with(name)), "{name} is not in {text}");
        }
    }
}
