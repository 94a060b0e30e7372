//! Whole numbers and times as Go's flags read them.

/// Why a text is no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Misread {
    /// Not written as one.
    Syntax,
    /// Too large or too small.
    Range,
}

/// Go's `strconv.ParseUint(text, 0, 64)`: decimal, `0x`, `0o`, `0b`, octal after a leading zero, and `_` between digits.
pub(super) fn natural(text: &str) -> Result<u64, Misread> {
    if text.starts_with('+') {
        return Err(Misread::Syntax);
    }
    let lower = text.to_ascii_lowercase();
    let (radix, digits) = match lower.get(..2) {
        Some("0x") => (16, &lower[2..]),
        Some("0o") => (8, &lower[2..]),
        Some("0b") => (2, &lower[2..]),
        Some(_) if lower.starts_with('0') => (8, &lower[1..]),
        _ => (10, lower.as_str()),
    };
    // An underscore may stand where digits are on both sides, or a prefix on its left.
    let digits = if radix == 10 { digits } else { digits.strip_prefix('_').unwrap_or(digits) };
    let is_well_parted = !digits.starts_with('_') && !digits.ends_with('_') && !digits.contains("__");
    let digits = digits.replace('_', "");
    if !is_well_parted || digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return Err(Misread::Syntax);
    }
    u64::from_str_radix(&digits, radix).map_err(|_| Misread::Range)
}

/// Go's `strconv.ParseInt(text, 0, 64)`.
pub(super) fn integer(text: &str) -> Result<i64, Misread> {
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let magnitude = i128::from(natural(digits)?);
    i64::try_from(if is_negative { -magnitude } else { magnitude }).map_err(|_| Misread::Range)
}

/// Units of Go's durations, in nanoseconds. Both signs for micro: U+00B5 and U+03BC.
const UNITS: [(&str, i128); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Go's `time.ParseDuration(text)`, in nanoseconds: `1h30m`, `1.5s`, `-2us`, `0`.
pub(super) fn nanoseconds(text: &str) -> Result<i64, Misread> {
    let (is_negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(Misread::Syntax);
    }
    let mut sum = 0;
    while !rest.is_empty() {
        let number =
            rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.').ok_or(Misread::Syntax)?;
        let (number, after) = rest.split_at(number);
        let unit = after.find(|letter: char| letter.is_ascii_digit() || letter == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(unit);
        let (_, unit) = UNITS.iter().find(|(name, _)| *name == unit).ok_or(Misread::Syntax)?;
        sum += times(number, *unit)?;
        rest = after;
    }
    let sum = if is_negative { -sum } else { sum };
    i64::try_from(sum).map_err(|_| Misread::Range)
}

/// A decimal number of units. At most as many digits count as an `i64` has; the rest is less than a nanosecond.
fn times(number: &str, unit: i128) -> Result<i128, Misread> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        return Err(Misread::Syntax);
    }
    let whole = match whole {
        "" => 0,
        whole => whole.parse::<i64>().map_err(|_| Misread::Range)?,
    };
    let fraction = fraction.get(..18).unwrap_or(fraction);
    let scale = fraction.chars().fold(1_i128, |scale, _| scale * 10);
    let fraction =
        if fraction.is_empty() { 0 } else { fraction.parse::<i128>().map_err(|_| Misread::Syntax)? };
    Ok(i128::from(whole) * unit + fraction * unit / scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn naturals_come_in_gos_forms() {
        for (text, number) in [
            ("0", Ok(0)),
            ("10000", Ok(10_000)),
            ("0x10", Ok(16)),
            ("0X_fF", Ok(255)),
            ("0b101", Ok(5)),
            ("0o17", Ok(15)),
            ("017", Ok(15)),
            ("0_7", Ok(7)),
            ("1_000_000", Ok(1_000_000)),
            ("18446744073709551615", Ok(u64::MAX)),
            ("18446744073709551616", Err(Misread::Range)),
        ] {
            assert_eq!(natural(text), number, "{text}");
        }
        for text in
            ["", "-1", "+1", "1__0", "_1", "1_", "0x", "0x_", "08", "1e3", "many", " 1", "1.0", "\u{e9}1"]
        {
            assert_eq!(natural(text), Err(Misread::Syntax), "{text}");
        }
    }

    #[test]
    fn integers_have_a_sign() {
        assert_eq!((integer("-0x10"), integer("+7"), integer("7")), (Ok(-16), Ok(7), Ok(7)));
        assert_eq!(integer("-9223372036854775808"), Ok(i64::MIN));
        assert_eq!(integer("9223372036854775808"), Err(Misread::Range));
        assert_eq!(
            (integer("--1"), integer("-+1"), integer("-")),
            (Err(Misread::Syntax), Err(Misread::Syntax), Err(Misread::Syntax))
        );
    }

    #[test]
    fn durations_are_gos() {
        for (text, nanos) in [
            ("0", 0),
            ("0s", 0),
            ("5s", 5_000_000_000),
            ("100ms", 100_000_000),
            ("1h0m0s", 3_600_000_000_000),
            ("1h30m", 5_400_000_000_000),
            ("1.5s", 1_500_000_000),
            (".5s", 500_000_000),
            ("1.s", 1_000_000_000),
            ("1\u{b5}s", 1_000),
            ("1\u{3bc}s", 1_000),
            ("-2us", -2_000),
            ("+3ns", 3),
            ("0.1234567890123456789s", 123_456_789),
        ] {
            assert_eq!(nanoseconds(text), Ok(nanos), "{text}");
        }
        for text in ["", "-", "5", "s", "1x", "1 s", ".s", "1..5s", "1S", "ten", "1s-1s"] {
            assert_eq!(nanoseconds(text), Err(Misread::Syntax), "{text}");
        }
        assert_eq!(nanoseconds("9999999h"), Err(Misread::Range));
        assert_eq!(nanoseconds("99999999999999999999s"), Err(Misread::Range));
    }
}
