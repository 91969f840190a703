//! Who guessed passwords wrong lately, so that guessing takes time. A right password never waits.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const FIRST_DELAY: Duration = Duration::from_millis(125);
const LONGEST_DELAY: Duration = Duration::from_secs(2);
const MEMORY: Duration = Duration::from_secs(60);
/// Addresses remembered at a time. When there are more, all are forgotten that may be, and then the
/// one whose guess is oldest.
const ADDRESSES: usize = 1024;

/// Wrong guesses by address.
#[derive(Debug, Default)]
pub(crate) struct Guesses(Mutex<HashMap<IpAddr, Wrong>>);

#[derive(Clone, Copy, Debug)]
struct Wrong {
    times: u32,
    last: Instant,
}

impl Guesses {
    /// Notes a wrong guess and tells how long its answer should wait.
    pub(crate) fn wrong(&self, address: IpAddr, now: Instant) -> Duration {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let who = neighbourhood(address);
        if table.len() >= ADDRESSES && !table.contains_key(&who) {
            make_room(&mut table, now);
        }
        let guess = table.entry(who).or_insert(Wrong {
            times: 0,
            last: now,
        });
        if now.saturating_duration_since(guess.last) >= MEMORY {
            guess.times = 0;
        }
        guess.last = now;
        let delay = FIRST_DELAY * (1 << guess.times.min(8));
        guess.times += 1;
        delay.min(LONGEST_DELAY)
    }

    /// Notes a right password: its owner may have mistyped it before.
    pub(crate) fn right(&self, address: IpAddr) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&neighbourhood(address));
    }
}

/// An IPv6 client has a whole /64 of addresses to guess from.
fn neighbourhood(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

fn make_room(table: &mut HashMap<IpAddr, Wrong>, now: Instant) {
    table.retain(|_, guess| now.saturating_duration_since(guess.last) < MEMORY);
    if table.len() >= ADDRESSES
        && let Some(oldest) = table
            .iter()
            .min_by_key(|(_, guess)| guess.last)
            .map(|(who, _)| *who)
    {
        table.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_delay_doubles_up_to_two_seconds_and_is_forgotten_after_a_minute() {
        let (guesses, start) = (Guesses::default(), Instant::now());
        let delays: Vec<u128> = (0..40)
            .map(|_| guesses.wrong(ip("10.0.0.1"), start).as_millis())
            .collect();
        assert_eq!(delays[..6], [125, 250, 500, 1000, 2000, 2000]);
        assert_eq!(delays[39], 2000);
        assert_eq!(guesses.wrong(ip("10.0.0.1"), start + MEMORY), FIRST_DELAY);
    }

    #[test]
    fn a_right_password_is_a_new_start_and_others_do_not_pay() {
        let (guesses, now) = (Guesses::default(), Instant::now());
        guesses.wrong(ip("10.0.0.1"), now);
        assert_eq!(guesses.wrong(ip("10.0.0.2"), now), FIRST_DELAY);
        guesses.right(ip("::ffff:10.0.0.1"));
        assert_eq!(guesses.wrong(ip("10.0.0.1"), now), FIRST_DELAY);
    }

    #[test]
    fn a_network_of_addresses_counts_as_one() {
        let (guesses, now) = (Guesses::default(), Instant::now());
        guesses.wrong(ip("2001:db8::1"), now);
        assert!(guesses.wrong(ip("2001:db8::2"), now) > FIRST_DELAY);
        assert_eq!(guesses.wrong(ip("2001:db8:0:1::1"), now), FIRST_DELAY);
    }

    #[test]
    fn the_table_does_not_grow_without_end() {
        let (guesses, now) = (Guesses::default(), Instant::now());
        for n in 0..3000_u32 {
            guesses.wrong(
                IpAddr::V4(n.into()),
                now + Duration::from_millis(u64::from(n)),
            );
        }
        let table = guesses.0.lock().unwrap();
        assert_eq!(table.len(), ADDRESSES);
        assert!(table.contains_key(&IpAddr::V4(2999.into())));
    }
}
