//! The .rpm.

use super::contents::{CONFIGURATION, Contents, read};
use super::{About, NAME};
use crate::workspace;
use anyhow::{Context, Result};
use rpm::{BuildConfig, CompressionWithLevel, FileOptions, PackageBuilder};
use std::path::Path;

/// Folders that are this package's own; the others belong to the system.
const OWN_FOLDERS: [&str; 2] = ["etc/highwater", "usr/share/doc/highwater"];

pub(super) fn write(path: &Path, contents: &Contents, about: &About, effort: u32) -> Result<()> {
    let script = |name: &str| {
        let bytes = read(&workspace::root().join("packaging/rpm").join(name))?;
        String::from_utf8(bytes).with_context(|| format!("packaging/rpm/{name}"))
    };
    let config = BuildConfig::v4()
        .source_date(about.time)
        .compression(CompressionWithLevel::Xz(effort));
    let summary = "Records what the kernel says of memory and disks, and explains it";
    let mut builder = PackageBuilder::new(NAME, about.version, "Apache-2.0", about.machine, summary);
    builder
        .using_config(config)
        .release("1")
        .url("https://example.invalid/highwater")
        .description(
            "collector keeps the kernel's files of each second in one database; analyzer says afterwards what \
             went wrong, what began it, and what it was not; web shows the same as a page.",
        )
        .requires(rpm::Dependency::any("systemd"))
        .post_install_script(script("post")?)
        .pre_uninstall_script(script("preun")?)
        .post_uninstall_script(script("postun")?);
    for folder in OWN_FOLDERS {
        builder.with_dir_entry(FileOptions::dir(format!("/{folder}")).permissions(0o755))?;
    }
    for (path, file) in &contents.0 {
        let options = FileOptions::new(format!("/{path}")).permissions(u16::try_from(file.mode)?);
        let options = match path.as_str() {
            CONFIGURATION => options.config().noreplace(),
            path if path.starts_with("usr/share/doc/") || path.starts_with("usr/share/man/") => options.doc(),
            _ => options,
        };
        builder.with_file_contents(file.bytes.clone(), options)?;
    }
    builder
        .build()?
        .write_file(path)
        .with_context(|| path.display().to_string())
}
