//! The .deb: an ar archive of a version, a tar of what dpkg must know, and a tar of the files (deb(5)).

use super::contents::{CONFIGURATION, Contents, read};
use super::{About, NAME, tarball};
use crate::workspace;
use anyhow::{Context, Result};
use std::path::Path;

/// Debian's name of a processor.
pub(super) fn architecture(machine: &str) -> &str {
    match machine {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "i386",
        "powerpc64" => "ppc64el",
        other => other,
    }
}

/// Scripts that dpkg runs.
const SCRIPTS: [&str; 3] = ["postinst", "prerm", "postrm"];

pub(super) fn write(path: &Path, contents: &Contents, about: &About, effort: u32) -> Result<()> {
    let mut control = tarball::Tar::new("./", about.time);
    control.folder("")?;
    control.file("control", text(contents, about).as_bytes(), 0o644)?;
    control.file("conffiles", format!("/{CONFIGURATION}\n").as_bytes(), 0o644)?;
    for script in SCRIPTS {
        let bytes = read(&workspace::root().join("packaging/debian").join(script))?;
        control.file(script, &bytes, 0o755)?;
    }
    let mut data = tarball::Tar::new("./", about.time);
    data.folder("")?;
    data.contents(contents)?;

    let file = std::fs::File::create(path).with_context(|| path.display().to_string())?;
    let mut archive = ar::Builder::new(file);
    let members = [
        ("debian-binary", b"2.0\n".to_vec()),
        ("control.tar.xz", tarball::xz(&control.finish()?, effort)?),
        ("data.tar.xz", tarball::xz(&data.finish()?, effort)?),
    ];
    for (name, bytes) in members {
        let mut header = ar::Header::new(name.into(), bytes.len() as u64);
        header.set_mode(0o100_644);
        header.set_mtime(about.time.into());
        archive.append(&header, &bytes[..])?;
    }
    Ok(())
}

fn text(contents: &Contents, about: &About) -> String {
    format!(
        "Package: {NAME}\n\
         Version: {}\n\
         Architecture: {}\n\
         Maintainer: highwater <highwater@example.invalid>\n\
         Installed-Size: {}\n\
         Depends: init-system-helpers, systemd | systemd-standalone-sysusers\n\
         Section: admin\n\
         Priority: optional\n\
         Homepage: https://example.invalid/highwater\n\
         Description: records what the kernel says of memory and disks, and explains it\n \
         collector keeps the kernel's files of each second in one database; analyzer says\n \
         afterwards what went wrong, what began it, and what it was not; web shows the\n \
         same as a page.\n",
        about.version,
        architecture(about.machine),
        contents.size().div_ceil(1024),
    )
}
