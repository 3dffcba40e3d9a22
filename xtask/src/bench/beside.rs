//! highwater beside what it replaces: all of them at once, on this machine, at one second.

use super::recording::cpu_ns;
use crate::tools::{ATOP, NODE_EXPORTER, SADC};
use crate::{command, programs};
use anyhow::{Context, Result, bail};
use model::{Run, RunOrigin, UnixNanos};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use store::{Reader, Writer};

/// Where node_exporter listens while it is measured.
const ADDRESS: &str = "127.0.0.1:19100";

/// Gone when dropped.
struct Rival(Child);

impl Rival {
    fn start(command: &mut Command) -> Result<Rival> {
        command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0);
        // SAFETY: prctl is async-signal-safe and touches no memory of ours.
        unsafe {
            command.pre_exec(|| {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                Ok(())
            });
        }
        Ok(Rival(
            command
                .spawn()
                .with_context(|| format!("cannot start {command:?}"))?,
        ))
    }

    fn cpu_ns(&mut self) -> Result<u64> {
        if let Some(status) = self.0.try_wait()? {
            bail!("ended by itself: {status}");
        }
        cpu_ns(self.0.id())
    }
}

impl Drop for Rival {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs all for so many seconds and answers a table.
pub(super) fn measure(collector: &Path, seconds: u32) -> Result<String> {
    let folder = programs::empty_folder("beside")?;
    let file = |name: &str| folder.join(name);
    // What a database takes before anything is in it but one tick is not what a second costs.
    command::output(
        command::in_root(collector)
            .args(["run", "--once", "--db"])
            .arg(file("once.db")),
    )?;
    let mut rivals = [
        (
            "collector run",
            Rival::start(
                command::in_root(collector)
                    .args(["run", "--db"])
                    .arg(file("x.db")),
            )?,
        ),
        (
            "sadc -S ALL 1",
            Rival::start(
                command::in_root(SADC.ensure()?)
                    .args(["-S", "ALL", "1"])
                    .arg(file("sa")),
            )?,
        ),
        (
            "atop -w FILE 1",
            Rival::start(
                command::in_root(ATOP.ensure()?)
                    .arg("-w")
                    .arg(file("atop"))
                    .arg("1"),
            )?,
        ),
        (
            "node_exporter, scraped each second",
            Rival::start(
                command::in_root(NODE_EXPORTER.ensure()?).arg(format!("--web.listen-address={ADDRESS}")),
            )?,
        ),
    ];
    // Starting is not what is measured.
    std::thread::sleep(Duration::from_secs(5));
    scrape()?;
    let sizes =
        |names: [&str; 2]| names.map(|name| std::fs::metadata(file(name)).map_or(0, |meta| meta.len()));
    let (begun, sizes_before) = (Instant::now(), sizes(["sa", "atop"]));
    let before = cpu(&mut rivals)?;
    let mut scraped = 0;
    for second in 1..=seconds {
        std::thread::sleep(
            (begun + Duration::from_secs(second.into())).saturating_duration_since(Instant::now()),
        );
        scraped += scrape()?;
    }
    let after = cpu(&mut rivals)?;
    let lasted = begun.elapsed().as_secs_f64();
    let sizes_after = sizes(["sa", "atop"]);
    let [own, ..] = &mut rivals;
    crate::children::terminate(&mut own.1.0)?;
    let (once, own) = (compacted(&file("once.db"))?, compacted(&file("x.db"))?);
    // The database has the five seconds before as well.
    let own = own.0.saturating_sub(once.0) as f64 / own.1.max(1) as f64;
    let file_of = |i: usize| (sizes_after[i] - sizes_before[i]) as f64 / lasted;
    let disk = [
        format!("{own:.0}"),
        format!("{:.0}", file_of(0)),
        format!("{:.0}", file_of(1)),
        format!(
            "none of its own; {:.0} scraped",
            f64::from(u32::try_from(scraped)?) / lasted
        ),
    ];
    let mut text = format!("Beside others: {lasted:.0} s at one second each, all at once\n");
    text += &format!("  {:<36} {:>12}   {}\n", "", "of one CPU", "bytes a second");
    for (((name, _), (from, to)), disk) in rivals.iter().zip(before.iter().zip(&after)).zip(disk) {
        let share = (to - from) as f64 / 1e9 / lasted * 100.0;
        text += &format!("  {name:<36} {share:>10.3} %   {disk}\n");
    }
    Ok(text)
}

fn cpu(rivals: &mut [(&str, Rival)]) -> Result<Vec<u64>> {
    rivals
        .iter_mut()
        .map(|(name, rival)| rival.cpu_ns().with_context(|| name.to_string()))
        .collect()
}

/// Bytes that hold something once all is compacted, and ticks.
fn compacted(database: &Path) -> Result<(u64, usize)> {
    let mut writer = Writer::open(database)?;
    // A run behind it: then the collector's own is compacted to its end.
    let boot = Reader::open(database)?
        .boots()?
        .into_iter()
        .next()
        .context("no boot")?;
    let run = Run {
        origin: RunOrigin::Collector,
        interval: 1_000_000_000,
        started: UnixNanos(0),
        import_key: None,
    };
    writer.begin_run(&boot, &run)?;
    while writer.compact(true)? {}
    drop(writer);
    let reader = Reader::open(database)?;
    let all = reader.extent()?.context("the collector recorded nothing")?;
    Ok((reader.used_bytes()?, reader.ticks(all)?.len()))
}

/// What Prometheus would do each second; answers the bytes.
fn scrape() -> Result<u64> {
    let mut stream = TcpStream::connect(ADDRESS).with_context(|| format!("node_exporter at {ADDRESS}"))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.write_all(b"GET /metrics HTTP/1.0\r\nAccept: text/plain\r\n\r\n")?;
    let mut text = Vec::new();
    stream.read_to_end(&mut text)?;
    if !text.starts_with(b"HTTP/1.0 200") && !text.starts_with(b"HTTP/1.1 200") {
        bail!(
            "node_exporter: {}",
            String::from_utf8_lossy(&text[..text.len().min(60)])
        );
    }
    Ok(text.len() as u64)
}
