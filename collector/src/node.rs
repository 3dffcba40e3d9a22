//! What this machine is: the record of its boot.

use model::{Boot, UnixNanos};
use std::ffi::CStr;
use std::path::Path;

/// Describes the machine whose /proc this is. What cannot be read there is asked of the running kernel.
pub(crate) fn boot(proc: &Path, now: UnixNanos) -> Boot {
    let read = |name: &str| {
        let text = std::fs::read(proc.join(name)).ok()?;
        let text = String::from_utf8_lossy(&text).trim_end().to_string();
        (!text.is_empty()).then_some(text)
    };
    let system = uname();
    let meminfo = read("meminfo");
    Boot {
        // Without an identity of the boot nothing may be compared with what was recorded before: it is its own.
        boot_id: read("sys/kernel/random/boot_id").unwrap_or_else(|| format!("unknown-{}", now.0)),
        hostname: read("sys/kernel/hostname").unwrap_or(system.hostname),
        kernel: read("sys/kernel/osrelease").unwrap_or(system.kernel),
        machine: system.machine,
        cpus: read("stat")
            .and_then(|s| cpus_of_stat(&s))
            .unwrap_or(configured(libc::_SC_NPROCESSORS_ONLN, 1)),
        page_size: configured(libc::_SC_PAGESIZE, 4096),
        clk_tck: configured(libc::_SC_CLK_TCK, 100),
        memory_bytes: meminfo.and_then(|m| memory_of_meminfo(&m)),
        cmdline: read("cmdline").unwrap_or_default(),
        tz: time_zone(),
    }
}

/// Whether this /proc is the running kernel's: the host's inside a container is, another machine's is not.
pub(crate) fn is_of_this_kernel(proc: &Path) -> bool {
    let boot_id = |proc: &Path| std::fs::read(proc.join("sys/kernel/random/boot_id")).ok();
    proc == Path::new("/proc") || boot_id(proc).is_some_and(|id| boot_id(Path::new("/proc")) == Some(id))
}

fn configured(name: libc::c_int, otherwise: u32) -> u32 {
    // SAFETY: takes a number and answers one.
    u32::try_from(unsafe { libc::sysconf(name) })
        .ok()
        .filter(|&n| n > 0)
        .unwrap_or(otherwise)
}

fn cpus_of_stat(stat: &str) -> Option<u32> {
    let count = stat
        .lines()
        .filter_map(|line| line.strip_prefix("cpu"))
        .filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        .count();
    u32::try_from(count).ok().filter(|&n| n > 0)
}

fn memory_of_meminfo(meminfo: &str) -> Option<u64> {
    let rest = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    rest.trim()
        .strip_suffix(" kB")?
        .parse::<u64>()
        .ok()?
        .checked_mul(1024)
}

struct System {
    hostname: String,
    kernel: String,
    machine: String,
}

fn uname() -> System {
    // SAFETY: utsname is arrays of characters, for which zeroes are a value; uname writes it and ends each with a zero.
    let name = unsafe {
        let mut name: libc::utsname = std::mem::zeroed();
        libc::uname(&mut name);
        name
    };
    // SAFETY: ended with a zero by uname, or all zeroes.
    let text = |field: &[libc::c_char]| {
        unsafe { CStr::from_ptr(field.as_ptr()) }
            .to_string_lossy()
            .into_owned()
    };
    System {
        hostname: text(&name.nodename),
        kernel: text(&name.release),
        machine: text(&name.machine),
    }
}

/// `TZ`, else where /etc/localtime leads to, else UTC.
fn time_zone() -> String {
    let variable = std::env::var("TZ")
        .ok()
        .map(|tz| tz.trim_start_matches(':').to_string());
    let linked = || {
        let link = std::fs::read_link("/etc/localtime").ok()?;
        zone_of_link(&link.to_string_lossy())
    };
    variable
        .filter(|tz| !tz.is_empty())
        .or_else(linked)
        .unwrap_or_else(|| "UTC".to_string())
}

fn zone_of_link(link: &str) -> Option<String> {
    let (_, zone) = link.split_once("zoneinfo/")?;
    Some(zone.trim_start_matches("posix/").to_string()).filter(|z| !z.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpus_are_the_numbered_lines() {
        assert_eq!(cpus_of_stat("cpu  1 2 3\ncpu0 1 2\ncpu3 1 2\nintr 5\n"), Some(2));
        assert_eq!(cpus_of_stat("garbage"), None);
    }

    #[test]
    fn memory_is_in_bytes_or_not_known() {
        assert_eq!(
            memory_of_meminfo("MemTotal:       16384 kB\nMemFree: 1 kB"),
            Some(16_777_216)
        );
        assert_eq!(memory_of_meminfo("MemTotal: many kB"), None);
        assert_eq!(memory_of_meminfo("MemTotal: 18446744073709551615 kB"), None);
    }

    #[test]
    fn another_way_to_the_same_proc() {
        assert!(is_of_this_kernel(Path::new("/proc/../proc")));
        assert!(!is_of_this_kernel(Path::new("/nowhere")));
    }

    #[test]
    fn zones_of_links() {
        assert_eq!(
            zone_of_link("/usr/share/zoneinfo/Europe/Berlin").as_deref(),
            Some("Europe/Berlin")
        );
        assert_eq!(
            zone_of_link("../usr/share/zoneinfo/Etc/UTC").as_deref(),
            Some("Etc/UTC")
        );
        assert_eq!(zone_of_link("/etc/somewhere"), None);
    }
}
