//! Programs that cargo does not bring along: looked for, and installed where that is allowed.

use crate::command;
use anyhow::{Context, Result, bail};
use std::path::PathBuf;
use std::sync::Once;

/// Something that must be on the machine, and Debian's package of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tool {
    /// Names under which it goes; the first that is found is taken.
    programs: &'static [&'static str],
    package: &'static str,
}

/// Runs the page's build.
const NODE: Tool = Tool {
    programs: &["node", "nodejs"],
    package: "nodejs",
};
/// Installs the page's dependencies as its lock file says.
const NPM: Tool = Tool {
    programs: &["npm"],
    package: "npm",
};
/// Asks the API as fast as it answers.
pub(crate) const WRK: Tool = Tool {
    programs: &["wrk"],
    package: "wrk",
};
/// Runs what the API is measured against.
pub(crate) const PYTHON: Tool = Tool {
    programs: &["python3"],
    package: "python3-venv",
};
/// Opens the page in tests.
pub(crate) const CHROMIUM: Tool = Tool {
    programs: &["chromium", "chromium-browser", "google-chrome"],
    package: "chromium",
};

/// What sar reads.
pub(crate) const SADC: Tool = Tool {
    programs: &["/usr/lib/sysstat/sadc", "/usr/lib64/sa/sadc", "sadc"],
    package: "sysstat",
};
/// Records processes.
pub(crate) const ATOP: Tool = Tool {
    programs: &["atop"],
    package: "atop",
};
/// Shows the kernel's counters to Prometheus.
pub(crate) const NODE_EXPORTER: Tool = Tool {
    programs: &["prometheus-node-exporter", "node_exporter"],
    package: "prometheus-node-exporter",
};
/// Sets the clock of one program.
pub(crate) const FAKETIME: Tool = Tool {
    programs: &["faketime"],
    package: "faketime",
};
/// Makes a clean Debian to install packages into.
pub(crate) const DEBOOTSTRAP: Tool = Tool {
    programs: &["debootstrap"],
    package: "debootstrap",
};
/// Reads and unpacks an .rpm.
pub(crate) const RPM: Tool = Tool {
    programs: &["rpm"],
    package: "rpm",
};
/// Takes from programs what only a debugger needs.
pub(crate) const BINUTILS: Tool = Tool {
    programs: &["strip"],
    package: "binutils",
};

impl Tool {
    /// The program's path; installs it first when it is missing and we are root on a Debian-like machine.
    pub(crate) fn ensure(self) -> Result<PathBuf> {
        if let Some(path) = self.find() {
            return Ok(path);
        }
        if !is_root() || find("apt-get").is_none() {
            bail!(
                "{} is missing: install the package {}",
                self.programs[0],
                self.package
            );
        }
        static UPDATED: Once = Once::new();
        UPDATED.call_once(|| {
            // A list that could not be renewed may still do; the installation below says what is wrong.
            let _ = command::run(command::in_root("apt-get").args(["update", "-q"]));
        });
        command::run(
            command::in_root("apt-get")
                .args(["install", "-q", "-y", "--no-install-recommends", self.package])
                .env("DEBIAN_FRONTEND", "noninteractive"),
        )?;
        self.find()
            .with_context(|| format!("{} is still missing after its installation", self.programs[0]))
    }

    fn find(self) -> Option<PathBuf> {
        self.programs.iter().find_map(|program| find(program))
    }
}

/// Node.js and npm, of a version that the page can be built with.
pub(crate) fn ensure_node() -> Result<()> {
    const OLDEST: u32 = 20;
    let node = NODE.ensure()?;
    NPM.ensure()?;
    let version = command::output(command::in_root(node).arg("--version"))?;
    let major = version
        .trim_start_matches('v')
        .split('.')
        .next()
        .and_then(|major| major.parse::<u32>().ok());
    match major {
        Some(OLDEST..) => Ok(()),
        _ => bail!(
            "node is version {}: the page needs {OLDEST} or newer",
            version.trim()
        ),
    }
}

/// A program on the path.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// Whether we may install packages, and enter another root.
pub(crate) fn is_root() -> bool {
    // SAFETY: no arguments, no memory, cannot fail.
    unsafe { libc::geteuid() == 0 }
}
