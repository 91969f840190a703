//! Who guessed passwords wrong lately, so that guessing takes time, however many connections it uses.
//!
//! The answers to wrong guesses of one address come one after the other, later and later. A right password
//! does not wait. But where too many answers are due already, nothing more is looked at: an answer that comes
//! at once when it is good tells as much as one that comes late when it is bad.
//!
//! A class behind one address is one address. Where somebody has had a board's password right, many more wrong
//! ones are borne before nothing is looked at, so that a mistyped or forgotten tab slows nobody else; and whoever
//! has had it right on the same connection is looked at in any case. The pace of guessing is the same.
//!
//! A program that sends one wrong password again and again does not guess: only its first time counts.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{BuildHasher, Hash, RandomState};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use cpy_board::Serial;
use cpy_board::config::Limits;

const FIRST_DELAY: Duration = Duration::from_millis(125);
/// How far ahead answers may be due, in longest delays; and where somebody has had the password right.
const LONGEST_QUEUE: u32 = 4;
const LONGEST_QUEUE_OF_OWNERS: u32 = 128;
/// How many wrong guesses of an address are known again.
const KNOWN_WRONG: usize = 16;
const MEMORY: Duration = Duration::from_secs(60);
/// How long it counts that somebody has had a password right.
const MEMORY_OF_OWNERS: Duration = Duration::from_secs(3600);
/// Entries of each table. When there are more, all are forgotten that may be, and then the oldest.
const ENTRIES: usize = 1024;

/// Wrong guesses by address.
#[derive(Debug, Default)]
pub(crate) struct Guesses {
    tables: Mutex<Tables>,
    /// Nobody can choose guesses that it takes for each other.
    hasher: RandomState,
}

/// What somebody takes for a board's password.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Guess<'g, C> {
    /// The client's end of the connection that it comes over.
    pub(crate) client: SocketAddr,
    pub(crate) board: &'g Serial,
    pub(crate) credentials: C,
}

/// What becomes of a guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Right,
    /// And how long its answer should wait.
    Wrong(Duration),
    /// It was not looked at, and for how long none will be.
    NotNow(Duration),
}

#[derive(Debug, Default)]
struct Tables {
    guessers: HashMap<IpAddr, Guesser>,
    /// Addresses at which somebody had a board's password right, and when.
    owners: HashMap<(IpAddr, Serial), Instant>,
    /// The same of connections. They are looked at whatever others at their address do.
    known: HashMap<(SocketAddr, Serial), Instant>,
}

#[derive(Debug)]
struct Guesser {
    /// How often each board's password was wrong.
    times: BTreeMap<Serial, u32>,
    /// Wrong guesses as hashes, the newest last.
    wrong: VecDeque<u64>,
    last: Instant,
    /// When the last answer is due.
    due: Instant,
}

impl Guesses {
    /// Looks at a guess.
    pub(crate) fn judge<C: Hash>(
        &self,
        guess: &Guess<'_, C>,
        (now, limits): (Instant, &Limits),
        is_right: impl Fn() -> bool,
    ) -> Verdict {
        let Guess { client, board, .. } = *guess;
        let hash = self.hasher.hash_one((board, &guess.credentials));
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        let address = client.ip().to_canonical();
        let who = neighbourhood(address);
        let owner = (address, board.clone());
        let connection = (client, board.clone());
        let longest_delay = limits.guess_delay();
        let queue = tables.guessers.get(&who).map_or(Duration::ZERO, |guesser| {
            guesser.due.saturating_duration_since(now)
        });
        if let Some(guesser) = tables.guessers.get_mut(&who)
            && guesser.wrong.contains(&hash)
            && !is_right()
        {
            guesser.last = now;
            let wait = queue.max(FIRST_DELAY);
            return Verdict::Wrong(wait.min(longest_delay * LONGEST_QUEUE));
        }
        let lately = |right: &Instant| now.saturating_duration_since(*right) < MEMORY_OF_OWNERS;
        let bound = if tables.owners.get(&owner).is_some_and(lately) {
            longest_delay * LONGEST_QUEUE_OF_OWNERS
        } else {
            longest_delay * LONGEST_QUEUE
        };
        if queue >= bound && !tables.known.contains_key(&connection) {
            return Verdict::NotNow(queue.saturating_sub(bound) + longest_delay);
        }
        if is_right() {
            // Its owner may have mistyped it before.
            if let Some(guesser) = tables.guessers.get_mut(&who) {
                guesser.times.remove(board);
            }
            make_room(&mut tables.owners, &owner, lately, |right| *right);
            tables.owners.insert(owner, now);
            make_room(&mut tables.known, &connection, lately, |right| *right);
            tables.known.insert(connection, now);
            return Verdict::Right;
        }
        tables.known.remove(&connection);
        let recent = |guesser: &Guesser| now.saturating_duration_since(guesser.last) < MEMORY;
        make_room(&mut tables.guessers, &who, recent, |guesser| guesser.last);
        let guesser = tables.guessers.entry(who).or_insert_with(|| Guesser {
            times: BTreeMap::new(),
            wrong: VecDeque::new(),
            last: now,
            due: now,
        });
        if !recent(guesser) {
            guesser.times.clear();
            guesser.wrong.clear();
        }
        guesser.last = now;
        if guesser.wrong.len() >= KNOWN_WRONG {
            guesser.wrong.pop_front();
        }
        guesser.wrong.push_back(hash);
        let times = guesser.times.entry(board.clone()).or_default();
        let delay = match times.checked_sub(limits.free_guesses) {
            Some(slowed) => longest_delay.min(FIRST_DELAY * (1 << slowed.min(16))),
            None => Duration::ZERO,
        };
        *times += 1;
        guesser.due = guesser.due.max(now) + delay;
        let wait = guesser.due.saturating_duration_since(now);
        Verdict::Wrong(wait.min(longest_delay * LONGEST_QUEUE))
    }
}

/// An IPv6 client has a whole /64 of addresses to guess from.
fn neighbourhood(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// Makes room for a key in a table.
fn make_room<K: Clone + Eq + Hash, V>(
    table: &mut HashMap<K, V>,
    key: &K,
    keep: impl Fn(&V) -> bool,
    age: impl Fn(&V) -> Instant,
) {
    if table.len() < ENTRIES || table.contains_key(key) {
        return;
    }
    table.retain(|_, value| keep(value));
    if table.len() >= ENTRIES
        && let Some(oldest) = table.iter().min_by_key(|(_, value)| age(value))
    {
        let oldest = oldest.0.clone();
        table.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// Guesses of one moment after another.
    struct Bench {
        guesses: Guesses,
        now: Instant,
        limits: Limits,
        /// Each guess comes over a connection of its own, and if it is wrong, it is another one.
        port: Cell<u16>,
    }

    impl Bench {
        fn new() -> Self {
            Self {
                guesses: Guesses::default(),
                now: Instant::now(),
                limits: Limits::default(),
                port: Cell::new(1024),
            }
        }

        fn judge(&self, address: &str, board: &str, right: bool) -> Verdict {
            self.port.set(self.port.get() % 60_000 + 1);
            self.judge_over((address, self.port.get()), board, right)
        }

        fn judge_over(&self, client: (&str, u16), board: &str, right: bool) -> Verdict {
            self.guess(client, board, (client.1, right), right)
        }

        fn guess(
            &self,
            client: (&str, u16),
            board: &str,
            credentials: impl Hash,
            right: bool,
        ) -> Verdict {
            let guess = Guess {
                client: SocketAddr::new(client.0.parse().unwrap(), client.1),
                board: &board.parse().unwrap(),
                credentials,
            };
            let by = (self.now, &self.limits);
            self.guesses.judge(&guess, by, || right)
        }

        /// The delay of a wrong guess that nothing waits before.
        fn delay(&mut self, address: &str, board: &str) -> Duration {
            let Verdict::Wrong(delay) = self.judge(address, board, false) else {
                panic!("it was not looked at");
            };
            self.now += delay;
            delay
        }
    }

    #[test]
    fn the_delay_doubles_up_to_two_seconds_and_is_forgotten_after_a_minute() {
        let mut bench = Bench::new();
        let delays: Vec<u128> = (0..40)
            .map(|_| bench.delay("10.0.0.1", "A").as_millis())
            .collect();
        assert_eq!(delays[..6], [125, 250, 500, 1000, 2000, 2000]);
        assert_eq!(delays[39], 2000);
        bench.now += MEMORY;
        assert_eq!(bench.delay("10.0.0.1", "A"), FIRST_DELAY);
    }

    #[test]
    fn guesses_at_the_same_time_wait_for_each_other_and_too_many_are_not_looked_at() {
        let mut bench = Bench::new();
        let verdicts: Vec<Verdict> = (0..100)
            .map(|_| bench.judge("10.0.0.1", "A", false))
            .collect();
        let looked_at = verdicts
            .iter()
            .filter(|verdict| matches!(verdict, Verdict::Wrong(_)))
            .count();
        assert_eq!(looked_at, 8, "{verdicts:?}");
        assert!(verdicts.is_sorted_by_key(|verdict| match verdict {
            Verdict::Wrong(delay) => *delay,
            _ => Duration::MAX,
        }));
        let Verdict::NotNow(wait) = bench.judge("10.0.0.1", "A", true) else {
            panic!("the right one told itself");
        };
        assert_eq!(bench.judge("10.0.0.2", "A", true), Verdict::Right);
        bench.now += wait;
        assert_eq!(bench.judge("10.0.0.1", "A", true), Verdict::Right);
    }

    #[test]
    fn a_right_password_does_not_wait_and_is_a_new_start_for_its_board_only() {
        let mut bench = Bench::new();
        for board in ["A", "B"] {
            bench.delay("10.0.0.1", board);
        }
        assert_eq!(bench.judge("::ffff:10.0.0.1", "A", true), Verdict::Right);
        assert_eq!(bench.delay("10.0.0.1", "A"), FIRST_DELAY);
        assert_eq!(bench.delay("10.0.0.1", "B"), 2 * FIRST_DELAY);
        assert_eq!(bench.delay("10.0.0.2", "B"), FIRST_DELAY);
    }

    #[test]
    fn who_had_it_right_is_not_shut_out_by_the_neighbours() {
        let bench = Bench::new();
        let (owner, neighbour) = ("2001:db8::1", "2001:db8::2");
        assert_eq!(bench.judge(owner, "A", true), Verdict::Right);
        for _ in 0..100 {
            bench.judge(neighbour, "A", false);
        }
        assert_eq!(bench.judge(owner, "A", true), Verdict::Right);
        assert!(matches!(bench.judge(owner, "B", true), Verdict::NotNow(_)));
    }

    #[test]
    fn a_class_behind_one_address_is_not_shut_out_by_one_of_it() {
        let mut bench = Bench::new();
        let school = "10.0.0.1";
        let known = (school, 65_000);
        assert_eq!(bench.judge_over(known, "A", true), Verdict::Right);
        for _ in 0..100 {
            let Verdict::Wrong(delay) = bench.judge(school, "A", false) else {
                panic!("they are borne here");
            };
            assert!(delay <= Duration::from_secs(8), "{delay:?}");
            assert_eq!(bench.judge(school, "A", true), Verdict::Right);
        }
        // But guessing is no faster here than elsewhere.
        let looked_at = (0..1000)
            .filter(|_| matches!(bench.judge(school, "A", false), Verdict::Wrong(_)))
            .count();
        assert!((100..=130).contains(&looked_at), "{looked_at}");
        assert!(matches!(bench.judge(school, "A", true), Verdict::NotNow(_)));
        assert_eq!(bench.judge_over(known, "A", true), Verdict::Right);
        assert!(matches!(
            bench.judge_over(known, "A", false),
            Verdict::Wrong(_)
        ));
        assert!(matches!(
            bench.judge_over(known, "A", true),
            Verdict::NotNow(_)
        ));
        bench.now += Duration::from_secs(30);
        let looked_at = (0..100)
            .filter(|_| matches!(bench.judge(school, "A", false), Verdict::Wrong(_)))
            .count();
        assert!(looked_at <= 20, "about one in two seconds: {looked_at}");
    }

    #[test]
    fn a_program_that_repeats_one_wrong_password_shuts_nobody_out() {
        let mut bench = Bench::new();
        let school = "10.0.0.1";
        for port in 1..1000 {
            let again = bench.guess((school, port), "A", "the old one", false);
            assert_eq!(again, Verdict::Wrong(FIRST_DELAY));
        }
        assert_eq!(bench.judge(school, "A", true), Verdict::Right);
        bench.now += FIRST_DELAY;
        assert_eq!(bench.delay(school, "B"), FIRST_DELAY);
        // It may be the right one by now, and for another board it is another guess.
        let elsewhere = bench.guess((school, 1), "B", "the old one", false);
        assert_eq!(elsewhere, Verdict::Wrong(2 * FIRST_DELAY));
        let again = bench.guess((school, 1), "A", "the old one", true);
        assert_eq!(again, Verdict::Right);
        bench.now += MEMORY;
        let after = bench.guess((school, 1), "B", "the old one", false);
        assert_eq!(after, Verdict::Wrong(FIRST_DELAY));
    }

    #[test]
    fn how_many_are_free_and_how_long_others_wait_is_configuration() {
        let mut bench = Bench::new();
        bench.limits.free_guesses = 3;
        bench.limits.guess_delay_seconds = 5;
        let delays: Vec<u128> = (0..20)
            .map(|_| bench.delay("10.0.0.1", "A").as_millis())
            .collect();
        assert_eq!(delays[..6], [0, 0, 0, 125, 250, 500]);
        assert_eq!(delays[19], 5000);
        assert_eq!(bench.delay("10.0.0.1", "B"), Duration::ZERO);
    }

    #[test]
    fn a_network_of_addresses_counts_as_one() {
        let mut bench = Bench::new();
        bench.delay("2001:db8::1", "A");
        assert!(bench.delay("2001:db8::2", "A") > FIRST_DELAY);
        assert_eq!(bench.delay("2001:db8:0:1::1", "A"), FIRST_DELAY);
    }

    #[test]
    fn the_tables_do_not_grow_without_end() {
        let mut bench = Bench::new();
        for n in 0..3000_u32 {
            bench.now += Duration::from_millis(1);
            let address = IpAddr::V4(n.into()).to_string();
            bench.judge(&address, "A", n % 2 == 0);
        }
        let tables = bench.guesses.tables.lock().unwrap();
        assert_eq!(tables.guessers.len(), ENTRIES);
        assert_eq!(tables.owners.len(), ENTRIES);
        assert_eq!(tables.known.len(), ENTRIES);
        assert!(tables.guessers.contains_key(&IpAddr::V4(2999.into())));
    }
}
