//! Logs: to standard error, where journald or a terminal picks them up.

use std::fmt;

use rustix::fs::fstat;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::{ParseError, Targets};
use tracing_subscriber::fmt::format::{Format, Full, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry};

/// Starts logging. `RUST_LOG` chooses what is logged: a level, or `module=level` pairs with commas between them; by
/// default everything at info and above.
///
/// Where the journal reads along, it adds the time, and lines begin with their priority instead of a word.
pub fn init() {
    let chosen = std::env::var("RUST_LOG").unwrap_or_default();
    let (filter, wrong) = filter(&chosen);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines: Box<dyn Layer<Registry> + Send + Sync> = if goes_to_journal() {
        let lines = lines.with_ansi(false).event_format(ForJournal::default());
        lines.with_filter(filter).boxed()
    } else {
        let terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
        lines.with_ansi(terminal).with_filter(filter).boxed()
    };
    // A second start in one process, as in tests, keeps the first.
    let _ = tracing_subscriber::registry().with(lines).try_init();
    if let Some(reason) = wrong {
        tracing::warn!(RUST_LOG = chosen, %reason, "RUST_LOG is not understood; everything from info on is logged");
    }
}

/// What is logged, and what is wrong with the choice. Targets, because the filter that knows more of `RUST_LOG`'s
/// language brings a megabyte of regular expressions into each daemon.
fn filter(chosen: &str) -> (Targets, Option<ParseError>) {
    let by_default = || Targets::new().with_default(Level::INFO);
    if chosen.trim().is_empty() {
        return (by_default(), None);
    }
    match chosen.parse() {
        Ok(targets) => (targets, None),
        Err(reason) => (by_default(), Some(reason)),
    }
}

/// Whether standard error is the journal's (systemd.exec(5), `$JOURNAL_STREAM`). A program started by a service may
/// have the variable, and its output elsewhere.
fn goes_to_journal() -> bool {
    let Some(stream) = std::env::var_os("JOURNAL_STREAM") else {
        return false;
    };
    fstat(std::io::stderr()).is_ok_and(|stderr| {
        stream.to_str() == Some(&format!("{}:{}", stderr.st_dev, stderr.st_ino))
    })
}

/// An event as a line that begins with the priority by which journald files it (sd-daemon(3)).
struct ForJournal(Format<Full, ()>);

impl Default for ForJournal {
    fn default() -> Self {
        Self(Format::default().without_time().with_level(false))
    }
}

impl<S, N> FormatEvent<S, N> for ForJournal
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        write!(writer, "<{}>", priority(*event.metadata().level()))?;
        self.0.format_event(context, writer, event)
    }
}

/// As in syslog(3).
fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        _ => 7,
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_is_logged_can_be_chosen_by_module_and_level() {
        let (targets, wrong) = filter("warn,cpy_board=debug");
        assert!(wrong.is_none(), "{wrong:?}");
        assert!(targets.would_enable("cpy_board::telemetry", &Level::DEBUG));
        assert!(!targets.would_enable("hyper", &Level::INFO));
        assert!(targets.would_enable("hyper", &Level::WARN));
    }

    #[test]
    fn a_choice_that_is_not_understood_is_reported_and_info_is_logged() {
        let (targets, wrong) = filter("cpy_board=loud");
        assert!(wrong.is_some());
        assert!(targets.would_enable("anything", &Level::INFO));
        assert!(!targets.would_enable("anything", &Level::DEBUG));
    }

    #[test]
    fn a_line_for_the_journal_begins_with_its_priority() {
        let lines = Lines::default();
        let writer = lines.clone();
        let log = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .event_format(ForJournal::default());
        tracing::subscriber::with_default(log.finish(), || {
            tracing::error!(board = "A1", "broken");
            tracing::info!("fine");
        });
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert!(
            lines[0].starts_with("<3>") && lines[0].ends_with("broken board=\"A1\""),
            "{text}"
        );
        assert!(
            lines[1].starts_with("<6>") && !lines[1].contains("INFO"),
            "{text}"
        );
    }
}
