use super::*;
use crate::testing::repository;

const SHIPPED: &str = include_str!("../../../hvelv.toml");

fn parse(text: &str) -> Result<Config, Problems> {
    Config::parse(text, Path::new("hvelv.toml"))
}

#[test]
fn the_shipped_file_says_the_defaults() {
    let path = repository().join("hvelv.toml");
    let expected = Config::default().resolved(&repository());
    assert_eq!(Config::load(&path).unwrap(), expected);
}

#[test]
fn an_empty_file_means_the_defaults() {
    assert_eq!(parse("").unwrap(), Config::default());
}

/// Every option stands in the shipped file; one without a default stands there as a comment.
#[test]
fn the_shipped_file_shows_every_option() {
    let absent = reader::read_document(Path::new("hvelv.toml"), SHIPPED, |top| {
        let findings = top.findings();
        read::config(top).map(|_| findings.absent())
    });
    for place in absent.unwrap() {
        let option = place.rsplit('.').next().unwrap();
        assert!(SHIPPED.contains(&format!("# {option} = ")), "{place} is not in hvelv.toml");
    }
}

#[test]
fn every_option_of_the_shipped_file_has_a_comment() {
    let lines: Vec<&str> = SHIPPED.lines().collect();
    for (i, line) in lines.iter().enumerate().filter(|(_, line)| line.contains(" = ")) {
        assert!(line.starts_with('#') || lines[i - 1].starts_with('#'), "{line} has no comment");
    }
}

#[test]
fn relative_paths_are_relative_to_the_file_and_absolute_ones_stay() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("hvelv.toml");
    let text = "mode = 'test'\nkey_file = '/etc/hvelv/k.hvk'\nidentifiers.test_numbers_file = 'n'";
    std::fs::write(&path, text).unwrap();
    let config = Config::load(&path).unwrap();
    assert_eq!(config.key_file, Path::new("/etc/hvelv/k.hvk"));
    assert_eq!(config.vault_dir, directory.path().join("data/vault"));
    assert_eq!(config.tls.client_ca_file, directory.path().join("keys/client-ca.pem"));
    assert_eq!(config.identifiers.test_numbers_file, Some(directory.path().join("n")));
}

#[test]
fn every_mistake_has_its_own_problem() {
    let cases = [
        ("mode = 'prod'", "mode: `prod` is not one of development, production, test"),
        ("listen = 'localhost'", "listen: `localhost` is not an IP address and port"),
        ("listem = '127.0.0.1:1'", "listem: unknown option"),
        ("vault_dir = 'd'\nregisters_dir = './d'", ":2: registers_dir: shares a directory"),
        ("vault_dir = 'd'\nregisters_dir = 'd/r'", ":2: registers_dir: shares a directory"),
        ("registers_dir = 'data/vault/../vault'", ":1: registers_dir: shares a directory"),
        ("key_file = 'data/vault/k.hvk'", ":1: key_file: lies in the directory of a database"),
        ("tls.key_file = 'data/registers/k'", "tls.key_file: lies in the directory of a database"),
        ("tls.key_file = '''-----BEGIN X'''", "tls.key_file: is not a path"),
        ("tls.handshake_timeout_ms = 0", "tls.handshake_timeout_ms: `0` is outside the limits"),
        ("tls.reload_enabled = 1", "tls.reload_enabled: must be true or false"),
        ("tls.reload_interval_s = 0", "tls.reload_interval_s: `0` is outside the limits"),
        ("tls.password = 'x'", "tls.password: unknown option"),
        (
            "identifiers.accept_2032_from = 'now'",
            "identifiers.accept_2032_from: `now` is not a day",
        ),
        ("identifiers.test_assigners = ['a']", "identifiers.test_assigners: test numbers are"),
        ("identifiers.test_numbers_file = 'a'", "identifiers.test_numbers_file: test numbers are"),
        ("mode = 'test'\nidentifiers.test_felles_prefixes = ['8']", "`8` is not the beginning"),
        ("mode = 'test'\nidentifiers.test_felles_prefixes = ['1234']", "`1234` is not the"),
        ("mode = 'test'\nidentifiers.test_duf_prefixes = ['2009']", "`2009` is not the beginning"),
        ("mode = 'test'\nidentifiers.test_assigners = ['a b']", "`a b` is not an assigner"),
        ("audit.origin = 'https://a.no/b'", "audit.origin: `https://a.no/b` cannot name a log"),
        ("audit.origin = 'a+b'", "audit.origin: `a+b` cannot name a log"),
        ("audit.checkpoint_interval_s = 86_401", "`86401` is outside the limits 1 to 86400"),
        ("metrics.enabled = 'yes'", "metrics.enabled: must be true or false"),
        ("metrics.listen = '9464'", "metrics.listen: `9464` is not an IP address and port"),
        (
            "listen = '[::1]:7443'\nmetrics = { enabled = true, listen = '[::1]:7443' }",
            "metrics.listen: is the server's own address",
        ),
        ("metrics.connections_max = 65", "`65` is outside the limits 1 to 64"),
        ("metrics.connection_timeout_ms = 99", "`99` is outside the limits 100 to 60000"),
        ("metrics.path = '/metrics'", "metrics.path: unknown option"),
        ("log.format = 'xml'", "log.format: `xml` is not one of json, text"),
        ("log.level = 'all'", "log.level: `all` is not one of"),
        ("budgets.period_days = 0", "budgets.period_days: `0` is outside the limits 1 to 366"),
        ("budgets.misses_max = -1", "budgets.misses_max: `-1` is outside the limits 0 to"),
        ("budgets.persons_max = 100_000_001", "budgets.persons_max: `100000001` is outside"),
        ("budgets.person_max = 1", "budgets.person_max: unknown option"),
        ("limits.message_bytes_max = 65_536", "limits.message_bytes_max: a batch of"),
        ("limits.in_flight_bytes_max = 4096", "limits.in_flight_bytes_max: is less than"),
        ("limits.connections_max = 1", "limits.connections_per_principal_max: is more than"),
        ("limits.http2_connection_window_bytes = 65_535", "is less than http2_stream_window_bytes"),
    ];
    for (text, expected) in cases {
        let problems = parse(text).unwrap_err().to_string();
        assert!(problems.contains(expected), "{text}: expected {expected}, got {problems}");
        assert_eq!(problems.lines().count(), 1, "{text}: {problems}");
    }
}

#[test]
fn all_mistakes_of_a_file_are_reported_at_once() {
    let text = "mode = 1\nlisten = 'x'\nnew = 1\n[tls]\nnew = 1\n[limits]\nstreams_max = 0\n\
                batch_identifiers_max = 65537\n[audit]\norigin = ''\n[log]\nlevel = 'x'\n[new2]";
    let problems = parse(text).unwrap_err();
    assert_eq!(problems.iter().count(), 9, "{problems}");
}

#[test]
fn test_numbers_are_accepted_outside_production() {
    for mode in ["test", "development"] {
        let text = format!(
            "mode = '{mode}'\n[identifiers]\ntest_felles_prefixes = ['8000']\n\
             test_duf_prefixes = ['2009005']\ntest_assigners = ['2.16.578.1.12']"
        );
        let identifiers = parse(&text).unwrap().identifiers;
        assert_eq!(identifiers.test_felles_prefixes[0].as_str(), "8000");
        assert_eq!(identifiers.test_duf_prefixes[0].as_str(), "2009005");
        assert_eq!(identifiers.test_assigners[0].as_str(), "2.16.578.1.12");
    }
}

/// Goal: no limit without a hard maximum that holds.  Method: each limit of the shipped file is set
/// to its bounds and to one beyond.
#[test]
fn every_limit_has_hard_bounds_and_its_problem_names_it() {
    macro_rules! check {
        ($($field:ident),+ $(,)?) => {$({
            let name = stringify!($field);
            let (low, high) = (Limits::MINIMUM.$field, Limits::MAXIMUM.$field);
            assert!(low <= Limits::DEFAULT.$field && Limits::DEFAULT.$field <= high, "{name}");
            let beyond = [i128::try_from(low).unwrap() - 1, i128::try_from(high).unwrap() + 1];
            for number in beyond {
                let problems = parse(&format!("limits.{name} = {number}")).unwrap_err().to_string();
                let expected = format!("limits.{name}: `{number}` is outside the limits {low} to");
                assert!(problems.contains(&expected), "{problems}");
            }
            let text = format!("limits.{name} = {high}");
            // The highest value may clash with the default of another limit, but not with its own.
            let problems = parse(&text).err().map(|problems| problems.to_string());
            assert!(!problems.unwrap_or_default().contains("outside the limits"), "{text}");
        })+};
    }
    check!(
        message_bytes_max,
        batch_identifiers_max,
        stream_messages_max,
        streams_max,
        in_flight_messages_max,
        in_flight_bytes_max,
        connections_max,
        connections_per_principal_max,
        requests_per_connection_max,
        request_timeout_ms,
        stream_idle_timeout_ms,
        shutdown_timeout_ms,
        http2_stream_window_bytes,
        http2_connection_window_bytes,
    );
}
