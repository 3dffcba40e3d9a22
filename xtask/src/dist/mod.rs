//! `cargo xtask dist`: what users install. A .deb, an .rpm and a tarball of the same tree, and a check of all three in a clean Debian.

mod check;
mod contents;
mod deb;
mod kubernetes;
mod rpm;
mod tarball;

use crate::command::{cargo, run as run_command};
use crate::summary::Counts;
use crate::{page, programs, tools, workspace};
use anyhow::{Context, Result, bail};
use contents::Contents;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Make the packages: .deb, .rpm and tarball, in target/highwater/dist
///
/// The programs are linked statically, with the C library too, so that they run on any Linux of this machine's processor. With
/// --check, packages are made of the programs as `cargo build` made them, and installed, run and removed in a Debian that has
/// nothing else.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Check packages of the programs in target/debug instead
    #[arg(long)]
    check: bool,
}

/// Name of the packages.
const NAME: &str = "highwater";

/// What stands in packages beside their files.
struct About {
    version: &'static str,
    /// `x86_64`, `aarch64`: as the compiler, and .rpm, call it.
    machine: &'static str,
    /// Seconds since 1970, on every file.
    time: u32,
}

/// The packages as files.
struct Packages {
    deb: PathBuf,
    rpm: PathBuf,
    tarball: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if arguments.check {
        page::build()?;
        build(&["build"])?;
        let checked = check(&check::ensure_tools()?)?;
        println!("{} checks passed", checked.passed);
        return Ok(());
    }
    page::build()?;
    let folder = build_static()?;
    is_static(&folder)?;
    if tools::is_root() {
        check::in_empty_root(&folder, &programs::empty_folder("dist-empty")?)?;
        println!("the programs run where nothing else is, as in the container");
    } else {
        println!("not tried in an empty root: only root may enter one");
    }
    let packages = write(&folder, &programs::empty_folder("dist")?, 9)?;
    for path in [packages.deb, packages.rpm, packages.tarball] {
        let bytes = std::fs::metadata(&path)?.len();
        println!(
            "{:>6.1} MiB  {}",
            bytes as f64 / f64::from(1 << 20),
            path.display()
        );
    }
    Ok(())
}

/// Installs, runs and removes packages of the programs in target/debug.
pub(crate) fn check(tools: &check::Tools) -> Result<Counts> {
    let folder = programs::empty_folder("dist-check")?;
    // They are read once: that they are small matters less than that they are there soon.
    let packages = write(&workspace::binaries(), &folder, 0)?;
    check::check(tools, &packages, &folder)
}

/// The tools that [`check`] needs; they are installed where that is allowed.
pub(crate) fn ensure_tools() -> Result<check::Tools> {
    check::ensure_tools()
}

fn build(words: &[&str]) -> Result<()> {
    let mut command = cargo();
    command.args(words);
    for program in contents::PROGRAMS {
        command.args(["--package", program]);
    }
    run_command(&mut command)
}

/// Builds programs that need nothing of the machine but its kernel, and answers their folder.
fn build_static() -> Result<PathBuf> {
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let mut command = cargo();
    command.args(["build", "--release", "--target", &target]);
    for program in contents::PROGRAMS {
        command.args(["--package", program]);
    }
    // With --target these are for the programs alone, not for what runs while building.
    command.env("RUSTFLAGS", "-C target-feature=+crt-static");
    run_command(&mut command)?;
    Ok(workspace::target().join(target).join("release"))
}

/// Fails when a program wants a library at run time.
fn is_static(folder: &Path) -> Result<()> {
    for program in contents::PROGRAMS {
        let path = folder.join(program);
        let output = std::process::Command::new("ldd")
            .arg(&path)
            .output()
            .context("ldd")?;
        let said =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        if !said.contains("statically linked") && !said.contains("not a dynamic executable") {
            bail!("{}: is not static: {}", path.display(), said.trim());
        }
        println!("{program}: statically linked");
    }
    Ok(())
}

/// Writes all packages of the programs in `programs` into `folder`; `effort` of compression is 0 to 9.
fn write(programs: &Path, folder: &Path, effort: u32) -> Result<Packages> {
    let about = About {
        version: env!("CARGO_PKG_VERSION"),
        machine: std::env::consts::ARCH,
        time: time(),
    };
    let contents = Contents::gather(programs, folder)?;
    let base = format!("{NAME}-{}", about.version);
    let packages = Packages {
        deb: folder.join(format!(
            "{NAME}_{}_{}.deb",
            about.version,
            deb::architecture(about.machine)
        )),
        rpm: folder.join(format!("{base}-1.{}.rpm", about.machine)),
        tarball: folder.join(format!("{base}-{}-linux.tar.xz", about.machine)),
    };
    deb::write(&packages.deb, &contents, &about, effort)?;
    rpm::write(&packages.rpm, &contents, &about, effort)?;
    tarball::write(&packages.tarball, &contents, &about, effort)?;
    Ok(packages)
}

/// `$SOURCE_DATE_EPOCH`, so that the same source gives the same package, or now.
fn time() -> u32 {
    let given = std::env::var("SOURCE_DATE_EPOCH").ok();
    let now = || {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u32::try_from(since.as_secs()).unwrap_or(0)
    };
    given.and_then(|given| given.parse().ok()).unwrap_or_else(now)
}
