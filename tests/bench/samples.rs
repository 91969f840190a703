//! Durations of one thing, measured many times.

use std::time::{Duration, Instant};

/// All measurements of one row.
#[derive(Debug, Default)]
pub(crate) struct Samples(Vec<Duration>);

impl Samples {
    /// Times one run.
    pub(crate) async fn time<T>(&mut self, run: impl Future<Output = T>) -> T {
        let begun = Instant::now();
        let result = run.await;
        self.0.push(begun.elapsed());
        result
    }

    /// Takes one that was timed elsewhere.
    pub(crate) fn add(&mut self, sample: Duration) {
        self.0.push(sample);
    }

    /// The middle one.
    pub(crate) fn median(&self) -> Duration {
        self.quantile(50)
    }

    /// Prints the row.
    pub(crate) fn print(&self, name: &str) {
        println!(
            "{name:<44}{:>12.1?}{:>12.1?}",
            self.median(),
            self.quantile(99)
        );
    }

    fn quantile(&self, percent: usize) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort();
        sorted[(sorted.len() - 1) * percent / 100]
    }
}
