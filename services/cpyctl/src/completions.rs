//! `cpyctl completions`: what shells complete. The package carries the output, in `deploy/completions`.

use clap::CommandFactory;
use clap_complete::{Shell, generate};

/// What this shell reads to complete the command line.
pub(crate) fn script<C: CommandFactory>(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    generate(shell, &mut C::command(), "cpyctl", &mut script);
    script
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_files_in_deploy_are_those_of_this_command_line() {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/completions");
        for shell in [Shell::Bash, Shell::Fish, Shell::Zsh] {
            let file = directory.join(format!("cpyctl.{shell}"));
            let committed = std::fs::read(&file).unwrap_or_default();
            assert!(
                committed == script::<crate::Arguments>(shell),
                "{} is stale: make it anew with `cpyctl completions {shell}`",
                file.display()
            );
        }
    }
}
