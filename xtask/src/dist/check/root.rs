//! A Debian with nothing but its base, and commands run inside of it.

use crate::{command, tools, workspace};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A folder that is a whole system's root.
pub(super) struct Root(pub(super) PathBuf);

impl Root {
    /// A fresh copy in `folder` of a root that is made once, of this machine's release of Debian.
    pub(super) fn copy(debootstrap: &Path, folder: &Path) -> Result<Root> {
        let release = release();
        let made = workspace::target().join(format!("highwater/debian-{release}"));
        if !made.join("etc/os-release").exists() {
            let draft = made.with_extension("draft");
            if draft.exists() {
                std::fs::remove_dir_all(&draft)?;
            }
            command::run_quietly(
                command::in_root(debootstrap)
                    .args(["--variant=minbase", "--include=systemd", &release])
                    .arg(&draft),
            )?;
            std::fs::rename(&draft, &made)?;
        }
        let root = folder.join("root");
        command::run(
            command::in_root("cp")
                .args(["-a", "--reflink=auto"])
                .arg(made)
                .arg(&root),
        )?;
        Ok(Root(root))
    }

    /// A command inside, as root, with the environment of a login.
    pub(super) fn command(&self, words: &[&str]) -> Command {
        self.command_as("root:root", words)
    }

    /// The same as `user:group`, or `user:` for the user's own groups.
    pub(super) fn command_as(&self, user: &str, words: &[&str]) -> Command {
        // By its full path: it is looked for in the command's own environment otherwise.
        let mut command = command::in_root(tools::find("chroot").unwrap_or_else(|| "chroot".into()));
        command
            .arg(format!("--userspec={user}"))
            .arg(&self.0)
            .args(words)
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("DEBIAN_FRONTEND", "noninteractive");
        command
    }

    /// Runs a command that must do well and answers what it printed, errors included.
    pub(super) fn run(&self, words: &[&str]) -> Result<String> {
        ended_well(&mut self.command(words))
    }

    pub(super) fn has(&self, path: &str) -> bool {
        // What is linked to lies inside of this root, not in ours.
        self.0.join(path).symlink_metadata().is_ok()
    }
}

/// Runs a command that must do well and answers what it printed, errors included.
pub(super) fn ended_well(command: &mut Command) -> Result<String> {
    let line = format!("{:?}", command.get_args().collect::<Vec<_>>());
    let output = command.output().with_context(|| line.clone())?;
    let said = said(&output);
    if !output.status.success() {
        bail!("{line}: {}: {}", output.status, said.trim());
    }
    Ok(said)
}

pub(super) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// This machine's, whose C library our programs were built with; a release that is no Debian's cannot be made.
fn release() -> String {
    let text = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let of = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key));
        line.map(|value| value.trim_matches('"').to_owned())
    };
    match (of("ID=").as_deref(), of("VERSION_CODENAME=")) {
        (Some("debian"), Some(release)) => release,
        _ => "stable".into(),
    }
}
