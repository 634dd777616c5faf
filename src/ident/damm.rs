//! The Damm check digit, last in register IDs and serials.
//!
//! # Why it exists
//!
//! IDs are typed, sorted and pasted by people. One more digit finds every single wrong digit and
//! every swap of two neighbours, which mod-10 digits do not.
//!
//! # Algorithm
//!
//! `state = TABLE[state][digit]` from 0 over the digits, the check digit is the last state; over
//! number and check digit the state ends at 0. H. M. Damm, *Total anti-symmetrische
//! Quasigruppen*, Marburg 2004: the table is his weakly totally anti-symmetric quasigroup of order
//! 10 with zeros on the diagonal. Leading zeros change nothing.
//!
//! # What it does *not* protect
//!
//! No secret and no proof: every tenth number passes.

/// The quasigroup, row = state, column = digit.
const TABLE: [[u8; 10]; 10] = [
    [0, 3, 1, 7, 5, 9, 8, 6, 4, 2],
    [7, 0, 9, 2, 1, 5, 4, 8, 6, 3],
    [4, 2, 0, 6, 8, 7, 1, 3, 5, 9],
    [1, 7, 5, 0, 9, 8, 3, 4, 2, 6],
    [6, 1, 2, 3, 0, 4, 5, 9, 7, 8],
    [3, 6, 7, 4, 2, 0, 9, 5, 8, 1],
    [5, 8, 6, 9, 7, 2, 0, 1, 3, 4],
    [8, 9, 4, 5, 3, 6, 2, 0, 1, 7],
    [9, 4, 3, 8, 6, 1, 7, 2, 0, 5],
    [2, 5, 8, 1, 4, 3, 6, 7, 9, 0],
];

/// The same for two digits at once: row = state, column = pair.
static PAIRS: [[u8; 100]; 10] = pairs();

const fn pairs() -> [[u8; 100]; 10] {
    let mut table = [[0; 100]; 10];
    let mut state = 0;
    while state < 10 {
        let mut pair = 0;
        while pair < 100 {
            table[state][pair] = TABLE[TABLE[state][pair / 10] as usize][pair % 10];
            pair += 1;
        }
        state += 1;
    }
    table
}

/// The check digit, 0–9, of a number's decimal digits.
#[must_use]
pub fn check_digit(number: u64) -> u8 {
    // A u64 has at most 20 digits.
    let mut cut = [0u8; 10];
    let mut rest = number;
    for pair in cut.iter_mut().rev() {
        *pair = (rest % 100).to_le_bytes()[0];
        rest /= 100;
    }
    // States are below 10 and pairs below 100.
    cut.iter().fold(0, |state, pair| PAIRS[usize::from(state % 10)][usize::from(pair % 100)])
}

/// True when the last digit of a number is the check digit of those before it.
#[must_use]
pub fn is_valid(number: u64) -> bool {
    check_digit(number) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answer_572_gives_4() {
        assert_eq!(check_digit(572), 4);
        assert!(is_valid(5724));
    }

    /// Goal: the table is a totally anti-symmetric quasigroup. Method: the definition, exhaustively.
    #[test]
    fn table_is_a_totally_anti_symmetric_quasigroup_with_zero_diagonal() {
        for (state, row) in TABLE.iter().enumerate() {
            let (mut in_row, mut in_column) = ([false; 10], [false; 10]);
            for digit in 0..10 {
                in_row[usize::from(row[digit])] = true;
                in_column[usize::from(TABLE[digit][state])] = true;
            }
            assert_eq!((in_row, in_column), ([true; 10], [true; 10]));
            assert_eq!(row[state], 0);
            for (x, y) in (0..10).flat_map(|x| (0..10).map(move |y| (x, y))) {
                let twice = |x, y| TABLE[usize::from(row[x])][y];
                assert!(x == y || twice(x, y) != twice(y, x), "state {state}, {x} and {y}");
            }
        }
    }

    /// Goal: every single wrong digit and every swap of neighbours is found. Method: all numbers of
    /// four digits and their check digit, every change of each.
    #[test]
    fn every_single_wrong_digit_and_neighbour_swap_is_found() {
        for number in 0..10_000u64 {
            let valid = number * 10 + u64::from(check_digit(number));
            assert!(is_valid(valid));
            for scale in [1, 10, 100, 1000, 10_000] {
                let digit = valid / scale % 10;
                for wrong in (0..10).filter(|wrong| *wrong != digit) {
                    assert!(!is_valid(valid - digit * scale + wrong * scale));
                }
                let next = valid / (scale * 10) % 10;
                if scale < 10_000 && next != digit {
                    let both = digit * scale + next * scale * 10;
                    assert!(!is_valid(valid - both + next * scale + digit * scale * 10));
                }
            }
        }
    }

    #[test]
    fn pairs_agree_with_single_digits_on_the_longest_numbers() {
        for number in [u64::MAX, u64::MAX / 7, 10u64.pow(19), 999_999_999_999_999] {
            let single = number
                .to_string()
                .bytes()
                .fold(0, |state, digit| TABLE[usize::from(state)][usize::from(digit - b'0')]);
            assert_eq!(check_digit(number), single);
        }
    }
}
