//! What each kernel file means: one file per source, pure decoders from templates to columns.
//!
//! A decoder never sees a value. It reads a template's fixed text once and says of each slot which metric of which
//! subject it is, in which unit, gauge or counter; from then on a column needs no parsing. Every slot gets exactly one
//! column: what a newer kernel prints and nobody here knows is kept under a name made of the words before it.
//!
//! Names are the kernel's own, those of its era. [`canonical`] says how to compute what was renamed or split.
//!
//! ```
//! let (template, values) = model::Template::parse(b"MemFree:   123456 kB\n", None);
//! let columns = (sources::find("meminfo").unwrap().decode)(&template);
//! assert_eq!(&*columns[0].metric.name, "meminfo.MemFree");
//! assert_eq!(columns[0].value(values[0]), 123456.0);
//! ```

mod averages;
mod buddyinfo;
pub mod canonical;
mod cgroup;
mod columns;
mod diskstats;
mod layout;
mod loadavg;
mod meminfo;
mod own;
mod pressure;
mod stat;
mod vm_statistics;
mod vmstat;
mod zone;
mod zoneinfo;

use columns::Decoded;
use model::{Column, Template};

/// A kernel file that highwater knows.
pub struct Source {
    /// Name, and path under /proc: `meminfo`, `pressure/io`.
    pub name: &'static str,
    /// Where the kernel defines and documents it.
    pub kernel_doc: &'static str,
    /// One line for a person: what can be read from it.
    pub about: &'static str,
    /// Says what each slot of a template is: one column per slot, in the order of the slots.
    pub decode: fn(&Template) -> Vec<Column>,
    describe: fn(&Template) -> Decoded,
}

impl Source {
    /// The columns of a template whose meaning is not known. Their names are made up from the words before the number.
    pub fn unknown(&self, template: &Template) -> Vec<Column> {
        let Decoded { columns, unknown } = (self.describe)(template);
        columns
            .into_iter()
            .filter(|column| unknown.binary_search(&column.slot).is_ok())
            .collect()
    }
}

macro_rules! source {
    ($name:literal, $kernel_doc:literal, $about:literal, $describe:expr) => {
        Source {
            name: $name,
            kernel_doc: $kernel_doc,
            about: $about,
            decode: |template| ($describe)(template).columns,
            describe: $describe,
        }
    };
}

static ALL: [Source; 11] = [
    source!(
        "vmstat",
        "mm/vmstat.c (vmstat_text)",
        "reclaim, faults, paging, compaction and the sizes of all page lists",
        vmstat::decode
    ),
    source!(
        "meminfo",
        "Documentation/filesystems/proc.rst, fs/proc/meminfo.c",
        "what memory is used for, in kB",
        meminfo::decode
    ),
    source!(
        "zoneinfo",
        "mm/vmstat.c (zoneinfo_show_print)",
        "free pages and watermarks of each zone, statistics of zones and nodes, per-CPU page lists",
        zoneinfo::decode
    ),
    source!(
        "buddyinfo",
        "Documentation/filesystems/proc.rst, mm/vmstat.c (frag_show_print)",
        "free blocks by zone and order: whether free memory is in large enough pieces",
        buddyinfo::decode
    ),
    source!(
        "diskstats",
        "Documentation/admin-guide/iostats.rst, block/genhd.c (diskstats_show)",
        "I/Os, sectors, times and queue of each block device",
        diskstats::decode
    ),
    source!(
        "stat",
        "Documentation/filesystems/proc.rst, fs/proc/stat.c",
        "processor time by kind, interrupts, context switches, forks, tasks running and blocked",
        stat::decode
    ),
    source!(
        "loadavg",
        "Documentation/filesystems/proc.rst, kernel/sched/loadavg.c",
        "load averages, and runnable and existing tasks of this moment",
        loadavg::decode
    ),
    source!(
        "pressure/cpu",
        "Documentation/accounting/psi.rst, kernel/sched/psi.c",
        "how long tasks waited for a CPU",
        |template| pressure::decode("pressure/cpu", template)
    ),
    source!(
        "pressure/io",
        "Documentation/accounting/psi.rst, kernel/sched/psi.c",
        "how long tasks waited for I/O",
        |template| pressure::decode("pressure/io", template)
    ),
    source!(
        "pressure/memory",
        "Documentation/accounting/psi.rst, kernel/sched/psi.c",
        "how long tasks waited for memory: reclaim, compaction, refaults, swap-in",
        |template| pressure::decode("pressure/memory", template)
    ),
    source!(
        "pressure/irq",
        "Documentation/accounting/psi.rst, kernel/sched/psi.c",
        "how long interrupts held tasks up (6.1 and later)",
        |template| pressure::decode("pressure/irq", template)
    ),
];

/// All of them that every machine may have, in the order in which the collector reads them: the memory files, which
/// are balanced against each other, stand together. Files of control groups are [`cgroup_files`].
pub fn all() -> &'static [Source] {
    &ALL
}

/// The files of a control group (version 2, then 1). Their readings are called `cgroup/<path>/<name>`.
pub fn cgroup_files() -> &'static [Source] {
    &cgroup::FILES
}

static AVERAGES: Source = source!(
    "averages",
    "none: written by `analyzer import`",
    "averages over intervals, as sar keeps them, integrated: differences give them back",
    averages::decode
);

/// The source that imports of averages write. No machine has a file of this name.
pub fn averages() -> &'static Source {
    &AVERAGES
}

static OWN: Source = source!(
    "highwater/self",
    "none: written by `collector`",
    "what recording costs: lateness of ticks, time of each file, queue, gaps",
    own::decode
);

static BURST: Source = source!(
    "highwater/burst",
    "none: written by `collector`",
    "a few numbers of meminfo, vmstat and diskstats, ten times a second for some seconds after a stall",
    own::decode_burst
);

/// The source of readings that are closer than ticks.
pub fn burst() -> &'static Source {
    &BURST
}

/// The source in which the collector says what it costs itself. It is a text as good as any, but no file.
pub fn own() -> &'static Source {
    &OWN
}

/// The source of this name: `meminfo`, `pressure/io`, `cgroup/system.slice/db.service/memory.stat`.
///
/// A cgroup's path is in the name only, so what is found for it decodes columns of a cgroup without path: use
/// [`decode`] for names that may be those of control groups.
pub fn find(name: &str) -> Option<&'static Source> {
    match cgroup::path_and_file(name) {
        Some((_, file)) => cgroup::FILES.iter().find(|source| source.name == file),
        None => ALL
            .iter()
            .chain([&AVERAGES, &OWN, &BURST])
            .find(|source| source.name == name),
    }
}

/// The columns of a template of the source of this name; `None` when nobody knows the source.
pub fn decode(name: &str, template: &Template) -> Option<Vec<Column>> {
    match cgroup::path_and_file(name) {
        Some(_) => decode_cgroup(name, template),
        None => find(name).map(|source| (source.decode)(template)),
    }
}

/// The columns of a control group's file, whose path is taken from the source's name; `None` when it is no such name or
/// nobody knows the file.
///
/// The subject is [`model::Subject::Cgroup`] with the path as /proc/PID/cgroup prints it (`/system.slice/db.service`,
/// `/` for the root). The lines of `io.stat` are about one device each: their subject is the path, a space and the
/// device, `/system.slice/db.service 259:0`, and [`cgroup_device`] takes it apart.
pub fn decode_cgroup(name: &str, template: &Template) -> Option<Vec<Column>> {
    let (path, file) = cgroup::path_and_file(name)?;
    let known = cgroup::FILES.iter().any(|source| source.name == file);
    known.then(|| cgroup::decode(&format!("/{path}"), file, template).columns)
}

/// Path and `major:minor` of a subject of `cgroup.io_…`; no device for every other subject of a cgroup.
pub fn cgroup_device(subject: &str) -> (&str, Option<&str>) {
    cgroup::split_device(subject)
}
