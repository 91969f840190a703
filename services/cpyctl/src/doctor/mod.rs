//! `cpyctl doctor`: what is wrong with this gateway, in plain words, and how to mend it.
//!
//! Each module below examines one thing. What it looks at comes from a [`Machine`], so that a test can
//! show it any machine, and from the [`Survey`] of what the daemons say.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use cpy_board::Config;
use cpy_board::config::DEFAULT_FILE;
use cpy_board::daemon::with_causes;

mod boards;
mod daemons;
mod drives;
mod finding;
mod kernel_log;
mod listeners;
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
    let survey = Survey::new(&config, PATIENCE).await;
    let listed = survey.boards(&config)?;
    let devices = UsbDevice::all(machine);
    let boards = boards::recognised(&listed, &devices, &config.boards_dir);
    Ok(vec![
        configuration,
        // What ends a daemon comes before that it does not run.
        storage::examine(machine, &config),
        daemons::examine(machine, &survey),
        web::examine(
            machine,
            &config.http.listen,
            &survey.web,
            &survey.routes.problems,
        ),
        password::examine(machine, &config.http),
        boards::examine(machine, &boards, &devices, &config.boards_dir),
        drives::examine(machine, &boards, survey.drives.is_ok()),
        names::examine(machine, &survey.network, &boards),
        usb_trouble::examine(machine),
        modem_manager::examine(machine, &boards),
    ])
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}
