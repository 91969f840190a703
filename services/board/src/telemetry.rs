//! Logs: to standard error, where journald or a terminal picks them up.

use std::fmt;

use rustix::fs::fstat;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::{Format, Full, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Starts logging. `RUST_LOG` chooses what is logged; by default everything at info and above.
///
/// Where the journal reads along, it adds the time, and lines begin with their priority instead of a word.
pub fn init() {
    let filter = EnvFilter::builder()
        .with_default_directive(Level::INFO.into())
        .from_env_lossy();
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // A second start in one process, as in tests, keeps the first.
    let _ = if goes_to_journal() {
        log.with_ansi(false)
            .event_format(ForJournal::default())
            .try_init()
    } else {
        let terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
        log.with_ansi(terminal).try_init()
    };
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
