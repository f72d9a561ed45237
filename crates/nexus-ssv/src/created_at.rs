//! The `createdAt` time of a keyshares file.

use std::{fmt, str::FromStr};

use nexus_primitives::UnixSeconds;

const SECONDS_PER_DAY: u64 = 86_400;
/// The first second of the year 10000, which RFC 3339 can't write.
const END: UnixSeconds = UnixSeconds::new(253_402_300_800);

/// A time in UTC with milliseconds, written as RFC 3339 (`2026-11-23T08:58:25.912Z`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CreatedAt {
    seconds: UnixSeconds,
    millis: u16,
}

/// Why a text or number isn't a time that a keyshares file can carry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CreatedAtError {
    /// Not `YYYY-MM-DDThh:mm:ss[.fraction]Z`.
    #[error("{0:?} is not a UTC time like 2026-11-23T08:58:25.912Z")]
    Text(String),
    /// Beyond the year 9999.
    #[error("{0} seconds since 1970 lie beyond the year 9999")]
    Range(UnixSeconds),
}

impl CreatedAt {
    /// Takes a whole second.
    pub fn new(seconds: UnixSeconds) -> Result<Self, CreatedAtError> {
        if seconds < END { Ok(Self { seconds, millis: 0 }) } else { Err(CreatedAtError::Range(seconds)) }
    }

    /// Returns the seconds since 1970, without the fraction.
    pub fn seconds(&self) -> UnixSeconds {
        self.seconds
    }

    fn parse(text: &str) -> Option<Self> {
        let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
        let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
        let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
        let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let days = (1970..year).try_fold(0_u64, |days, year| days.checked_add(days_of_year(year)))?;
        let months = usize::try_from(month).ok()?.checked_sub(1)?;
        let lengths = month_lengths(year);
        let length = *lengths.get(months)?;
        if year < 1970 || day == 0 || day > length {
            return None;
        }
        let days = lengths.iter().take(months).try_fold(days, |days, length| days.checked_add(*length))?;
        let days = days.checked_add(day)?.checked_sub(1)?;
        let hours = days.checked_mul(24)?.checked_add(hour)?;
        let seconds = hours.checked_mul(60)?.checked_add(minute)?.checked_mul(60)?.checked_add(second)?;
        Some(Self { seconds: UnixSeconds::new(seconds), millis: millis(fraction)? })
    }
}

/// Reads numbers of exact widths, split by `separator`.
fn numbers(text: &str, separator: char, widths: [usize; 3]) -> Option<[u64; 3]> {
    let mut parts = text.split(separator);
    let mut numbers = [0; 3];
    for (number, width) in numbers.iter_mut().zip(widths) {
        let part = parts.next().filter(|part| part.len() == width && digits(part))?;
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

/// Reads the first three digits of a fraction; the DKG tool writes up to nine.
fn millis(fraction: &str) -> Option<u16> {
    if fraction.is_empty() || fraction.len() > 9 || !digits(fraction) {
        return None;
    }
    let digits: String = fraction.chars().chain("00".chars()).take(3).collect();
    digits.parse().ok()
}

fn digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

fn leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_of_year(year: u64) -> u64 {
    if leap(year) { 366 } else { 365 }
}

fn month_lengths(year: u64) -> [u64; 12] {
    [31, if leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
}

/// Year, month and day of a number of days since 1970-01-01.
fn civil(mut days: u64) -> (u64, usize, u64) {
    let mut year = 1970_u64;
    while let Some(rest) = days.checked_sub(days_of_year(year)) {
        (days, year) = (rest, year.saturating_add(1));
    }
    let mut month = 1_usize;
    for length in month_lengths(year) {
        let Some(rest) = days.checked_sub(length) else { break };
        (days, month) = (rest, month.saturating_add(1));
    }
    (year, month, days.saturating_add(1))
}

impl FromStr for CreatedAt {
    type Err = CreatedAtError;

    fn from_str(text: &str) -> Result<Self, CreatedAtError> {
        Self::parse(text).ok_or_else(|| CreatedAtError::Text(text.to_owned()))
    }
}

impl fmt::Display for CreatedAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.seconds.get();
        let (year, month, day) = civil(seconds.div_euclid(SECONDS_PER_DAY));
        let of_day = seconds.rem_euclid(SECONDS_PER_DAY);
        let (hour, minute, second) =
            (of_day.div_euclid(3600), of_day.div_euclid(60).rem_euclid(60), of_day.rem_euclid(60));
        let millis = self.millis;
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_times_are_written_as_the_cli_writes_them() {
        #[track_caller]
        fn check(seconds: u64, text: &str) {
            assert_eq!(CreatedAt::new(UnixSeconds::new(seconds)).unwrap().to_string(), text);
        }
        check(0, "1970-01-01T00:00:00.000Z");
        check(951_782_400, "2000-02-29T00:00:00.000Z");
        check(1_795_424_305, "2026-11-23T08:58:25.000Z");
        check(END.get() - 1, "9999-12-31T23:59:59.000Z");
        assert_eq!(CreatedAt::new(END), Err(CreatedAtError::Range(END)));
    }

    #[test]
    fn fractions_of_other_lengths_are_read_to_the_millisecond() {
        let read = |text: &str| text.parse::<CreatedAt>().unwrap().to_string();
        assert_eq!(read("2026-11-23T09:05:42.49222431Z"), "2026-11-23T09:05:42.492Z");
        assert_eq!(read("2026-11-23T09:05:42.5Z"), "2026-11-23T09:05:42.500Z");
        assert_eq!(read("2026-11-23T09:05:42Z"), "2026-11-23T09:05:42.000Z");
    }

    #[test]
    fn texts_that_are_no_time_are_refused() {
        for text in [
            "",
            "now",
            "2026-11-23",
            "2026-11-23T09:05:42",
            "2026-13-23T09:05:42Z",
            "2026-00-23T09:05:42Z",
            "2026-02-29T09:05:42Z",
            "2026-11-00T09:05:42Z",
            "2026-11-23T24:05:42Z",
            "2026-11-23T09:05:42.Z",
            "2026-11-23T09:05:42.1234567890Z",
            "1969-12-31T23:59:59Z",
            "2026-11-23T+9:05:42Z",
            "2026-11-23T09:05:42.12é4Z",
        ] {
            assert_eq!(text.parse::<CreatedAt>(), Err(CreatedAtError::Text(text.to_owned())));
        }
    }

    proptest! {
        #[test]
        fn every_time_round_trips(seconds in 0..END.get(), millis in 0..1000_u16) {
            let time = CreatedAt { seconds: UnixSeconds::new(seconds), millis };
            prop_assert_eq!(time.to_string().parse(), Ok(time));
        }
    }
}
