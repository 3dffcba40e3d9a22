//! Do the packages work? Each is taken as a user would, in a clean Debian: installed, run as the users that the units name, removed.

mod root;

use super::contents::{CONFIGURATION, PROGRAMS};
use super::{Packages, kubernetes};
use crate::summary::Counts;
use crate::{command, tools, workspace};
use anyhow::{Context, Result, bail, ensure};
use root::{Root, ended_well, said};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Programs that the check needs beside ours.
pub(crate) struct Tools {
    debootstrap: PathBuf,
    rpm: PathBuf,
}

/// Finds or installs them.
///
/// # Errors
/// When one is missing and may not be installed, or we are not root: only root may enter another root.
pub(crate) fn ensure_tools() -> Result<Tools> {
    ensure!(
        tools::is_root(),
        "packages are installed into another root by root only"
    );
    tools::BINUTILS.ensure()?;
    Ok(Tools {
        debootstrap: tools::DEBOOTSTRAP.ensure()?,
        rpm: tools::RPM.ensure()?,
    })
}

/// The units and the most of systemd's "exposure" that each may have, in tenths. What is missing to less is what it must read:
/// other users' processes and all of /proc.
const UNITS: [(&str, u32); 2] = [("highwater-collector.service", 28), ("highwater-web.service", 15)];

/// The drop-in that a site may add to the first, and the most that it may then have.
const TRACING: (&str, u32) = ("usr/share/doc/highwater/tracing.conf", 30);

const DATABASE: &str = "/var/lib/highwater/highwater.db";

/// What is done, in order. Each stands on what those before it left.
type Step = fn(&Checked) -> Result<()>;
const STEPS: [(&str, Step); 11] = [
    ("the .deb can be installed", install),
    ("its users, folder and links are there", installed),
    ("systemd takes the units", verify_units),
    ("the units are closed enough", units_are_closed),
    ("every program runs and has a manual page", programs_run),
    ("the collector records as its own user", records),
    ("the web's user can read and not write", web_reads),
    ("the page is served", web_serves),
    ("the container's command works", container),
    ("the manifests are sound", manifests),
    ("nothing is left when it is removed", remove),
];

struct Checked<'a> {
    tools: &'a Tools,
    packages: &'a Packages,
    root: Root,
}

/// Runs all steps; the first that fails ends it.
pub(super) fn check(tools: &Tools, packages: &Packages, folder: &Path) -> Result<Counts> {
    let checked = Checked {
        tools,
        packages,
        root: Root::copy(&tools.debootstrap, folder)?,
    };
    let mut passed = 0;
    let mut step = |name: &str, work: &dyn Fn() -> Result<()>| {
        work().with_context(|| name.to_owned())?;
        println!("{name}");
        passed += 1;
        anyhow::Ok(())
    };
    for (name, work) in STEPS {
        step(name, &|| work(&checked))?;
    }
    step("the .rpm has the same files", &|| same_files_in_rpm(&checked))?;
    step("the tarball has the same files", &|| {
        same_files_in_tarball(&checked)
    })?;
    // Only of use to who looks why it failed.
    std::fs::remove_dir_all(folder)?;
    Ok(Counts {
        passed,
        ..Counts::default()
    })
}

fn install(checked: &Checked) -> Result<()> {
    let root = &checked.root;
    std::fs::copy(&checked.packages.deb, root.0.join("tmp/highwater.deb"))?;
    let said = root.run(&["dpkg", "--install", "/tmp/highwater.deb"])?;
    ensure!(!said.contains("warning"), "{said}");
    hosts_files(&root.0)
}

/// Files of a known kernel, where a container has the host's.
fn hosts_files(root: &Path) -> Result<()> {
    let fixtures = workspace::root().join("sources/tests/fixtures/6.18");
    let proc = root.join("host/proc");
    std::fs::create_dir_all(proc.join("pressure"))?;
    for entry in std::fs::read_dir(fixtures)? {
        let path = entry?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if !name.ends_with(".columns") {
            std::fs::copy(&path, proc.join(name.replacen("pressure_", "pressure/", 1)))?;
        }
    }
    Ok(())
}

fn installed(checked: &Checked) -> Result<()> {
    let root = &checked.root;
    let groups = root.run(&["id", "-Gn", "highwater-web"])?;
    ensure!(groups.trim() == "highwater-web highwater", "{groups}");
    let folder = root.run(&["stat", "--format=%U %G %a", "/var/lib/highwater"])?;
    ensure!(folder.trim() == "highwater highwater 750", "{folder}");
    let enabled = |unit: &str| root.has(&format!("etc/systemd/system/multi-user.target.wants/{unit}"));
    ensure!(
        enabled("highwater-collector.service"),
        "the collector does not start with the machine"
    );
    ensure!(!enabled("highwater-web.service"), "the web starts unasked");
    let conffiles = root.run(&["dpkg-query", "--show", "--showformat=${Conffiles}", "highwater"])?;
    ensure!(
        conffiles.trim().starts_with(&format!("/{CONFIGURATION} ")),
        "{conffiles}"
    );
    Ok(())
}

fn verify_units(checked: &Checked) -> Result<()> {
    for (unit, _) in UNITS {
        let path = format!("/usr/lib/systemd/system/{unit}");
        // It says what it would ignore and ends well all the same. Manual pages are not looked for: there is no man here.
        let said = checked
            .root
            .run(&["systemd-analyze", "verify", "--man=no", &path])?;
        let about_ours: Vec<&str> = said.lines().filter(|line| line.contains("highwater")).collect();
        ensure!(about_ours.is_empty(), "{}", about_ours.join("; "));
    }
    Ok(())
}

fn units_are_closed(checked: &Checked) -> Result<()> {
    for (unit, tenths) in UNITS {
        unit_is_closed(checked, unit, tenths)?;
    }
    // With what a site may add. It is taken away again: what follows is tried as it comes.
    let (unit, _) = UNITS[0];
    let folder = checked.root.0.join(format!("etc/systemd/system/{unit}.d"));
    std::fs::create_dir_all(&folder)?;
    std::fs::copy(checked.root.0.join(TRACING.0), folder.join("tracing.conf"))?;
    let said = unit_is_closed(checked, unit, TRACING.1).and_then(|()| verify_units(checked));
    std::fs::remove_dir_all(&folder)?;
    said
}

fn unit_is_closed(checked: &Checked, unit: &str, tenths: u32) -> Result<()> {
    let path = format!("/usr/lib/systemd/system/{unit}");
    let threshold = format!("--threshold={tenths}");
    let said = checked.root.run(&[
        "systemd-analyze",
        "security",
        "--offline=true",
        "--no-pager",
        &threshold,
        &path,
    ])?;
    let overall = said.lines().find(|line| line.contains("Overall exposure level"));
    println!(
        "  {}",
        overall
            .context("systemd says no exposure")?
            .trim_start_matches(['→', ' '])
    );
    Ok(())
}

fn programs_run(checked: &Checked) -> Result<()> {
    let root = &checked.root;
    for program in PROGRAMS {
        let version = root.run(&[program, "--version"])?;
        ensure!(
            version.trim() == format!("{program} {}", env!("CARGO_PKG_VERSION")),
            "{version}"
        );
        let help = root.run(&[program, "--help"])?;
        ensure!(help.contains("Usage:"), "{help}");
        let page = std::fs::read_to_string(root.0.join(format!("usr/share/man/man1/{program}.1")))?;
        ensure!(page.contains(".SH SYNOPSIS"), "{program}.1 has no synopsis");
        root.run(&[
            "bash",
            "-n",
            &format!("/usr/share/bash-completion/completions/{program}"),
        ])?;
    }
    // The configuration is found, and says where the database is.
    let settings = root.run(&["collector", "config"])?;
    let first = settings.lines().next().unwrap_or_default();
    let words: Vec<&str> = first.split_whitespace().collect();
    let from_file = format!("/{CONFIGURATION}:");
    ensure!(
        matches!(words[..], ["db", DATABASE, origin] if origin.starts_with(&from_file)),
        "{first}"
    );
    Ok(())
}

fn records(checked: &Checked) -> Result<()> {
    // The mask of the unit: the group reads, nobody else does.
    let words = [
        "sh",
        "-c",
        "umask 0027 && exec collector run --once --proc /host/proc",
    ];
    let said = ended_well(&mut checked.root.command_as("highwater:highwater", &words))?;
    ensure!(said.lines().any(|line| line.starts_with("zoneinfo ")), "{said}");
    let answer = checked.root.run(&["analyzer", "cat", "meminfo", "--at", "now"])?;
    let recorded = std::fs::read_to_string(checked.root.0.join("host/proc/meminfo"))?;
    ensure!(answer == recorded, "{answer}");
    Ok(())
}

/// The web's user, with the groups that its unit gives it.
fn as_web<'a>(words: &[&'a str]) -> Vec<&'a str> {
    let user = [
        "setpriv",
        "--reuid=highwater-web",
        "--regid=highwater-web",
        "--init-groups",
    ];
    let closed = ["--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"];
    [&user[..], &closed[..], words].concat()
}

fn web_reads(checked: &Checked) -> Result<()> {
    let answer = checked.root.run(&as_web(&["analyzer", "info"]))?;
    ensure!(answer.contains("meminfo"), "{answer}");
    let writes = checked
        .root
        .command(&as_web(&["collector", "run", "--once", "--proc", "/host/proc"]))
        .output()?;
    ensure!(!writes.status.success(), "the web's user can write the database");
    let others = checked
        .root
        .command_as("nobody:nogroup", &["analyzer", "info"])
        .output()?;
    ensure!(!others.status.success(), "everybody can read the database");
    Ok(())
}

fn web_serves(checked: &Checked) -> Result<()> {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let address = format!("127.0.0.1:{port}");
    let mut web = checked
        .root
        .command(&as_web(&["web", "--listen", &address]))
        .spawn()?;
    let answer = || ask(&address, "/api/v1/node", Duration::from_secs(30));
    let (page, node) = (ask(&address, "/", Duration::from_secs(30)), answer());
    web.kill()?;
    web.wait()?;
    let (page, node) = (page?, node?);
    ensure!(
        page.starts_with("HTTP/1.1 200 ") && page.contains("<html"),
        "{page}"
    );
    ensure!(node.starts_with("HTTP/1.1 200 "), "{node}");
    Ok(())
}

/// The answer to a GET, once somebody listens.
fn ask(address: &str, path: &str, patience: Duration) -> Result<String> {
    let begun = Instant::now();
    let mut stream = loop {
        match TcpStream::connect(address) {
            Ok(stream) => break stream,
            Err(error) if begun.elapsed() > patience => bail!("{address}: {error}"),
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// What the image would start, with its environment, on the host's files at their place in the image.
fn container(checked: &Checked) -> Result<()> {
    start_container(&checked.root)
}

fn start_container(root: &Root) -> Result<()> {
    let container = kubernetes::container()?;
    let words: Vec<&str> = container
        .command
        .iter()
        .map(String::as_str)
        .chain(["--once"])
        .collect();
    let mut command = root.command(&words);
    command.envs(container.environment);
    let said = ended_well(&mut command)?;
    ensure!(said.lines().any(|line| line.starts_with("vmstat ")), "{said}");
    Ok(())
}

/// Starts what the image starts in a root that has the programs of `programs` and nothing else, as the image has.
///
/// # Errors
/// When one of them needs more than the kernel.
pub(super) fn in_empty_root(programs: &Path, folder: &Path) -> Result<()> {
    let root = Root(folder.to_owned());
    std::fs::create_dir_all(folder.join("usr/bin"))?;
    for program in PROGRAMS {
        std::fs::copy(programs.join(program), folder.join("usr/bin").join(program))?;
    }
    hosts_files(folder)?;
    start_container(&root)?;
    let answer = root.run(&["/usr/bin/analyzer", "info", "--db", DATABASE])?;
    ensure!(answer.contains("meminfo"), "{answer}");
    // What a release build does otherwise than those that are tested.
    root.run(&[
        "/usr/bin/collector",
        "doctor",
        "--proc",
        "/host/proc",
        "--db",
        DATABASE,
    ])?;
    root.run(&["/usr/bin/web", "--version"])?;
    Ok(std::fs::remove_dir_all(folder)?)
}

fn manifests(checked: &Checked) -> Result<()> {
    let pods = kubernetes::daemon_set()?;
    std::fs::write(checked.root.0.join("tmp/highwater.toml"), &pods.configuration)?;
    // The arguments of `run`, and the configuration, as the collector understands them.
    let (run, rest) = pods.arguments.split_first().context("no arguments")?;
    ensure!(run == "run", "{run}");
    let words = ["collector", "config", "--config", "/tmp/highwater.toml"];
    let words: Vec<&str> = words.into_iter().chain(rest.iter().map(String::as_str)).collect();
    let settings = checked.root.run(&words)?;
    for (key, value) in [
        ("proc", "/host/proc"),
        ("metrics", "0.0.0.0:9101"),
        ("db", DATABASE),
    ] {
        let line = settings.lines().find(|line| line.split(' ').next() == Some(key));
        let held = line.and_then(|line| line.split_whitespace().nth(1));
        ensure!(held == Some(value), "{key} is {held:?}");
    }
    Ok(())
}

fn remove(checked: &Checked) -> Result<()> {
    let root = &checked.root;
    root.run(&["dpkg", "--remove", "highwater"])?;
    ensure!(
        root.has(CONFIGURATION) && root.has(&DATABASE[1..]),
        "removing takes data and configuration"
    );
    ensure!(!root.has("usr/bin/collector"), "the program stays");
    let said = root.run(&["dpkg", "--purge", "highwater"])?;
    ensure!(!said.contains("warning"), "{said}");
    for path in ["etc/highwater", "var/lib/highwater", "usr/share/doc/highwater"] {
        ensure!(!root.has(path), "/{path} stays");
    }
    let wants = "etc/systemd/system/multi-user.target.wants/highwater-collector.service";
    ensure!(!root.has(wants), "/{wants} stays");
    Ok(())
}

/// Paths of the files in the .deb, from the root and without a slash before them.
fn files_in_deb(checked: &Checked) -> Result<Vec<String>> {
    let listed = command::output(
        command::in_root("dpkg-deb")
            .arg("--contents")
            .arg(&checked.packages.deb),
    )?;
    let paths = listed
        .lines()
        .filter_map(|line| line.split_once(" ./").map(|(_, path)| path));
    let mut files: Vec<String> = paths
        .filter(|path| !path.is_empty() && !path.ends_with('/'))
        .map(ToOwned::to_owned)
        .collect();
    files.sort();
    ensure!(files.len() > 20, "{listed}");
    Ok(files)
}

fn same_files_in_rpm(checked: &Checked) -> Result<()> {
    let rpm = &checked.packages.rpm;
    let query = |words: &[&str]| command::output(command::in_root(&checked.tools.rpm).args(words).arg(rpm));
    query(&["--checksig", "--nosignature"])?;
    let listed = query(&[
        "--query",
        "--package",
        "--nosignature",
        "--queryformat",
        "[%{FILEMODES:perms} %{FILENAMES}\n]",
    ])?;
    let mut files: Vec<String> = listed
        .lines()
        .filter_map(|line| {
            line.strip_prefix('-')?
                .split_once(" /")
                .map(|(_, path)| path.to_owned())
        })
        .collect();
    files.sort();
    ensure!(files == files_in_deb(checked)?, "{listed}");
    let conffiles = query(&["--query", "--package", "--nosignature", "--configfiles"])?;
    ensure!(conffiles.trim() == format!("/{CONFIGURATION}"), "{conffiles}");
    // Unpacked by rpm itself into a root where nothing else is.
    let root = checked.root.0.join("tmp/rpm");
    let words = ["--install", "--nodeps", "--noscripts", "--nosignature", "--root"];
    std::fs::create_dir(&root)?;
    let mut install = command::in_root(&checked.tools.rpm);
    command::output(install.args(words).arg(&root).arg(rpm))?;
    let output = std::process::Command::new(root.join("usr/bin/collector"))
        .arg("--version")
        .output()?;
    ensure!(output.status.success(), "{}", said(&output));
    Ok(())
}

fn same_files_in_tarball(checked: &Checked) -> Result<()> {
    let folder = checked.root.0.join("tmp/tarball");
    std::fs::create_dir(&folder)?;
    let packed = std::fs::File::open(&checked.packages.tarball)?;
    let mut archive = tar::Archive::new(liblzma::read::XzDecoder::new(packed));
    let mut files = Vec::new();
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        let inside: PathBuf = path.components().skip(1).collect();
        if entry.header().entry_type().is_file() {
            files.push(inside.to_string_lossy().into_owned());
        }
        entry.unpack_in(&folder)?;
    }
    files.sort();
    ensure!(files == files_in_deb(checked)?, "{files:?}");
    Ok(())
}
