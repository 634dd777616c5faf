use super::selftest::written;
use super::*;

const NUMBERS: [u64; 3] = [1_810_012_345, 41_814_061_033, 12_829_499_914];

fn needles() -> Needles {
    Needles::new(NUMBERS.map(|number| (11, number)))
}

fn found_in(bytes: &[u8]) -> Vec<search::Hit> {
    let needles = needles();
    let mut found = Vec::new();
    let mut search = Search::new(&needles);
    search.reader(&mut { bytes }, &mut |hit| found.push(*hit)).unwrap();
    found
}

#[test]
fn every_form_of_every_number_is_found_at_its_offset() {
    let needles = needles();
    for number in NUMBERS {
        for (form, bytes) in written(&needles.groups()[0], number) {
            let file = [&[0xff; 33][..], &bytes, &[0xff; 33]].concat();
            let hit = search::Hit { form, offset: 33 };
            assert!(found_in(&file).contains(&hit), "{form}");
        }
    }
}

#[test]
fn packed_decimal_with_a_leading_zero_and_with_a_sign_is_found() {
    for file in [
        &[0xff, 0x04, 0x18, 0x14, 0x06, 0x10, 0x33, 0xff][..],
        &[0xff, 0x41, 0x81, 0x40, 0x61, 0x03, 0x3c],
    ] {
        let hits = found_in(file);
        assert!(hits.contains(&search::Hit { form: Form::PackedDecimal, offset: 1 }), "{hits:?}");
    }
}

#[test]
fn a_number_inside_a_longer_one_is_found() {
    assert_eq!(found_in(b"99418140610330").len(), 1);
}

#[test]
fn other_numbers_and_zeros_are_not_found() {
    assert!(found_in(&[0; 4096]).is_empty());
    assert!(found_in(b"41814061034 4181406103 41814061 033").is_empty());
}

#[test]
fn the_self_test_finds_all_it_plants() {
    assert_eq!(selftest::run(&needles()).unwrap(), 3 * 7);
    let both = Needles::new([(11, NUMBERS[0]), (15, 123_456_789_012_345)]);
    assert_eq!(selftest::run(&both).unwrap(), 2 * 7);
}

#[test]
fn chance_hits_in_random_bytes_are_as_many_as_computed() {
    // Goal: the expectation is right. Method: many short numbers, so that chance gives many hits.
    let mut random = super::super::random::SplitMix64::new(7);
    let numbers: Vec<(usize, u64)> =
        (0..50_000).map(|_| (11, random.next_u64() % 100_000_000_000)).collect();
    let needles = Needles::new(numbers);
    let bytes: Vec<u8> = (0..16_000_000).map(|_| random.byte()).collect();
    let mut search = Search::new(&needles);
    search.reader(&mut bytes.as_slice(), &mut |_| ()).unwrap();
    for form in Form::ALL {
        let (hits, expected) = (search.hits(form), search.expected(form));
        assert!(is_chance(hits, expected), "{form}: {hits} {expected}");
    }
    // Of 2^40 values of 5 bytes 50,000 are looked for, at 16 million places: 0.7 on average. Of
    // 10^11 in 2^44 values of 11 half bytes, at 32 million places: 0.09.
    let close = |form, value: f64| (search.expected(form) / value - 1.0).abs() < 0.05;
    assert!(close(Form::ShortBigEndian, 0.7276) && close(Form::ShortLittleEndian, 0.7276));
    assert!(close(Form::PackedDecimal, 0.0910));
}

#[test]
fn a_header_before_random_bytes_is_no_find_and_numbers_there_are() {
    // Goal: records that begin like an integer do not look like a leak. Method: `00 00 00 05` before
    // a random nonce, as sealed records have, so often that some number turns up by chance.
    let mut random = super::super::random::SplitMix64::new(3);
    let numbers: Vec<u64> =
        (0..200_000).map(|_| 0x05_0000_0000 + (random.next_u64() >> 32)).collect();
    let needles = Needles::new(numbers.iter().map(|number| (11, *number)));
    let mut records = Vec::new();
    for _ in 0..100_000 {
        records.extend([1, 0, 0, 0, 5]);
        records.extend((0..12).map(|_| random.byte()));
    }
    let mut search = Search::new(&needles);
    search.reader(&mut records.as_slice(), &mut |_| ()).unwrap();
    assert!(search.hits(Form::Integer8) > 0, "nothing turned up: the test shows nothing");
    assert!(is_chance(search.hits(Form::Integer8), search.expected(Form::Integer8)));

    let planted: Vec<u8> =
        numbers.iter().take(50).flat_map(|number| number.to_be_bytes()).collect();
    search.reader(&mut planted.as_slice(), &mut |_| ()).unwrap();
    assert!(!is_chance(search.hits(Form::Integer8), search.expected(Form::Integer8)));
}

fn scan(needles: &str, planted: &[u8], name: &str) -> Result<Exit, Error> {
    let directory = tempfile::tempdir().unwrap();
    let store = directory.path().join("store/inner");
    std::fs::create_dir_all(&store).unwrap();
    std::fs::write(store.join(name), planted).unwrap();
    let list = directory.path().join("needles.csv");
    std::fs::write(&list, needles).unwrap();
    run(&ScanOptions {
        needles: Some(list),
        column: Some("fnr".to_owned()),
        person_numbers: None,
        share_file: Vec::new(),
        passphrase: PassphraseOptions::default(),
        paths: vec![directory.path().join("store")],
    })
}

#[test]
fn the_command_fails_for_a_planted_number_of_any_form_and_never_prints_it() {
    let list = "fnr,x\n41814061033,a\n";
    assert_eq!(scan(list, &[0xab; 5000], "000001.sst").unwrap(), Exit::Success);
    for (form, bytes) in written(&needles().groups()[0], 41_814_061_033) {
        let file = [&[0xab; 5000][..], &bytes].concat();
        let error = scan(list, &file, "000001.sst").unwrap_err();
        assert_eq!(error.exit(), Exit::Verification, "{form}");
        assert!(!error.to_string().contains("41814061033"));
    }
    let error = scan(list, b"x", "41814061033.log").unwrap_err();
    assert_eq!(error.exit(), Exit::Verification);
}

#[test]
fn a_list_that_cannot_be_searched_for_is_refused_by_row() {
    let error = scan("fnr\n41814061033\n4181406103x\n", b"x", "a").unwrap_err();
    assert!(error.to_string().contains("row 2"), "{error}");
    assert!(!error.to_string().contains("4181"));
    assert_eq!(scan("fnr\n", b"x", "a").unwrap_err().exit(), Exit::Input);
    assert_eq!(scan("fnr\n41814061033\n", b"", "a").unwrap_err().exit(), Exit::Usage);
}

#[test]
fn a_list_in_latin_1_is_read_as_well_as_one_in_utf_8() {
    let latin_1 = &b"f\xf8dt,fnr\n\xe5r,41814061033\n"[..];
    for list in [latin_1, "født,fnr\når,41814061033\n".as_bytes()] {
        assert_eq!(Needles::read(list, "fnr").unwrap().count(), 1);
    }
}
