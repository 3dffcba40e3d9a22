//! One name for what kernels of different ages call, split or place differently.
//!
//! Columns keep the kernel's own names. A reader that wants the pages scanned by kswapd on any kernel asks here which
//! of the names at hand to add (and, rarely, to subtract). `None` means that this kernel does not say: absent, never 0.
//!
//! ```
//! use model::{Subject, Template};
//! let (template, values) = Template::parse(b"pgscan_kswapd_dma32 3\npgscan_kswapd_normal 4\n", None);
//! let columns = (sources::find("vmstat").unwrap().decode)(&template);
//! let scan = sources::canonical::slots(&columns, "vmstat.pgscan_kswapd", &Subject::Host).unwrap();
//! assert_eq!(scan.add.iter().map(|&slot| values[slot]).sum::<u64>(), 7);
//! assert_eq!(sources::canonical::slots(&columns, "vmstat.pgscan_direct", &Subject::Host), None);
//! ```
//!
//! For counters a formula is about differences: take the rate of each part, then add. A part that is unknown at some
//! instant makes the whole unknown.

use model::{Column, Subject};

/// Zone suffixes of vmstat counters (TEXTS_FOR_ZONES in mm/vmstat.c).
const ZONES: [&str; 6] = ["dma", "dma32", "normal", "high", "movable", "device"];

/// A metric that is computed differently on different kernels.
pub struct Canonical {
    /// The name to ask for.
    pub name: &'static str,
    /// What it is, for a person.
    pub about: &'static str,
    /// Formulas; the first whose parts are there is taken, newest kernels first. `x_*` is x_dma, x_dma32, … (at least
    /// one), `?x` is taken along where it is there: what some kernels have split off.
    pub ways: &'static [&'static str],
}

/// All metrics that need it. Any other name stands for itself.
pub static CANONICAL: [Canonical; 20] = [
    Canonical {
        name: "vmstat.pgscan_kswapd",
        about: "pages inspected by kswapd; by zone before 4.8",
        ways: &["pgscan_kswapd", "pgscan_kswapd_*"],
    },
    Canonical {
        name: "vmstat.pgscan_direct",
        about: "pages inspected by allocating tasks; by zone before 4.8",
        ways: &["pgscan_direct", "pgscan_direct_*"],
    },
    Canonical {
        name: "vmstat.pgscan",
        about: "pages inspected by global reclaim, whoever did it",
        ways: &[
            "pgscan_kswapd + pgscan_direct + ?pgscan_khugepaged + ?pgscan_proactive",
            "pgscan_kswapd_* + pgscan_direct_*",
        ],
    },
    Canonical {
        name: "vmstat.pgsteal_kswapd",
        about: "pages freed by kswapd; by zone before 4.8",
        ways: &["pgsteal_kswapd", "pgsteal_kswapd_*", "kswapd_steal"],
    },
    Canonical {
        name: "vmstat.pgsteal_direct",
        about: "pages freed by allocating tasks; on 2.6.32 all that kswapd did not free, for cgroup limits too",
        ways: &["pgsteal_direct", "pgsteal_direct_*", "pgsteal_* - kswapd_steal"],
    },
    Canonical {
        name: "vmstat.pgsteal",
        about: "pages freed by global reclaim, whoever did it; on 2.6.32 for cgroup limits too",
        ways: &[
            "pgsteal_kswapd + pgsteal_direct + ?pgsteal_khugepaged + ?pgsteal_proactive",
            "pgsteal_kswapd_* + pgsteal_direct_*",
            "pgsteal_*",
            // sar keeps the total only.
            "pgsteal",
        ],
    },
    Canonical {
        name: "vmstat.pgsteal_memcg",
        about: "pages freed for cgroup limits: the view by page type less the view by reclaimer (5.8 and later)",
        ways: &[
            "pgsteal_anon + pgsteal_file - pgsteal_kswapd - pgsteal_direct - ?pgsteal_khugepaged - ?pgsteal_proactive",
        ],
    },
    Canonical {
        name: "vmstat.pgrefill",
        about: "pages of the active lists looked at for deactivation; by zone before 4.8",
        ways: &["pgrefill", "pgrefill_*"],
    },
    Canonical {
        name: "vmstat.allocstall",
        about: "entries into global direct reclaim; by zone on newer kernels",
        ways: &["allocstall", "allocstall_*"],
    },
    Canonical {
        name: "vmstat.pgalloc",
        about: "base pages allocated, all zones",
        ways: &["pgalloc_*"],
    },
    Canonical {
        name: "vmstat.pgskip",
        about: "pages that reclaim skipped because they were of the wrong zone",
        ways: &["pgskip_*"],
    },
    Canonical {
        name: "vmstat.workingset_refault_file",
        about: "file pages that came back after eviction; before 5.9 no others were counted",
        ways: &["workingset_refault_file", "workingset_refault"],
    },
    Canonical {
        name: "vmstat.workingset_activate_file",
        about: "refaults that a little more memory would have spared; before 5.9 of file pages only",
        ways: &["workingset_activate_file", "workingset_activate"],
    },
    Canonical {
        name: "vmstat.workingset_restore_file",
        about: "refaults of pages that had been active; before 5.9 of file pages only",
        ways: &["workingset_restore_file", "workingset_restore"],
    },
    Canonical {
        name: "vmstat.thp_split_page",
        about: "huge pages split",
        ways: &["thp_split_page", "thp_split"],
    },
    Canonical {
        name: "zoneinfo.managed",
        about: "size of a zone: the pages that can be allocated, on old kernels those present",
        ways: &["managed", "present"],
    },
    Canonical {
        name: "zoneinfo.nr_inactive_file",
        about: "inactive file pages of a zone or node",
        ways: &["nr_inactive_file", "nr_zone_inactive_file"],
    },
    Canonical {
        name: "zoneinfo.nr_active_file",
        about: "active file pages of a zone or node",
        ways: &["nr_active_file", "nr_zone_active_file"],
    },
    Canonical {
        name: "zoneinfo.nr_inactive_anon",
        about: "inactive anonymous pages of a zone or node",
        ways: &["nr_inactive_anon", "nr_zone_inactive_anon"],
    },
    Canonical {
        name: "zoneinfo.nr_active_anon",
        about: "active anonymous pages of a zone or node",
        ways: &["nr_active_anon", "nr_zone_active_anon"],
    },
];

/// What to add and what to subtract: names, slots, or whatever a reader has for a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Formula<T> {
    /// Parts that add up; at least one.
    pub add: Vec<T>,
    /// Parts that are taken off.
    pub subtract: Vec<T>,
}

/// How to compute a metric from other metrics of the same subject. `look_up` gives what a reader has for a full metric
/// name (a column, a series, the name itself), or `None` when it has nothing of that name.
pub fn formula<T>(metric: &str, look_up: impl Fn(&str) -> Option<T>) -> Option<Formula<T>> {
    let Some(canonical) = CANONICAL.iter().find(|canonical| canonical.name == metric) else {
        return look_up(metric).map(|one| Formula {
            add: vec![one],
            subtract: Vec::new(),
        });
    };
    let source = metric.split_once('.').map_or("", |(source, _)| source);
    canonical
        .ways
        .iter()
        .find_map(|way| follow(way, |name| look_up(&format!("{source}.{name}"))))
}

/// How to compute a metric of a subject from the columns of one template: slots to add and to subtract.
///
/// What kernels before 4.8 count by zone, a node has as the sum of its zones.
pub fn slots(columns: &[Column], metric: &str, subject: &Subject) -> Option<Formula<usize>> {
    let of = |subject: &Subject| {
        formula(metric, |name| {
            columns
                .iter()
                .find(|c| &*c.metric.name == name && c.subject == *subject)
                .map(|c| c.slot)
        })
    };
    of(subject).or_else(|| {
        let Subject::Node(node) = *subject else {
            return None;
        };
        let mut zones: Vec<&Subject> = Vec::new();
        for column in columns {
            let is_ours = matches!(column.subject, Subject::Zone { node: of, .. } if of == node);
            if is_ours && !zones.contains(&&column.subject) {
                zones.push(&column.subject);
            }
        }
        let mut sum = Formula {
            add: Vec::new(),
            subtract: Vec::new(),
        };
        for part in zones.into_iter().filter_map(of) {
            sum.add.extend(part.add);
            sum.subtract.extend(part.subtract);
        }
        (!sum.add.is_empty()).then_some(sum)
    })
}

/// Looks up all parts of one way; `None` when one is missing that must be there.
fn follow<T>(way: &str, look_up: impl Fn(&str) -> Option<T>) -> Option<Formula<T>> {
    let mut formula = Formula {
        add: Vec::new(),
        subtract: Vec::new(),
    };
    let mut subtract = false;
    for term in way.split(' ') {
        let name = term.trim_start_matches('?');
        let found: Vec<T> = match name.strip_suffix('*') {
            _ if matches!(name, "+" | "-") => {
                subtract = name == "-";
                continue;
            }
            Some(family) => ZONES
                .iter()
                .filter_map(|zone| look_up(&format!("{family}{zone}")))
                .collect(),
            None => look_up(name).into_iter().collect(),
        };
        if found.is_empty() && !term.starts_with('?') {
            return None;
        }
        let side = if subtract {
            &mut formula.subtract
        } else {
            &mut formula.add
        };
        side.extend(found);
    }
    Some(formula)
}
