//! Where the memory is.
//!
//! | signal | unit | derivation |
//! |---|---|---|
//! | `mem.total`, `mem.free`, `mem.anon`, `mem.shmem`, `mem.slab`, `mem.slab_reclaimable`, `mem.slab_unreclaimable`, `mem.mapped`, `mem.page_tables`, `mem.dirty`, `mem.writeback` | B | meminfo × 1,024 |
//! | `mem.file_cache` | B | Cached + Buffers − Shmem: `Cached` alone includes tmpfs (kernel.md §3.4) |
//! | `mem.huge_pages` | B | HugePages_Total × Hugepagesize |
//! | `mem.cpu_lists` | B | Σ of the pagesets' counts in zoneinfo: free, and not in MemFree |
//! | `mem.unaccounted` | B | M1's residual U: MemTotal − all the rest, free pages in the CPUs' own lists included |
//! | `mem.*_growth` | B/s | change of the above since the tick before |
//! | `dirty.background_share` | ratio | (nr_dirty) / nr_dirty_background_threshold; where vmstat has no threshold, from the sysctls (kernel.md §4.5) |
//! | `zone.over_high` | ratio | free / (high + reserve), each zone of at least 2 % of the memory |
//! | `zone.headroom_low` | pages | free − low − reserve, likewise |
//! | `zone.high` | pages | the mark itself |
//! | `buddy.free_blocks_ge4` | pages | pages in free blocks of order ≥ 4 of a zone |
//! | `buddy.unusable9` | ratio | share of a zone's free memory in blocks too small for a huge page |

use super::{Signal, Signals, gauge};
use crate::window::Window;
use model::Subject;

const KIB: f64 = 1024.0;

pub(super) fn derive(window: &Window, signals: &mut Signals) {
    for (name, metric) in [
        ("mem.total", "meminfo.MemTotal"),
        ("mem.free", "meminfo.MemFree"),
        ("mem.anon", "meminfo.AnonPages"),
        ("mem.shmem", "meminfo.Shmem"),
        ("mem.slab", "meminfo.Slab"),
        ("mem.slab_reclaimable", "meminfo.SReclaimable"),
        ("mem.slab_unreclaimable", "meminfo.SUnreclaim"),
        ("mem.mapped", "meminfo.Mapped"),
        ("mem.page_tables", "meminfo.PageTables"),
        ("mem.dirty", "meminfo.Dirty"),
        ("mem.writeback", "meminfo.Writeback"),
        ("mem.cached", "meminfo.Cached"),
        ("mem.buffers", "meminfo.Buffers"),
        ("mem.swap_free", "meminfo.SwapFree"),
        ("mem.swap_total", "meminfo.SwapTotal"),
        ("mem.active_file", "meminfo.Active(file)"),
        ("mem.inactive_file", "meminfo.Inactive(file)"),
        ("mem.committed", "meminfo.Committed_AS"),
    ] {
        signals.extend(gauge(window, name, "B", metric, KIB));
    }
    let cache = signals.combine(
        "mem.file_cache",
        "B",
        &["mem.cached", "mem.buffers", "mem.shmem"],
        |v| v[0] + v[1] - v[2],
    );
    signals.extend(cache);
    signals.extend(huge_pages(window));
    signals.extend(cpu_lists(window));
    signals.extend(unaccounted(window));
    for (name, of) in [
        ("mem.free_growth", "mem.free"),
        ("mem.file_cache_growth", "mem.file_cache"),
        ("mem.anon_growth", "mem.anon"),
        ("mem.shmem_growth", "mem.shmem"),
        ("mem.slab_growth", "mem.slab"),
        ("mem.mapped_growth", "mem.mapped"),
        ("mem.unaccounted_growth", "mem.unaccounted"),
        ("mem.dirty_growth", "mem.dirty"),
    ] {
        let growth = signals.host(of).map(|s| growth(window, name, s));
        signals.extend(growth);
    }
    signals.extend(dirty_share(window, signals));
    zones(window, signals);
    buddies(window, signals);
}

impl Extend<Signal> for Signals {
    fn extend<I: IntoIterator<Item = Signal>>(&mut self, signals: I) {
        signals.into_iter().for_each(|s| self.add(s));
    }
}

fn growth(window: &Window, name: &'static str, of: &Signal) -> Signal {
    let mut values = vec![f64::NAN; of.values.len()];
    for (i, value) in values.iter_mut().enumerate().skip(1) {
        if window.continuous[i] {
            *value = (of.values[i] - of.values[i - 1]) / (of.at[i] - of.at[i - 1]);
        }
    }
    Signal {
        name,
        unit: "B/s",
        subject: Subject::Host,
        at: of.at.clone(),
        values,
    }
}

fn huge_pages(window: &Window) -> Option<Signal> {
    let count = window.get("meminfo.HugePages_Total", &Subject::Host)?;
    let size = window.get("meminfo.Hugepagesize", &Subject::Host)?;
    let values = count
        .values
        .iter()
        .zip(&size.values)
        .map(|(n, kib)| n * kib * KIB)
        .collect();
    Some(Signal {
        name: "mem.huge_pages",
        unit: "B",
        subject: Subject::Host,
        at: count.at.clone(),
        values,
    })
}

/// Bytes free in the CPUs' own lists, which MemFree leaves out: since 6.7 up to an eighth of a zone (mm/page_alloc.c, zone_highsize).
/// A CPU that went away has given its list back.
fn cpu_lists(window: &Window) -> Option<Signal> {
    const COUNT: &str = "zoneinfo.pageset_count";
    let page = f64::from(window.boot.page_size);
    let lists = window.subjects(COUNT);
    let lists: Vec<_> = lists.iter().filter_map(|list| window.get(COUNT, list)).collect();
    let sum = |i: usize| {
        let known = lists.iter().map(|list| list.values[i]).filter(|v| !v.is_nan());
        known
            .reduce(|sum, more| sum + more)
            .map_or(f64::NAN, |pages| pages * page)
    };
    Some(Signal {
        name: "mem.cpu_lists",
        unit: "B",
        subject: Subject::Host,
        at: lists.first()?.at.clone(),
        values: (0..window.len()).map(sum).collect(),
    })
}

/// M1: what MemTotal holds that no line of meminfo names. Its growth is a driver, a balloon, the network.
fn unaccounted(window: &Window) -> Option<Signal> {
    let total = window.get("meminfo.MemTotal", &Subject::Host)?;
    let get = |name: &str| window.get(&format!("meminfo.{name}"), &Subject::Host);
    let parts: Vec<_> = [
        "MemFree",
        "Buffers",
        "Cached",
        "SwapCached",
        "AnonPages",
        "Slab",
        "PageTables",
        "KernelStack",
        "Percpu",
    ]
    .into_iter()
    .filter_map(get)
    .collect();
    let huge = huge_pages(window);
    let lists = cpu_lists(window);
    let values = (0..window.len())
        .map(|i| {
            let named: f64 = parts.iter().map(|p| p.values[i] * KIB).sum();
            let of = |part: &Option<Signal>| part.as_ref().map_or(0.0, |signal| signal.values[i]);
            total.values[i] * KIB - named - of(&huge) - of(&lists)
        })
        .collect();
    Some(Signal {
        name: "mem.unaccounted",
        unit: "B",
        subject: Subject::Host,
        at: total.at.clone(),
        values,
    })
}

fn dirty_share(window: &Window, signals: &Signals) -> Option<Signal> {
    let page = f64::from(window.boot.page_size);
    let dirty = signals.host("mem.dirty")?;
    let limit: Vec<f64> = match window.get("vmstat.nr_dirty_background_threshold", &Subject::Host) {
        Some(threshold) => threshold.values.iter().map(|v| v * page).collect(),
        None => {
            let ratio = window.setting("vm.dirty_background_ratio")?.parse::<f64>().ok()?;
            let parts = ["mem.free", "mem.active_file", "mem.inactive_file"].map(|n| signals.host(n));
            let [Some(free), Some(active), Some(inactive)] = parts else {
                return None;
            };
            (0..window.len())
                .map(|i| (free.values[i] + active.values[i] + inactive.values[i]) * ratio / 100.0)
                .collect()
        }
    };
    let values = dirty
        .values
        .iter()
        .zip(&limit)
        .map(|(d, l)| if *l > 0.0 { d / l } else { f64::NAN })
        .collect();
    Some(Signal {
        name: "dirty.background_share",
        unit: "ratio",
        subject: Subject::Host,
        at: dirty.at.clone(),
        values,
    })
}

fn zones(window: &Window, signals: &mut Signals) {
    let managed = if window.has("zoneinfo.managed") {
        "zoneinfo.managed"
    } else {
        "zoneinfo.present"
    };
    let size = |s: &Subject| {
        window.get(managed, s).map_or(0.0, |m| {
            m.values.iter().copied().find(|v| !v.is_nan()).unwrap_or(0.0)
        })
    };
    let subjects = window.subjects("zoneinfo.free");
    let all: f64 = subjects.iter().map(size).sum();
    for subject in &subjects {
        // Small zones (DMA) are kept from ordinary requests by their reserve; their marks say nothing of pressure.
        if size(subject) < 0.02 * all || size(subject) == 0.0 {
            continue;
        }
        let get = |name: &str| window.get(name, subject);
        let (Some(free), Some(low), Some(high)) =
            (get("zoneinfo.free"), get("zoneinfo.low"), get("zoneinfo.high"))
        else {
            continue;
        };
        // The reserve against requests that could have used a higher zone: the largest entry of `protection`.
        let reserve: Vec<f64> = (0..window.len())
            .map(|i| {
                (0..5)
                    .filter_map(|k| get(&format!("zoneinfo.protection_{k}")))
                    .map(|p| p.values[i])
                    .filter(|v| !v.is_nan())
                    .fold(0.0, f64::max)
            })
            .collect();
        let each = |name, unit, f: &dyn Fn(usize) -> f64| Signal {
            name,
            unit,
            subject: subject.clone(),
            at: free.at.clone(),
            values: (0..window.len()).map(f).collect(),
        };
        signals.add(each("zone.free", "pages", &|i| free.values[i]));
        signals.add(each("zone.low", "pages", &|i| low.values[i] + reserve[i]));
        signals.add(each("zone.high", "pages", &|i| high.values[i] + reserve[i]));
        signals.add(each("zone.over_high", "ratio", &|i| {
            free.values[i] / (high.values[i] + reserve[i])
        }));
        signals.add(each("zone.headroom_low", "pages", &|i| {
            free.values[i] - low.values[i] - reserve[i]
        }));
    }
}

fn buddies(window: &Window, signals: &mut Signals) {
    let mut zones: Vec<Subject> = Vec::new();
    let mut orders: Vec<(u32, usize, Subject)> = Vec::new();
    for subject in window.subjects("buddyinfo.free_blocks") {
        let Subject::Order { node, zone, order } = &subject else {
            continue;
        };
        let zone = Subject::Zone {
            node: *node,
            zone: zone.clone(),
        };
        let index = zones.iter().position(|z| *z == zone).unwrap_or_else(|| {
            zones.push(zone);
            zones.len() - 1
        });
        orders.push((*order, index, subject.clone()));
    }
    for (index, zone) in zones.iter().enumerate() {
        let mine: Vec<_> = orders
            .iter()
            .filter(|(_, z, _)| *z == index)
            .filter_map(|(order, _, s)| {
                window
                    .get("buddyinfo.free_blocks", s)
                    .map(|series| (*order, series))
            })
            .collect();
        let Some((_, first)) = mine.first() else { continue };
        let pages_ge = |least: u32, i: usize| -> f64 {
            mine.iter()
                .filter(|(o, _)| *o >= least)
                .map(|(o, s)| s.values[i] * f64::from(1u32 << o))
                .sum()
        };
        let each = |name, unit, f: &dyn Fn(usize) -> f64| Signal {
            name,
            unit,
            subject: zone.clone(),
            at: first.at.clone(),
            values: (0..window.len()).map(f).collect(),
        };
        signals.add(each("buddy.free_blocks_ge4", "pages", &|i| pages_ge(4, i)));
        signals.add(each("buddy.unusable9", "ratio", &|i| {
            let all = pages_ge(0, i);
            if all > 0.0 {
                1.0 - pages_ge(9, i) / all
            } else {
                f64::NAN
            }
        }));
    }
}
