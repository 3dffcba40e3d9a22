//! `cargo xtask run`: this machine recorded, two sample incidents loaded, and pages to look at them.

use crate::children::Children;
use crate::{command, page, tools, workspace};
use anyhow::{Context, Result, bail};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Record this machine, load the sample incidents, and serve a page for each until Ctrl-C
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// First port; each page takes the next free one
    #[arg(long, default_value_t = 7311)]
    port: u16,

    /// End by itself after so many seconds
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,
}

/// A page: what it shows, and the database.
struct Shown {
    what: &'static str,
    db: PathBuf,
}

/// Samples that have a page, and what it says of them.
const SAMPLES: [(&str, &str); 2] = [
    (
        "page-cache-post",
        "the published incident of 2016-09-10, reconstructed",
    ),
    ("page-cache-flood", "a recorded incident on Linux 6.18"),
];

/// Builds, starts, tells, waits, ends.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    tools::ensure_node()?;
    page::build_if_stale()?;
    command::run(command::cargo().args(["build", "-p", "collector", "-p", "analyzer", "-p", "web"]))?;
    let binaries = workspace::binaries();
    let folder = workspace::target().join("highwater");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;

    let mut shown = vec![Shown {
        what: "this machine, now",
        db: folder.join("this-machine.db"),
    }];
    for (name, what) in SAMPLES {
        let db = folder.join(format!("{name}.db"));
        load(&binaries.join("analyzer"), name, &db)?;
        shown.push(Shown { what, db });
    }

    let mut children = Children::new();
    let live = &shown[0].db;
    children.start(
        "collector",
        command::in_root(binaries.join("collector"))
            .arg("run")
            .arg("--db")
            .arg(live),
    )?;
    children.wait_until("the collector's database", Duration::from_secs(20), || {
        live.exists()
    })?;
    let mut port = arguments.port;
    let mut addresses = Vec::new();
    for Shown { what, db } in &shown {
        port = free_port(port)?;
        let address = format!("127.0.0.1:{port}");
        children.start(
            "web",
            command::in_root(binaries.join("web"))
                .arg("--db")
                .arg(db)
                .args(["--listen", &address]),
        )?;
        children.wait_until("the page", Duration::from_secs(20), || {
            TcpStream::connect(&address).is_ok()
        })?;
        addresses.push((address, *what));
        port += 1;
    }
    tell(&addresses, &binaries, &folder);
    children.wait(arguments.seconds.map(Duration::from_secs))?;
    println!("\nending");
    children.end()
}

/// Imports a sample into a database of its own. It is made anew each time: it is small, and the schema may have changed.
fn load(analyzer: &Path, name: &str, db: &Path) -> Result<()> {
    for suffix in ["", "-wal", "-shm"] {
        let mut file = db.as_os_str().to_owned();
        file.push(suffix);
        match std::fs::remove_file(&file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot remove {}", file.display()));
            }
            _ => {}
        }
    }
    let archive = format!("sample-data/{name}/{name}.tar.xz");
    command::output(
        command::in_root(analyzer)
            .args(["import", "recording", &archive, "--db"])
            .arg(db),
    )?;
    println!("loaded {archive}");
    Ok(())
}

/// The first port from `port` on at which nobody listens.
fn free_port(port: u16) -> Result<u16> {
    match (port..port.saturating_add(100)).find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()) {
        Some(free) => Ok(free),
        None => bail!("no free port from {port} on"),
    }
}

fn tell(addresses: &[(String, &str)], binaries: &Path, folder: &Path) {
    let relative = |path: &Path| {
        path.strip_prefix(workspace::root())
            .map_or_else(|_| path.to_owned(), PathBuf::from)
            .display()
            .to_string()
    };
    println!();
    for (address, what) in addresses {
        println!("http://{address}/   {what}");
    }
    let analyzer = relative(&binaries.join("analyzer"));
    println!("\nTry in another terminal:");
    for (name, from, to) in [
        ("page-cache-post", "10:50", "11:00"),
        ("page-cache-flood", "22:54", "22:56"),
    ] {
        let db = relative(&folder.join(format!("{name}.db")));
        println!("  {analyzer} explain --db {db} --from {from} --to {to}");
    }
    println!("\nCtrl-C ends all of it.");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_passed_over() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        assert!(free_port(port).unwrap() > port);
    }
}
