use super::*;
use crate::ident::testing::{
    BEFORE_2032, FROM_2032, assigner, duf_number, read, rules, with_check_digits,
};
use crate::ident::{Declared, parse_number};

const TENOR_FNR: u64 = 5_840_399_895;
const TENOR_DNR: u64 = 41_814_061_033;
const NHN_DNR: u64 = 49_680_699_185;
const NAV_DNR: u64 = 68_467_038_838;
/// Skatteetaten's worked example; the date is after the day of receipt used here.
const PLAIN_FNR: u64 = 2_013_299_997;
const FELLES: u64 = 80_008_621_423;
const H_NUMBER: u64 = 9_448_542_138;
const DUF: u64 = 200_900_595_509;

fn verdict(rules: &Rules, assigner: Option<Assigner>, number: u64) -> Result<IdKind, Reject> {
    parse_number(&rules.at(BEFORE_2032), Declared::Any, assigner, number).map(|id| id.kind())
}

fn test_rules(change: impl FnOnce(&mut RulesConfig)) -> Rules {
    let mut config = RulesConfig::new(Mode::Test);
    change(&mut config);
    Rules::new(&config).unwrap()
}

/// A D-number without marker that nobody has: of somebody born in 2039.
fn plain_dnr() -> u64 {
    (200..1000).find_map(|individ| with_check_digits(410_139_000 + individ)).unwrap()
}

/// A NAV +60 number (month 61); no vector has one.
fn nav_60() -> u64 {
    (0..1000).find_map(|individ| with_check_digits(16_139_000 + individ)).unwrap()
}

#[test]
fn production_refuses_every_synthetic_marker() {
    let production = rules(Mode::Production);
    for number in [TENOR_FNR, TENOR_DNR, NHN_DNR, NAV_DNR, nav_60()] {
        assert_eq!(verdict(&production, None, number), Err(Reject::SyntheticInProduction));
        let with_assigner = verdict(&production, Some(assigner()), number);
        assert_eq!(with_assigner, Err(Reject::SyntheticInProduction));
    }
}

#[test]
fn production_takes_what_carries_no_marker() {
    let production = rules(Mode::Production);
    assert_eq!(verdict(&production, None, PLAIN_FNR), Ok(IdKind::Fnr));
    assert_eq!(verdict(&production, None, plain_dnr()), Ok(IdKind::Dnr));
    assert_eq!(verdict(&production, None, FELLES), Ok(IdKind::Felles));
    assert_eq!(verdict(&production, None, DUF), Ok(IdKind::Duf));
}

#[test]
fn production_takes_an_h_number_only_with_its_assigner() {
    let production = rules(Mode::Production);
    assert_eq!(verdict(&production, None, H_NUMBER), Err(Reject::AssignerMissing));
    assert_eq!(verdict(&production, Some(assigner()), H_NUMBER), Ok(IdKind::Hnr));
}

#[test]
fn test_and_development_take_markers_and_refuse_what_may_be_real() {
    for mode in [Mode::Test, Mode::Development] {
        let rules = rules(mode);
        assert_eq!(verdict(&rules, None, TENOR_FNR), Ok(IdKind::Fnr));
        assert_eq!(verdict(&rules, None, nav_60()), Ok(IdKind::Fnr));
        for number in [TENOR_DNR, NHN_DNR, NAV_DNR] {
            assert_eq!(verdict(&rules, None, number), Ok(IdKind::Dnr));
        }
        for number in [PLAIN_FNR, plain_dnr(), FELLES, DUF] {
            assert_eq!(verdict(&rules, None, number), Err(Reject::RealInTest));
        }
        assert_eq!(verdict(&rules, None, H_NUMBER), Err(Reject::AssignerMissing));
        assert_eq!(verdict(&rules, Some(assigner()), H_NUMBER), Err(Reject::RealInTest));
    }
}

#[test]
fn test_lists_let_in_only_what_they_name() {
    let rules = test_rules(|config| {
        config.test_assigners.push("310000000".into());
        config.test_duf_prefixes.push("2009005".into());
        config.test_felles_prefixes.push("80008".into());
    });
    assert_eq!(verdict(&rules, Some(assigner()), H_NUMBER), Ok(IdKind::Hnr));
    let other = Assigner::parse(b"974760673");
    assert_eq!(verdict(&rules, other, H_NUMBER), Err(Reject::RealInTest));
    assert_eq!(verdict(&rules, None, H_NUMBER), Err(Reject::AssignerMissing));
    assert_eq!(verdict(&rules, None, FELLES), Ok(IdKind::Felles));
    assert_eq!(verdict(&rules, None, 80_005_484_026), Err(Reject::RealInTest));
    assert_eq!(verdict(&rules, None, DUF), Ok(IdKind::Duf));
    assert_eq!(verdict(&rules, None, duf_number(2009, 999_999)), Err(Reject::RealInTest));
    assert_eq!(verdict(&rules, None, PLAIN_FNR), Err(Reject::RealInTest));
}

#[test]
fn a_prefix_begins_where_the_digits_begin() {
    let rules = test_rules(|config| config.test_felles_prefixes.push("8123456780".into()));
    assert_eq!(verdict(&rules, None, 81_234_567_802), Ok(IdKind::Felles));
    assert_eq!(verdict(&rules, None, 91_234_567_883), Err(Reject::RealInTest));
    let rules = test_rules(|config| config.test_felles_prefixes.push("9".into()));
    assert_eq!(verdict(&rules, None, 91_234_567_883), Ok(IdKind::Felles));
    assert_eq!(verdict(&rules, None, 81_234_567_802), Err(Reject::RealInTest));
}

#[test]
fn listed_numbers_pass_in_test_and_nav_synthetic_only_so() {
    let rules = test_rules(|config| {
        config.test_numbers =
            ["09448542138", "80005484026", "200900595509"].map(String::from).to_vec();
    });
    assert_eq!(verdict(&rules, None, H_NUMBER), Ok(IdKind::Hnr));
    assert_eq!(verdict(&rules, Some(assigner()), H_NUMBER), Ok(IdKind::Hnr));
    assert_eq!(verdict(&rules, None, 80_005_484_026), Ok(IdKind::Felles));
    assert_eq!(verdict(&rules, None, DUF), Ok(IdKind::Duf));
    assert_eq!(verdict(&rules, None, FELLES), Err(Reject::RealInTest));
}

#[test]
fn test_lists_have_no_effect_in_production() {
    let mut config = RulesConfig::new(Mode::Production);
    config.test_numbers.push("09448542138".into());
    let production = Rules::new(&config).unwrap();
    assert_eq!(verdict(&production, None, H_NUMBER), Err(Reject::AssignerMissing));
    assert_eq!(verdict(&production, None, TENOR_FNR), Err(Reject::SyntheticInProduction));
}

#[test]
fn configuration_reports_every_problem_at_once_without_the_entries() {
    let mut config = RulesConfig::new(Mode::Test);
    config.test_assigners = ["310000000", "310000001"].map(String::from).to_vec();
    config.test_duf_prefixes = ["", "2009", "2109", "2", "3"].map(String::from).to_vec();
    config.test_felles_prefixes = ["8", "7", "8a", "812345678901"].map(String::from).to_vec();
    // Marked, plain, wrong check digits, and right.
    config.test_numbers =
        ["05840399895", "02013299997", "09448542139", "09448542138"].map(String::from).to_vec();
    let problems = Rules::new(&config).unwrap_err();
    let expected = [
        RulesProblem::Assigner { entry: 2 },
        RulesProblem::DufPrefix { entry: 1 },
        RulesProblem::DufPrefix { entry: 3 },
        RulesProblem::DufPrefix { entry: 5 },
        RulesProblem::FellesPrefix { entry: 2 },
        RulesProblem::FellesPrefix { entry: 3 },
        RulesProblem::FellesPrefix { entry: 4 },
        RulesProblem::Number { entry: 1 },
        RulesProblem::Number { entry: 2 },
        RulesProblem::Number { entry: 3 },
    ];
    assert_eq!(problems, expected);
    for problem in problems {
        assert!(!problem.to_string().contains("5840399895"));
    }
}

#[test]
fn the_2032_rule_starts_on_its_date() {
    let rules_at_default = rules(Mode::Test);
    assert_eq!(rules_at_default.rule_2032_from(), date(2032, 1, 1));
    assert!(!rules_at_default.accepts_2032(BEFORE_2032));
    assert!(rules_at_default.accepts_2032(FROM_2032));
    // Passes the 2032 rule only.
    let number = 30_908_299_902;
    let before = read(&rules_at_default.at(BEFORE_2032), number);
    assert_eq!(before.unwrap_err(), Reject::CheckDigits);
    assert!(read(&rules_at_default.at(FROM_2032), number).is_ok());
    let earlier = test_rules(|config| config.rule_2032_from = date(2027, 7, 1));
    assert!(read(&earlier.at(date(2027, 7, 1)), number).is_ok());
    assert!(read(&earlier.at(date(2027, 6, 30)), number).is_err());
    // Rests of 4 and more never pass.
    assert!(read(&earlier.at(FROM_2032), 26_111_593_875).is_err());
}

#[test]
fn debug_of_the_rules_shows_no_list() {
    let rules = test_rules(|config| config.test_numbers.push("09448542138".into()));
    let mut config = RulesConfig::new(Mode::Test);
    config.test_numbers.push("09448542138".into());
    for text in
        [format!("{rules:?}"), format!("{:?}", rules.at(BEFORE_2032)), format!("{config:?}")]
    {
        assert!(text.contains("mode: Test") && !text.contains("9448542138"), "{text}");
    }
}
