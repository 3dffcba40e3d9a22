//! `collector doctor`: would recording work here, and what would it cost?

use crate::cgroups::{Groups, MOST_LOOKED_AT, MOST_READ, hierarchies};
use crate::clock::monotonic;
use crate::facts::Settings;
use crate::inventory::sys_beside;
use crate::keeper::RETENTION;
use crate::kernel_file::KernelFile;
use crate::kmsg::KernelLog;
use crate::processes::Processes;
use crate::sampler::why;
use crate::topology::blocks;
use crate::tracepoints::Instance;
use crate::{burst, cli, config, pressure_events, process_exits};
use model::{ProcessCounter, Template, TimeSpan, UnixNanos};
use std::path::Path;
use std::process::ExitCode;
use store::Reader;

/// Each file is read this often; the middle time is told.
const READS: usize = 9;

/// Prints what it finds; fails when no file can be read or the database cannot be written.
pub(crate) fn doctor(arguments: &cli::Common, effective: &[config::Effective]) -> anyhow::Result<ExitCode> {
    println!("{:<16} {:>8} {:>8} {:>6}", "source", "bytes", "numbers", "µs");
    let mut readable = 0;
    for source in sources::all() {
        match examine(&arguments.proc.join(source.name)) {
            Ok((bytes, numbers, micros)) => {
                readable += 1;
                println!("{:<16} {bytes:>8} {numbers:>8} {micros:>6}", source.name);
            }
            Err(error) => println!("{:<16} not recorded: {}", source.name, why(&error)),
        }
    }
    println!();
    beside(&arguments.proc)
        .iter()
        .for_each(|(name, what)| println!("{name:<17} {what}"));
    let path = arguments.database()?;
    println!("\n{}", config::table(effective, &path));
    println!("database         {}", path.display());
    let writable = writable(&path);
    match &writable {
        Ok(()) => println!("                 can be written"),
        Err(why) => println!("                 cannot be written: {why}"),
    }
    if path.exists() {
        match contents(&path) {
            Ok(lines) => lines.iter().for_each(|line| println!("                 {line}")),
            Err(error) => println!("                 {error}"),
        }
    }
    Ok(if readable > 0 && writable.is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What is recorded besides these files, or why it is not.
fn beside(proc: &Path) -> Vec<(&'static str, String)> {
    // The first look meets everybody; the later ones cost what each costs from then on.
    let looked = Processes::new(proc).and_then(|mut processes| {
        let all = processes.look()?;
        let mut times = Vec::with_capacity(READS);
        for _ in 0..READS {
            let before = monotonic();
            processes.look()?;
            times.push((monotonic() - before) / 1000);
        }
        times.sort_unstable();
        Ok((all.samples, times[READS / 2]))
    });
    let processes = match looked {
        Ok((all, micros)) => {
            let unknown = all
                .iter()
                .filter(|p| p.get(ProcessCounter::ReadBytes).is_none())
                .count();
            let hidden = match unknown {
                0 => String::new(),
                _ => format!("; of {unknown}, what they read and write is hidden (CAP_SYS_PTRACE shows it)"),
            };
            format!("{} of them, {micros} µs a look{hidden}", all.len())
        }
        Err(error) => format!("not recorded: {}", why(&error)),
    };
    let sys = sys_beside(proc);
    let log = match KernelLog::open(Path::new("/dev/kmsg")) {
        Ok(_) => "readable".to_string(),
        Err(error) => format!("not recorded: {}", why(&error)),
    };
    let ends = match process_exits::told() {
        Ok(()) => "told by the kernel".to_string(),
        Err(error) => format!("what was last seen: taskstats: {}{}", why(&error), drop_in()),
    };
    let mut groups = Groups::new(hierarchies(&sys));
    groups.look(&mut Vec::new());
    let bound = if groups.len() > MOST_LOOKED_AT {
        format!(", {MOST_LOOKED_AT} of them a look, in turn")
    } else {
        String::new()
    };
    let groups = format!(
        "{} in {} hierarchies{bound}; up to {MOST_READ} that moved are read a look",
        groups.len(),
        hierarchies(&sys).len()
    );
    let events = match Instance::make() {
        Ok(_) => "kswapd wakes, direct reclaim, OOM victims".to_string(),
        Err(error) => format!("not recorded: {}{}", why(&error), drop_in()),
    };
    let triggers = pressure_events::arm(proc);
    let armed = triggers.iter().filter(|t| t.is_ok()).count();
    let refused = triggers.iter().find_map(|t| t.as_ref().err());
    let triggers = match refused {
        Some(error) => format!("{armed} of {} can be armed: {}", triggers.len(), why(error)),
        None => format!("{armed} can be armed"),
    };
    let bursts = match burst::cost(proc) {
        Some(micros) => format!(
            "{micros} µs a reading: at 100ms, a ring of the seconds before (--burst-ring) costs {:.2} % of a CPU and its wakes",
            micros as f64 * 10.0 / 1e4
        ),
        None => "not recorded: none of their files can be read".to_string(),
    };
    vec![
        ("processes", processes),
        ("ends of processes", ends),
        (
            "settings",
            format!("{} of them", Settings::new(proc, &sys).all().len()),
        ),
        ("block devices", format!("{} of them", blocks(proc, &sys).len())),
        ("control groups", groups),
        ("kernel log", log),
        ("PSI triggers", triggers),
        ("tracepoints", events),
        ("bursts", bursts),
    ]
}

/// What a packaged service may be given beside, where that is installed.
fn drop_in() -> &'static str {
    match Path::new("/usr/share/doc/highwater/tracing.conf").exists() {
        true => "; /usr/share/doc/highwater/tracing.conf allows the service to",
        false => "",
    }
}

/// Bytes, numbers, and the median time of a read in microseconds.
fn examine(path: &Path) -> std::io::Result<(usize, usize, i64)> {
    let mut file = KernelFile::new(path.into());
    let mut times = Vec::with_capacity(READS);
    let (mut bytes, mut numbers) = (0, 0);
    for _ in 0..READS {
        let before = monotonic();
        let text = file.read()?;
        times.push((monotonic() - before) / 1000);
        bytes = text.len();
        numbers = Template::parse(text, None).1.len();
    }
    times.sort_unstable();
    Ok((bytes, numbers, times[READS / 2]))
}

/// Whether `run` could write there, without creating a database.
fn writable(path: &Path) -> Result<(), String> {
    if path.exists() {
        return store::Writer::open(path).map(drop).map_err(|e| e.to_string());
    }
    // The nearest folder that exists is the one in which `run` would create the rest.
    let folder = path
        .ancestors()
        .skip(1)
        .find(|p| p.exists() || p.as_os_str().is_empty());
    let folder = folder
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let probe = folder.join(format!(".highwater-doctor-{}", std::process::id()));
    let made = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&probe);
    made.map_err(|e| format!("{}: {e}", folder.display()))?;
    std::fs::remove_file(&probe).map_err(|e| format!("{}: {e}", probe.display()))
}

fn contents(path: &Path) -> store::Result<Vec<String>> {
    let reader = Reader::open(path)?;
    let size = format!("{:.1} MiB", reader.size_bytes() as f64 / f64::from(1 << 20));
    Ok(match reader.extent()? {
        Some(span) => vec![
            format!(
                "{size}, reaches back {} to {}",
                length(span.seconds()),
                utc(span.from)
            ),
            ended_by(&reader, span)?,
            format!("newest tick {}", utc(span.to)),
        ],
        None => vec![format!("{size}, no tick yet")],
    })
}

/// Which limit made that there is nothing older.
fn ended_by(reader: &Reader, span: TimeSpan) -> store::Result<String> {
    let facts = reader.facts(span)?;
    let last = facts.iter().rfind(|fact| fact.name == RETENTION);
    Ok(match last.and_then(|fact| fact.value.as_deref()) {
        Some(limit) => format!("what was older is deleted, by the limit of {limit}"),
        None => "nothing was deleted yet".to_string(),
    })
}

fn length(seconds: f64) -> String {
    match seconds {
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7200.0 => format!("{:.0} min", s / 60.0),
        s if s < 172_800.0 => format!("{:.1} h", s / 3600.0),
        s => format!("{:.1} days", s / 86400.0),
    }
}

/// RFC 3339 to the second.
fn utc(at: UnixNanos) -> String {
    let seconds = at.0.div_euclid(1_000_000_000);
    let (day, clock) = (seconds.div_euclid(86400), seconds.rem_euclid(86400));
    // Civil date from a day number: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
    let z = day + 719_468;
    let era = z.div_euclid(146_097);
    let of_era = z.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let date = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!(
        "{year:04}-{month:02}-{date:02}T{:02}:{:02}:{:02}Z",
        clock / 3600,
        clock / 60 % 60,
        clock % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        let of = |seconds: i64| utc(UnixNanos(seconds * 1_000_000_000));
        assert_eq!(of(0), "1970-01-01T00:00:00Z");
        assert_eq!(of(1_473_497_612), "2016-09-10T08:53:32Z");
        assert_eq!(of(951_782_399), "2000-02-28T23:59:59Z");
        assert_eq!(of(-1), "1969-12-31T23:59:59Z");
    }
}
