//! What a story can say of its machine in a second.
//!
//! Memory is conserved: what one part takes, free memory gives, zone by zone. Nothing reclaims by itself: a story says who does what.

use super::disk::Disk;
use super::machine::{Machine, PAGE, UPTIME_TICKS, Zone};
use super::process::Process;

impl Machine {
    /// A counter of /proc/vmstat moves.
    pub(crate) fn count(&mut self, name: &'static str, step: i64) {
        *self.vmstat.entry(name).or_insert(1000) += step;
    }

    /// A counter of /proc/vmstat is back at nothing.
    pub(crate) fn reset(&mut self, name: &'static str) {
        self.vmstat.insert(name, 0);
    }

    /// A line of /proc/meminfo, in bytes (HugePages_Total: pages of 2 MiB). Nothing else changes by it.
    pub(crate) fn meminfo(&mut self, name: &'static str) -> &mut i64 {
        self.meminfo.entry(name).or_default()
    }

    /// Memory is taken from what is free, of each zone by its size, or given back to it (below zero).
    pub(crate) fn take(&mut self, bytes: i64) {
        let all: i64 = self.zones.iter().map(|z| z.managed).sum();
        for zone in &mut self.zones {
            zone.free -= bytes / PAGE * zone.managed / all;
        }
    }

    /// Pages that are free move to the CPUs' own lists, where MemFree does not count them.
    pub(crate) fn keep_in_cpu_lists(&mut self, bytes: i64) {
        let before: Vec<i64> = self.zones.iter().map(|z| z.free).collect();
        self.take(bytes);
        for (zone, before) in self.zones.iter_mut().zip(before) {
            zone.in_cpu_lists += before - zone.free;
        }
    }

    /// Bytes that are free.
    pub(crate) fn free(&self) -> i64 {
        self.free_pages() * PAGE
    }

    /// A zone of node 0, or of a further one.
    pub(crate) fn zone(&mut self, index: usize) -> &mut Zone {
        &mut self.zones[index]
    }

    /// Its memory belongs to another node.
    pub(crate) fn node(&mut self, zone: usize, node: u32) {
        self.zones[zone].node = node;
        self.zones[zone].reserve = 0;
        self.zones[0].reserve = 0;
    }

    /// Anonymous memory of a process comes, or goes.
    pub(crate) fn anon(&mut self, comm: &str, bytes: i64) {
        self.take(bytes);
        *self.meminfo("AnonPages") += bytes;
        self.process(comm).grows(bytes);
    }

    /// Shared memory, files in tmpfs.
    pub(crate) fn shmem(&mut self, bytes: i64) {
        self.take(bytes);
        *self.meminfo("Shmem") += bytes;
        *self.meminfo("Cached") += bytes;
    }

    /// Kernel objects, of the kind that can be reclaimed or not.
    pub(crate) fn slab(&mut self, kind: &'static str, bytes: i64) {
        self.take(bytes);
        *self.meminfo("Slab") += bytes;
        *self.meminfo(kind) += bytes;
    }

    /// File cache that comes, or goes by no reclaim: deleted, truncated, dropped.
    pub(crate) fn cache(&mut self, bytes: i64) {
        self.take(bytes);
        *self.meminfo("Cached") += bytes;
        let inactive = self.meminfo("Inactive(file)");
        *inactive += bytes;
        // The active list is drawn on when the inactive one is empty.
        let beyond = (*inactive).min(0);
        *inactive -= beyond;
        *self.meminfo("Active(file)") += beyond;
    }

    /// Files are read through the cache: requests of 128 kB.
    pub(crate) fn reads_files(&mut self, disk: &str, bytes: i64) {
        self.disk(disk).reads(bytes / 131_072, bytes);
        self.cache(bytes);
    }

    /// kswapd scans pages and takes as many bytes of them from the file cache.
    pub(crate) fn kswapd(&mut self, scanned_pages: i64, stolen: i64) {
        self.count("pgscan_kswapd", scanned_pages);
        self.count("pgscan_file", scanned_pages);
        self.count("pgsteal_kswapd", stolen / PAGE);
        self.count("pgsteal_file", stolen / PAGE);
        self.cache(-stolen);
    }

    /// Tasks enter reclaim themselves and take bytes from the file cache.
    pub(crate) fn direct_reclaim(&mut self, entries: i64, stolen: i64) {
        self.count("allocstall_normal", entries);
        self.count("pgscan_direct", stolen / PAGE);
        self.count("pgscan_file", stolen / PAGE);
        self.count("pgsteal_direct", stolen / PAGE);
        self.count("pgsteal_file", stolen / PAGE);
        self.cache(-stolen);
    }

    /// Bytes of anonymous memory go to swap and come back.
    pub(crate) fn swap(&mut self, comes: i64, goes: i64) {
        self.count("pswpin", comes / PAGE);
        self.count("pswpout", goes / PAGE);
        self.count("pgmajfault", comes / PAGE);
        *self.meminfo("SwapFree") += comes - goes;
        *self.meminfo("AnonPages") += comes - goes;
        self.take(comes - goes);
    }

    /// A device; one that was not there is idle but for what it is told.
    pub(crate) fn disk(&mut self, name: &str) -> &mut Disk {
        self.disks.entry(name.into()).or_insert_with(|| Disk::idle(name))
    }

    /// A process; one that was not there starts in this second.
    pub(crate) fn process(&mut self, comm: &str) -> &mut Process {
        self.process_of(comm, 0)
    }

    /// The same of several that are called alike, by number.
    pub(crate) fn process_of(&mut self, comm: &str, number: usize) -> &mut Process {
        let key = match number {
            0 => comm.to_string(),
            _ => format!("{comm} {number}"),
        };
        let pid = 1000 + self.processes.len() as u32 + 100 * self.second as u32;
        let start = UPTIME_TICKS + 100 * self.second as u64 + 1;
        self.processes
            .entry(key)
            .or_insert_with(|| Process::new(pid, comm, start))
    }

    /// Where the time of all CPUs goes in this second, in percent; the rest is idle.
    pub(crate) fn cpu(&mut self, user: f64, system: f64, iowait: f64, steal: f64) {
        self.cpu = [user, system, iowait, steal];
    }

    /// Tasks that run, or want to, and tasks that wait for block I/O, when the second ends.
    pub(crate) fn tasks(&mut self, running: i64, blocked: i64) {
        (self.running, self.blocked) = (running, blocked);
    }

    /// Share of the second in which some task, and in which every task, waited for `cpu`, `io` or `memory`.
    pub(crate) fn pressure(&mut self, kind: &'static str, some_percent: f64, full_percent: f64) {
        self.pressure.insert(kind, (some_percent, full_percent));
    }

    /// What a file of a control group says from now on.
    pub(crate) fn group(&mut self, path: &str, file: &str, text: String) {
        self.groups.insert(format!("cgroup{path}/{file}"), text);
    }

    /// A sysctl has this value from now on.
    pub(crate) fn setting(&mut self, name: &str, value: &str) {
        self.fact(&format!("sysctl.{name}"), value);
    }

    /// Any fact: `block.md0`.
    pub(crate) fn fact(&mut self, name: &str, value: &str) {
        self.facts.push((name.into(), value.into()));
    }

    /// The kernel logs a line in the middle of this second.
    pub(crate) fn log(&mut self, text: &str) {
        self.log.push(text.into());
    }

    /// A tracepoint fires a quarter into this second.
    pub(crate) fn event(&mut self, kind: &str, detail: &str) {
        self.events.push((kind.into(), detail.into()));
    }

    /// A file cannot be read when this second ends.
    pub(crate) fn unread(&mut self, source: &'static str) {
        self.unread.push(source);
    }

    /// Nothing is read when this second ends.
    pub(crate) fn unrecorded(&mut self) {
        self.is_recorded = false;
    }

    /// Nobody looks at processes when this second ends.
    pub(crate) fn processes_unseen(&mut self) {
        self.is_looked_at = false;
    }

    /// The machine starts anew: every counter from nothing.
    pub(crate) fn reboot(&mut self) {
        self.boots += 1;
        self.vmstat
            .iter_mut()
            .filter(|(name, _)| !name.starts_with("nr_dirty_"))
            .for_each(|(_, v)| *v = 0);
        self.disks.values_mut().for_each(Disk::reset);
        self.cpu_ticks = [0.0; 5];
    }
}
