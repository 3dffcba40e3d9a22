//! File systems of our own: small, and gone with the trial.

use crate::command;
use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};

/// A mounted file system.
pub(super) struct Mount {
    pub(super) folder: PathBuf,
    /// Its image, where it lies on one.
    pub(super) image: Option<PathBuf>,
}

impl Mount {
    /// A tmpfs of so many MiB.
    pub(super) fn tmpfs(folder: &Path, mib: u32) -> Result<Mount> {
        prepare(folder)?;
        mount(
            &["-t", "tmpfs", "-o", &format!("size={mib}m"), "highwater-torture"],
            folder,
        )?;
        Ok(Mount {
            folder: folder.into(),
            image: None,
        })
    }

    /// An ext4 on a new image of so many MiB beside it.
    pub(super) fn ext4(folder: &Path, mib: u64) -> Result<Mount> {
        prepare(folder)?;
        let image = folder.with_extension("img");
        std::fs::File::create(&image)?.set_len(mib << 20)?;
        command::output(command::in_root("mkfs.ext4").args(["-q", "-F"]).arg(&image))?;
        Mount::image(folder, &image)
    }

    /// What is on an image.
    pub(super) fn image(folder: &Path, image: &Path) -> Result<Mount> {
        prepare(folder)?;
        mount(
            &["-o", "loop,errors=remount-ro", &image.to_string_lossy()],
            folder,
        )?;
        Ok(Mount {
            folder: folder.into(),
            image: Some(image.into()),
        })
    }

    /// The name of its device under /sys/block.
    pub(super) fn device(&self) -> Result<String> {
        let mounts = std::fs::read_to_string("/proc/mounts")?;
        let name = mounts.lines().find_map(|line| {
            let (device, rest) = line.split_once(' ')?;
            let folder = rest.split(' ').next()?;
            (Path::new(folder) == self.folder).then(|| device.trim_start_matches("/dev/").to_owned())
        });
        name.with_context(|| format!("{} is not mounted", self.folder.display()))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // A file system that was left frozen cannot be unmounted.
        if self.image.is_some() {
            let _ = command::output(command::in_root("fsfreeze").arg("-u").arg(&self.folder));
        }
        if let Err(error) = command::output(command::in_root("umount").arg(&self.folder)) {
            eprintln!("{error:#}");
            let _ = command::output(command::in_root("umount").arg("-l").arg(&self.folder));
        }
    }
}

fn prepare(folder: &Path) -> Result<()> {
    // SAFETY: no arguments, no memory, cannot fail.
    ensure!(unsafe { libc::geteuid() } == 0, "mounting needs root");
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())
}

fn mount(arguments: &[&str], folder: &Path) -> Result<()> {
    command::output(command::in_root("mount").args(arguments).arg(folder)).map(drop)
}
