//! The Debian package, as it is installed, upgraded and removed on booted machines, which are containers.
//!
//! `make test-package` builds the package first. udev does nothing in a container, so boards are virtual ones, whose
//! directories a program makes instead; what udev does is tested in a virtual machine.

#![expect(
    clippy::print_stderr,
    reason = "a failing test shows what its machine said"
)]

mod architecture;
mod container;
mod deb;
mod installation;
mod lintian;
mod machine;
mod port;
mod removal;
mod rules;
mod upgrade;

/// The releases of Debian that the package is for.
#[derive(Clone, Copy, Debug)]
enum Suite {
    Bookworm,
    Trixie,
}

impl Suite {
    fn name(self) -> &'static str {
        match self {
            Self::Bookworm => "bookworm",
            Self::Trixie => "trixie",
        }
    }
}

/// Makes a test of each claim for each release of Debian.
macro_rules! on_each_suite {
    ($($claim:ident),+ $(,)?) => {
        mod bookworm {
            $(#[test] fn $claim() { super::$claim(crate::Suite::Bookworm); })+
        }
        mod trixie {
            $(#[test] fn $claim() { super::$claim(crate::Suite::Trixie); })+
        }
    };
}
use on_each_suite;
