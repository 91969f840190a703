//! `cpyctl`, run for a gateway of a test where its daemons are.

use std::process::Output;

use tokio::process::Command;

use crate::gateway::Gateway;
use crate::process;

impl Gateway {
    /// What `cpyctl` prints; none if it fails.
    pub async fn cpyctl(&self, arguments: &[&str]) -> Option<String> {
        let output = self.run_cpyctl(arguments).await;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        output.status.success().then_some(text)
    }

    /// What `cpyctl` says on both its outputs when it fails.
    pub async fn cpyctl_fails(&self, arguments: &[&str]) -> String {
        let output = self.run_cpyctl(arguments).await;
        assert!(!output.status.success(), "it succeeds: {output:?}");
        let said = [output.stdout, output.stderr].concat();
        String::from_utf8_lossy(&said).into_owned()
    }

    async fn run_cpyctl(&self, arguments: &[&str]) -> Output {
        let command = self.entrance().command(process::program("cpyctl"));
        Command::from(command)
            .arg("--config")
            .arg(self.config_file())
            .args(arguments)
            .kill_on_drop(true)
            .output()
            .await
            .expect("it can be run")
    }
}
