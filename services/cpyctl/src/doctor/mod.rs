//! `cpyctl doctor`: what is wrong with this gateway, in plain words, and how to mend it.
//!
//! Each module below examines one thing. What it looks at comes from a [`Machine`], so that a test can
//! show it any machine, and from the [`Survey`] of what the daemons say.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use cpy_board::Config;
use cpy_board::config::{ConfigError, DEFAULT_FILE};
use cpy_board::daemon::with_causes;

mod access;
mod boards;
mod daemons;
mod drives;
mod finding;
mod kernel_log;
mod links;
mod listeners;
mod lost_port;
mod machine;
mod modem_manager;
mod names;
mod password;
mod processes;
mod report;
mod storage;
mod units;
mod usb;
mod usb_trouble;
mod web;

use finding::{Examination, Finding, Kind};
use machine::Machine;
use report::Report;
use usb::UsbDevice;

use crate::survey::Survey;
use crate::{check, output};

/// How long a daemon may take. One that is only slow, as on a machine that has just started, is not ill.
const PATIENCE: Duration = Duration::from_secs(10);

/// The arguments of `cpyctl doctor`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// As JSON, for scripts
    #[arg(long)]
    json: bool,
    /// Look at the tree in DIR instead of this machine's /proc, /sys, /run and /etc
    #[arg(long, value_name = "DIR", default_value = "/", hide = true)]
    root: PathBuf,
}

/// Examines the gateway with this configuration. The exit code says whether all is well.
pub(crate) async fn run(arguments: &Arguments, config_file: Option<&Path>) -> Result<ExitCode> {
    let machine = Machine::at(&arguments.root);
    let report = Report::new(examine(&machine, config_file).await?);
    output::print(&if arguments.json {
        report.json()?
    } else {
        report.text(machine.is_seen_by_root)
    })?;
    Ok(if report.is_well() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn examine(machine: &Machine, config_file: Option<&Path>) -> Result<Vec<Examination>> {
    let mut configuration = Examination::new("Configuration", check::right(config_file));
    let config = match Config::load(config_file) {
        Ok(config) => config,
        Err(error) if !machine.is_seen_by_root && is_forbidden(&error) => {
            let sentence = format!("{}; use sudo.", with_causes(&error));
            configuration.unknown.push(sentence);
            configuration.fine = None;
            return Ok(vec![configuration]);
        }
        Err(error) => {
            let path = config_file.unwrap_or(Path::new(DEFAULT_FILE)).display();
            // Nobody knows where to look for the rest, and no daemon starts with it.
            let sentence = format!(
                "{}. No daemon starts with it.",
                capital(&with_causes(&error))
            );
            let finding = Finding::new(Kind::ConfigurationWrong, sentence);
            configuration.findings.push(finding.advise(format!(
                "Mend {path}, and ask again: all else depends on it."
            )));
            return Ok(vec![configuration]);
        }
    };
    // A demo has its own file, and its daemons are its user's.
    let is_installed = config_file.is_none_or(|file| file == Path::new(DEFAULT_FILE));
    if is_installed {
        let finding = not_readable(machine, Path::new(DEFAULT_FILE));
        configuration.findings.extend(finding);
    }
    let survey = Survey::new(&config, PATIENCE).await;
    let listed = survey.boards(&config)?;
    let devices = UsbDevice::all(machine);
    let boards = boards::recognised(&listed, &devices, &config.boards_dir);
    let (of_password, problems): (Vec<String>, Vec<String>) = survey
        .routes
        .problems
        .iter()
        .cloned()
        .partition(|problem| password::is_about(problem, &config.http));
    let mut password = password::examine(machine, &config.http, is_installed, &of_password);
    if config.http.password.is_some() && !configuration.findings.is_empty() {
        password.fine = None;
    }
    Ok(vec![
        configuration,
        // What ends a daemon comes before that it does not run.
        storage::examine(machine, &config),
        daemons::examine(machine, &survey),
        web::examine(machine, &config.http.listen, &survey.web, &problems),
        password,
        boards::examine(machine, &boards, &devices, &config.boards_dir),
        drives::examine(machine, &boards, &config.state_dir, survey.drives.is_ok()),
        names::examine(machine, &survey.network, &boards),
        usb_trouble::examine(machine),
        modem_manager::examine(machine, &boards),
    ])
}

/// Whether another user could read it.
fn is_forbidden(error: &ConfigError) -> bool {
    matches!(error, ConfigError::Read { source, .. } if source.kind() == ErrorKind::PermissionDenied)
}

/// What keeps the installed daemons from their configuration.
fn not_readable(machine: &Machine, file: &Path) -> Option<Finding> {
    let barrier = access::barrier(machine, &access::DAEMONS, file)?;
    let sentence = format!(
        "The gateway's daemons cannot read {}{barrier}: those that run go on with what they read before, and none starts \
         again.",
        file.display()
    );
    let finding = Finding::new(Kind::ConfigurationNotReadable, sentence);
    let finding = barrier.advise(finding, file);
    Some(finding.advise("Then: sudo systemctl reload-or-restart 'cpy-*.service'"))
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

#[cfg(test)]
mod tests {
    use access::tests::{installed, set_mode};

    use super::*;

    #[test]
    fn a_configuration_that_the_daemons_cannot_read_is_told() {
        let fake = installed();
        fake.file(DEFAULT_FILE, "");
        let found = || not_readable(&fake.machine, Path::new(DEFAULT_FILE));
        set_mode(&fake, DEFAULT_FILE, 0o644);
        assert_eq!(found(), None);
        set_mode(&fake, DEFAULT_FILE, 0o600);
        let finding = found().unwrap();
        assert_eq!(finding.id(), Kind::ConfigurationNotReadable);
        let advice = "sudo chgrp _cpy-gateway /etc/cpy-gateway/gateway.toml";
        assert!(finding.advice()[0].contains(advice), "{finding:?}");
    }
}
