//! What reclaim does, and what comes back. What kernels of different ages call by other names comes through
//! [`sources::canonical`] (kernel.md §1.6, §3.1).
//!
//! | signal | unit | derivation |
//! |---|---|---|
//! | `reclaim.kswapd_scan`, `reclaim.direct_scan` | pages/s | pgscan_kswapd*, pgscan_direct* without `pgscan_direct_throttle` (events) |
//! | `reclaim.steal` | pages/s | pages freed by kswapd, direct, khugepaged and proactive reclaim; RHEL 6: Σ pgsteal_zone |
//! | `reclaim.memcg_steal` | pages/s | M5: Σ pgsteal_{anon,file} − the above: freed by limits of control groups |
//! | `reclaim.direct_entries` | 1/s | allocstall*: tasks that had to reclaim for themselves |
//! | `io.inflow`, `io.outflow` | B/s | pgpgin, pgpgout (KiB, at submission) |
//! | `reclaim.surplus` | B/s | M2: steal − inflow: what reclaim freed beyond what was read |
//! | `refault.file`, `refault.anon`, `refault.activate` | pages/s | workingset_* |
//! | `fault.major`, `fault.all` | 1/s | pgmajfault, pgfault |
//! | `swap.in`, `swap.out` | pages/s | pswpin, pswpout |
//! | `compact.stall`, `compact.fail`, `thp.fallback` | 1/s | compact_stall, compact_fail, thp_fault_fallback |
//! | `drop.calls` | 1/s | drop_pagecache + drop_slab; counted when the pass ends |
//! | `oom.kills` | 1/s | oom_kill |
//! | `numa.miss` | pages/s | numa_miss |
//! | `write.dirtied`, `write.written` | pages/s | nr_dirtied, nr_written |

use super::{Signals, canonical_rate, rate};
use crate::window::Window;

pub(super) fn derive(window: &Window, signals: &mut Signals) {
    for (name, unit, metric) in [
        ("reclaim.kswapd_scan", "pages/s", "vmstat.pgscan_kswapd"),
        ("reclaim.direct_scan", "pages/s", "vmstat.pgscan_direct"),
        ("reclaim.steal", "pages/s", "vmstat.pgsteal"),
        ("reclaim.direct_steal", "pages/s", "vmstat.pgsteal_direct"),
        ("reclaim.direct_entries", "1/s", "vmstat.allocstall"),
        ("refault.file", "pages/s", "vmstat.workingset_refault_file"),
        ("refault.activate", "pages/s", "vmstat.workingset_activate_file"),
    ] {
        signals.extend(canonical_rate(window, name, unit, metric));
    }
    let memcg = canonical_rate(window, "reclaim.memcg_steal", "pages/s", "vmstat.pgsteal_memcg");
    signals.extend(memcg.map(|mut signal| {
        // The two views are read one after the other: a little less than nothing is nothing, and unknown stays unknown.
        signal
            .values
            .iter_mut()
            .filter(|v| **v < 0.0)
            .for_each(|v| *v = 0.0);
        signal
    }));
    for (name, unit, metrics, factor) in [
        ("io.inflow", "B/s", &["vmstat.pgpgin"][..], 1024.0),
        ("io.outflow", "B/s", &["vmstat.pgpgout"], 1024.0),
        (
            "refault.anon",
            "pages/s",
            &["vmstat.workingset_refault_anon"],
            1.0,
        ),
        ("fault.major", "1/s", &["vmstat.pgmajfault"], 1.0),
        ("fault.all", "1/s", &["vmstat.pgfault"], 1.0),
        ("swap.in", "pages/s", &["vmstat.pswpin", "vmstat.swpin_zero"], 1.0),
        (
            "swap.out",
            "pages/s",
            &["vmstat.pswpout", "vmstat.swpout_zero"],
            1.0,
        ),
        ("compact.stall", "1/s", &["vmstat.compact_stall"], 1.0),
        ("compact.fail", "1/s", &["vmstat.compact_fail"], 1.0),
        (
            "compact.migrate_scanned",
            "pages/s",
            &["vmstat.compact_migrate_scanned"],
            1.0,
        ),
        ("thp.fallback", "1/s", &["vmstat.thp_fault_fallback"], 1.0),
        ("thp.alloc", "1/s", &["vmstat.thp_fault_alloc"], 1.0),
        (
            "drop.calls",
            "1/s",
            &["vmstat.drop_pagecache", "vmstat.drop_slab"],
            1.0,
        ),
        ("oom.kills", "1/s", &["vmstat.oom_kill"], 1.0),
        ("numa.miss", "pages/s", &["vmstat.numa_miss"], 1.0),
        ("write.dirtied", "pages/s", &["vmstat.nr_dirtied"], 1.0),
        ("write.written", "pages/s", &["vmstat.nr_written"], 1.0),
        ("balloon.inflate", "pages/s", &["vmstat.balloon_inflate"], 1.0),
        ("slab.scanned", "1/s", &["vmstat.slabs_scanned"], 1.0),
        ("free.pages", "pages/s", &["vmstat.pgfree"], 1.0),
    ] {
        signals.extend(rate(window, name, unit, metrics, factor));
    }
    let page = f64::from(window.boot.page_size);
    let surplus = signals.combine("reclaim.surplus", "B/s", &["reclaim.steal", "io.inflow"], |v| {
        v[0] * page - v[1]
    });
    signals.extend(surplus);
}
