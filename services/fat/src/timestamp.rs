//! Times as FAT stores them: [`Timestamp`], whole even seconds between 1980 and 2107.
//!
//! FAT keeps local time without a zone; `CircuitPython` counts it as if it were UTC, and so does this crate.

use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time};

/// A moment that a directory entry can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// 1980-01-01 00:00:00, the first moment that FAT knows.
    pub const EARLIEST: Self = Self(315_532_800);
    /// 2107-12-31 23:59:58, the last one.
    pub const LATEST: Self = Self(4_354_819_198);

    /// The nearest moment that can be stored, rounded down to even seconds.
    pub fn from_unix_seconds(seconds: u64) -> Self {
        Self(seconds & !1).clamp(Self::EARLIEST, Self::LATEST)
    }

    /// The moment after it that can be stored.
    pub(crate) fn next(self) -> Option<Self> {
        (self < Self::LATEST).then_some(Self(self.0 + 2))
    }

    /// Seconds since 1970.
    pub fn unix_seconds(self) -> u64 {
        self.0
    }

    /// From the date and time words of an entry. Nonsense (a board without a clock writes zeros) is the earliest moment.
    pub(crate) fn from_fat(date: u16, time: u16) -> Self {
        let civil = || {
            let month = Month::try_from(u8::try_from(date >> 5 & 0x0F).ok()?).ok()?;
            let day = u8::try_from(date & 0x1F).ok()?;
            let date = Date::from_calendar_date(1980 + i32::from(date >> 9), month, day).ok()?;
            let hour = u8::try_from(time >> 11).ok()?;
            let minute = u8::try_from(time >> 5 & 0x3F).ok()?;
            let second = u8::try_from((time & 0x1F) * 2).ok()?;
            let time = Time::from_hms(hour, minute, second).ok()?;
            u64::try_from(
                PrimitiveDateTime::new(date, time)
                    .assume_utc()
                    .unix_timestamp(),
            )
            .ok()
        };
        civil().map_or(Self::EARLIEST, Self)
    }

    /// The date and time words of an entry.
    pub(crate) fn to_fat(self) -> (u16, u16) {
        let moment = i64::try_from(self.0)
            .ok()
            .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
            .expect("a timestamp lies between 1980 and 2107");
        let year = u16::try_from(moment.year() - 1980).expect("a timestamp is not before 1980");
        let date = year << 9 | u16::from(u8::from(moment.month())) << 5 | u16::from(moment.day());
        let time = u16::from(moment.hour()) << 11
            | u16::from(moment.minute()) << 5
            | u16::from(moment.second() / 2);
        (date, time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn odd_seconds_are_rounded_down_and_the_ends_clamped() {
        assert_eq!(
            Timestamp::from_unix_seconds(1_700_000_001).unix_seconds(),
            1_700_000_000
        );
        assert_eq!(Timestamp::from_unix_seconds(0), Timestamp::EARLIEST);
        assert_eq!(Timestamp::from_unix_seconds(u64::MAX), Timestamp::LATEST);
    }

    #[test]
    fn the_ends_survive_the_medium() {
        for end in [Timestamp::EARLIEST, Timestamp::LATEST] {
            let (date, time) = end.to_fat();
            assert_eq!(Timestamp::from_fat(date, time), end);
        }
        assert_eq!(Timestamp::EARLIEST.to_fat(), (0x0021, 0));
        assert_eq!(Timestamp::LATEST.to_fat(), (0xFF9F, 0xBF7D));
    }

    proptest! {
        #[test]
        fn what_is_stored_reads_back(seconds: u32) {
            let moment = Timestamp::from_unix_seconds(u64::from(seconds));
            let (date, time) = moment.to_fat();
            prop_assert_eq!(Timestamp::from_fat(date, time), moment);
        }

        #[test]
        fn any_words_decode(date: u16, time: u16) {
            let moment = Timestamp::from_fat(date, time);
            prop_assert!(moment >= Timestamp::EARLIEST && moment <= Timestamp::LATEST);
        }
    }
}
