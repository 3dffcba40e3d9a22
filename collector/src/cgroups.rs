//! Control groups, versions 2 and 1: memory, I/O, CPU and pressure of those that move.
//!
//! A thread of its own reads them a little before each beat, for the kernel may have to add up a group's numbers first, and leaves
//! what it read for the tick ([`crate::beside`]). Of each group one cheap file is read at each look; the others when it moved, and
//! else in turn, at every [`IN_TURN`]th look. A file that says what it said is left out until its turn: what is not told holds. The
//! numbers of groups that are looked at, and read whole, in one look are bounded:
//! with more of them each comes in its turn, which `doctor` says.

use crate::beside::{Beside, Found, Shape};
use crate::clock::{Grid, monotonic};
use crate::process_handles::fill;
use crate::recorder::Sender;
use model::Nanos;
use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// Groups are looked at once a second at most, this long before the beat.
const EVERY: Nanos = 1_000_000_000;
const AHEAD: Nanos = 120_000_000;

/// Looks from one search for groups to the next: with few groups [`SEARCH_OFTEN`], with many up to so many.
const SEARCH_EVERY: u64 = 10;
const SEARCH_OFTEN: u64 = 2;

/// Groups that make one look more between two searches.
const SEARCH_COSTS: u64 = 32;

/// A search looks into folders only where their numbers of folders changed; at every so many looks, into all.
const SEARCH_ALL: u64 = 30;

/// Files kept open at most: those that are read at each look.
const MOST_OPEN: usize = 512;

/// Groups that are known at most, and how deep they lie.
const MOST: usize = 4096;
const DEEPEST: usize = 12;

/// Groups whose cheap file is read in one look, and groups that are read whole.
pub(crate) const MOST_LOOKED_AT: usize = 512;
pub(crate) const MOST_READ: usize = 48;

/// A group that rests is read whole at every so many looks.
const IN_TURN: u64 = 30;

/// How the names of files end that say what was set, not what was done: they are read in their turn only.
const SET: [&str; 6] = [
    ".max",
    ".high",
    "limit_in_bytes",
    "_device",
    "quota_us",
    "period_us",
];

/// A hierarchy: where it is mounted, and what is read of each of its groups; the first that exists is the cheap one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hierarchy {
    root: PathBuf,
    cheap: &'static [&'static str],
    files: &'static [&'static str],
}

const V2: &[&str] = &[
    "memory.current",
    "memory.stat",
    "memory.events",
    "memory.max",
    "memory.high",
    "memory.swap.current",
    "memory.swap.max",
    "io.stat",
    "io.max",
    "cpu.stat",
    "cpu.max",
    "memory.pressure",
    "io.pressure",
    "cpu.pressure",
];
const V1_MEMORY: &[&str] = &[
    "memory.usage_in_bytes",
    "memory.limit_in_bytes",
    "memory.soft_limit_in_bytes",
    "memory.stat",
    "memory.failcnt",
    "memory.oom_control",
    "memory.memsw.usage_in_bytes",
    "memory.memsw.limit_in_bytes",
];
const V1_IO: &[&str] = &[
    "blkio.throttle.io_service_bytes",
    "blkio.throttle.io_serviced",
    "blkio.throttle.read_bps_device",
    "blkio.throttle.write_bps_device",
    "blkio.throttle.read_iops_device",
    "blkio.throttle.write_iops_device",
];
const V1_CPU: &[&str] = &["cpu.stat", "cpu.cfs_quota_us", "cpu.cfs_period_us"];

/// The hierarchies below /sys/fs/cgroup, whichever versions are mounted there.
pub(crate) fn hierarchies(sys: &Path) -> Vec<Hierarchy> {
    let cgroup = sys.join("fs/cgroup");
    let of = |name: &str, cheap, files| {
        let root = if name.is_empty() {
            cgroup.clone()
        } else {
            cgroup.join(name)
        };
        Hierarchy { root, cheap, files }
    };
    let mut found = Vec::new();
    for name in ["", "unified"] {
        let v2 = of(name, &["cpu.stat", "memory.current"], V2);
        if v2.root.join("cgroup.controllers").exists() {
            found.push(v2);
        }
    }
    for hierarchy in [
        of("memory", &["memory.usage_in_bytes"], V1_MEMORY),
        of("blkio", &["blkio.throttle.io_service_bytes"], V1_IO),
        of("cpu", &["cpu.stat"], V1_CPU),
    ] {
        if hierarchy.root.join("cgroup.procs").exists() {
            found.push(hierarchy);
        }
    }
    found
}

/// Starts the thread. It ends when recording does. Without any hierarchy there is nothing to do.
///
/// # Errors
/// When there can be no thread.
pub(crate) fn start(sys: &Path, interval: Nanos, beside: Beside, sender: Sender) -> std::io::Result<()> {
    let mut groups = Groups::new(hierarchies(sys));
    if groups.hierarchies.is_empty() {
        return Ok(());
    }
    let counts = sender.counts();
    let work = move || {
        let mut grid = Grid::new(monotonic() + AHEAD, interval.max(EVERY));
        loop {
            let rest = u64::try_from(grid.due() - AHEAD - monotonic()).unwrap_or(0);
            std::thread::sleep(Duration::from_nanos(rest));
            if sender.is_closed() {
                return;
            }
            grid.keep(monotonic() + AHEAD);
            let (mut found, begun) = (Vec::new(), monotonic());
            groups.look(&mut found);
            beside.put(found);
            let took = u64::try_from((monotonic() - begun) / 1000).unwrap_or(0);
            counts.group_looks.fetch_add(1, Relaxed);
            counts.group_look_us.fetch_add(took, Relaxed);
            counts.groups.store(groups.len() as u64, Relaxed);
        }
    };
    std::thread::Builder::new()
        .name("cgroups".into())
        .stack_size(256 << 10)
        .spawn(work)
        .map(drop)
}

/// All groups.
pub(crate) struct Groups {
    hierarchies: Vec<Hierarchy>,
    known: BTreeMap<(usize, String), Group>,
    look: u64,
    searched: u64,
    /// The search before that looked into all folders, and the links of each folder then.
    searched_all: u64,
    links: BTreeMap<(usize, String), u64>,
    open: usize,
    /// After whom the next look goes on, where there are too many for one.
    next: Option<(usize, String)>,
    buffer: Vec<u8>,
}

#[derive(Default)]
struct Group {
    cheap: Vec<u8>,
    cheap_file: Option<File>,
    /// The look at which it last moved.
    moved: u64,
    files: BTreeMap<&'static str, Told>,
    /// The look at which everything of it was told.
    told: u64,
    /// The search that saw it.
    seen: u64,
}

/// What was told of a file.
#[derive(Default)]
struct Told {
    file: Option<File>,
    text: Vec<u8>,
    shape: Shape,
}

impl Groups {
    pub(crate) fn new(hierarchies: Vec<Hierarchy>) -> Groups {
        Groups {
            hierarchies,
            known: BTreeMap::new(),
            look: 0,
            searched: 0,
            searched_all: 0,
            links: BTreeMap::new(),
            open: 0,
            next: None,
            buffer: vec![0; 4096],
        }
    }

    /// How many are known.
    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }

    /// Reads the groups that moved, and of the others those whose turn it is.
    pub(crate) fn look(&mut self, found: &mut Vec<(Arc<str>, Found)>) {
        self.look += 1;
        let apart = (self.known.len() as u64 / SEARCH_COSTS).clamp(SEARCH_OFTEN, SEARCH_EVERY);
        if self.searched == 0 || self.look - self.searched >= apart {
            self.search();
        }
        let keys: Vec<(usize, String)> = self.in_order();
        let mut read = 0;
        for (i, key) in keys.into_iter().enumerate() {
            if self.moved(&key) {
                read += 1;
                self.read(&key, found);
            }
            let is_last = i + 1 >= MOST_LOOKED_AT || read >= MOST_READ;
            self.next = is_last.then_some(key);
            if is_last {
                break;
            }
        }
    }

    /// From the one after the last that the look before came to.
    fn in_order(&self) -> Vec<(usize, String)> {
        let keys = self.known.keys();
        match &self.next {
            None => keys.cloned().collect(),
            Some(next) => {
                let (before, after): (Vec<_>, Vec<_>) = keys.partition(|key| *key <= next);
                after.into_iter().chain(before).cloned().collect()
            }
        }
    }

    /// Whether a group's cheap file says something new, or it is its turn.
    fn moved(&mut self, key: &(usize, String)) -> bool {
        let hierarchy = &self.hierarchies[key.0];
        let Some(group) = self.known.get_mut(key) else {
            return false;
        };
        let is_turn = group.told == 0 || self.look - group.told >= IN_TURN;
        let folder = hierarchy.root.join(&key.1);
        let told = hierarchy.cheap.iter().find_map(|name| {
            let text = read(
                &mut self.buffer,
                &mut self.open,
                &mut group.cheap_file,
                true,
                || folder.join(name),
            );
            text.map(<[u8]>::to_vec)
        });
        let moved = told.as_ref().is_some_and(|told| *told != group.cheap);
        if moved {
            group.cheap = told.unwrap_or_default();
            group.moved = self.look;
        }
        moved || is_turn
    }

    fn read(&mut self, key: &(usize, String), found: &mut Vec<(Arc<str>, Found)>) {
        let hierarchy = &self.hierarchies[key.0];
        let Some(group) = self.known.get_mut(key) else {
            return;
        };
        let is_turn = group.told == 0 || self.look - group.told >= IN_TURN;
        if is_turn {
            group.told = self.look;
        }
        let folder = hierarchy.root.join(&key.1);
        for &name in hierarchy.files {
            let is_set = SET.iter().any(|end| name.ends_with(end));
            if !is_turn && is_set {
                continue;
            }
            let before = monotonic();
            let told = group.files.entry(name).or_default();
            // Those of a group that moves now will be read again soon.
            let keep = !is_set && group.moved == self.look;
            // Not every group has every controller, and it may just have been removed.
            let path = || folder.join(name);
            let Some(text) = read(&mut self.buffer, &mut self.open, &mut told.file, keep, path) else {
                continue;
            };
            let at = before + (monotonic() - before) / 2;
            if !keep {
                self.open -= usize::from(told.file.take().is_some());
            }
            if told.text == text && !is_turn {
                continue;
            }
            told.text.clear();
            told.text.extend_from_slice(text);
            let (template, values) = told.shape.of(text);
            let source = format!("cgroup/{}/{name}", key.1);
            found.push((source.into(), Found { at, template, values }));
        }
    }

    /// Finds new groups, forgets those that are gone. A folder's links count its folders, so that most searches look into none.
    fn search(&mut self) {
        let look = self.look;
        self.searched = look;
        let links = |key: &(usize, String)| links(&self.hierarchies[key.0].root.join(&key.1));
        let same = |(key, before): (&(usize, String), &u64)| *before >= 2 && links(key) == *before;
        if self.searched_all > 0 && look - self.searched_all < SEARCH_ALL && self.links.iter().all(same) {
            return;
        }
        self.searched_all = look;
        self.links.clear();
        for (i, hierarchy) in self.hierarchies.iter().enumerate() {
            let mut folders = vec![(String::new(), 0)];
            while let Some((folder, depth)) = folders.pop() {
                let path = hierarchy.root.join(&folder);
                self.links.insert((i, folder.clone()), self::links(&path));
                for entry in std::fs::read_dir(&path).into_iter().flatten().flatten() {
                    if !entry.file_type().is_ok_and(|kind| kind.is_dir()) || depth >= DEEPEST {
                        continue;
                    }
                    let below = Path::new(&folder).join(entry.file_name());
                    // What is no text could not be told from another by its name.
                    let Some(path) = below.to_str() else { continue };
                    let key = (i, path.to_owned());
                    if self.known.len() < MOST || self.known.contains_key(&key) {
                        self.known.entry(key).or_default().seen = look;
                        folders.push((path.to_owned(), depth + 1));
                    }
                }
            }
        }
        self.known.retain(|_, group| group.seen == look);
        let open = |group: &Group| {
            let files = group.files.values().filter(|told| told.file.is_some()).count();
            files + usize::from(group.cheap_file.is_some())
        };
        self.open = self.known.values().map(open).sum();
    }
}

/// A folder's links; 0: it is not there.
fn links(folder: &Path) -> u64 {
    std::fs::metadata(folder).map_or(0, |meta| meta.nlink())
}

/// Reads a file, kept open if wanted and there is room. `None`: it is not there, or empty.
fn read<'a>(
    buffer: &'a mut Vec<u8>,
    open: &mut usize,
    slot: &mut Option<File>,
    keep: bool,
    path: impl Fn() -> PathBuf,
) -> Option<&'a [u8]> {
    let from = |file: &File, buffer: &mut Vec<u8>| fill(buffer, |rest, at| file.read_at(rest, at)).ok();
    if let Some(file) = slot {
        match from(file, buffer) {
            Some(len) if len > 0 => return Some(&buffer[..len]),
            // It was removed; another may have its name.
            _ => {
                *slot = None;
                *open -= 1;
            }
        }
    }
    let file = File::open(path()).ok()?;
    let len = from(&file, buffer)?;
    if keep && *open < MOST_OPEN {
        *slot = Some(file);
        *open += 1;
    }
    (len > 0).then_some(&buffer[..len])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(sys: &Path, path: &str, text: &str) {
        let path = sys.join("fs/cgroup").join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn told(groups: &mut Groups) -> Vec<String> {
        let mut found = Vec::new();
        groups.look(&mut found);
        let one = |(source, found): &(Arc<str>, Found)| {
            let text = found.template.render(&found.values);
            format!(
                "{source}: {}",
                String::from_utf8_lossy(&text).trim_end().replace('\n', "; ")
            )
        };
        found.iter().map(one).collect()
    }

    #[test]
    fn groups_of_both_versions_are_read_when_they_move() {
        let folder = tempfile::TempDir::new().unwrap();
        let sys = folder.path();
        put(sys, "unified/cgroup.controllers", "");
        put(sys, "unified/a.slice/db.service/cpu.stat", "usage_usec 5\n");
        put(sys, "unified/a.slice/db.service/memory.max", "max\n");
        put(sys, "memory/cgroup.procs", "");
        put(sys, "memory/box/memory.usage_in_bytes", "4096\n");
        put(sys, "memory/box/memory.failcnt", "0\n");
        let mut groups = Groups::new(hierarchies(sys));
        let first = [
            "cgroup/a.slice/db.service/memory.max: max",
            "cgroup/a.slice/db.service/cpu.stat: usage_usec 5",
            "cgroup/box/memory.usage_in_bytes: 4096",
            "cgroup/box/memory.failcnt: 0",
        ];
        assert_eq!(told(&mut groups), first);
        assert_eq!((groups.len(), told(&mut groups).len()), (3, 0));
        put(sys, "memory/box/memory.usage_in_bytes", "8192\n");
        assert_eq!(told(&mut groups), ["cgroup/box/memory.usage_in_bytes: 8192"]);
        // In turn, and then gone.
        let again = (0..IN_TURN).map(|_| told(&mut groups).len()).sum::<usize>();
        assert_eq!(again, 4);
        std::fs::remove_dir_all(sys.join("fs/cgroup/memory/box")).unwrap();
        (0..SEARCH_EVERY).for_each(|_| drop(told(&mut groups)));
        assert_eq!(groups.len(), 2);
    }

    #[test]
    fn of_very_many_each_comes_in_its_turn() {
        let folder = tempfile::TempDir::new().unwrap();
        put(folder.path(), "cgroup.controllers", "");
        for i in 0..2 * MOST_READ {
            put(folder.path(), &format!("g{i:03}/cpu.stat"), "usage_usec 5\n");
        }
        let mut groups = Groups::new(hierarchies(folder.path()));
        let mut all = told(&mut groups);
        assert_eq!(all.len(), MOST_READ);
        all.extend(told(&mut groups));
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 2 * MOST_READ);
    }
}
