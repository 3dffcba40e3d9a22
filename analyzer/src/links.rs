//! What can set off what: the physically possible edges (kernel.md §5.2) and when one is drawn.
//!
//! A link is drawn when its edge stands in [`EDGES`], the onsets allow it, and the subjects fit through the topology. What may never
//! be drawn (§5.3) is simply not in the table: nothing leaves load, iowait or pressure, and no read raises free memory.

use crate::explain::document::{Link, Order};
use crate::rules::Finding;
use crate::topology::Topology;
use model::Subject;

/// How the subjects of cause and effect must relate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fit {
    /// Any.
    Any,
    /// The same device, or one standing on the other.
    Stack,
}

/// A possible edge.
struct Edge {
    from: &'static str,
    to: &'static str,
    /// Largest seconds from onset to onset.
    most_s: f64,
    fit: Fit,
    mechanism: &'static str,
}

const fn edge(from: &'static str, to: &'static str, most_s: f64, fit: Fit, mechanism: &'static str) -> Edge {
    Edge {
        from,
        to,
        most_s,
        fit,
        mechanism,
    }
}

/// Every edge that may be drawn, causes in the order of the chain.
const EDGES: &[Edge] = &[
    edge(
        "setting-changed",
        "watermark-breach",
        10.0,
        Fit::Any,
        "the marks themselves were moved",
    ),
    edge(
        "setting-changed",
        "kswapd-scan",
        10.0,
        Fit::Any,
        "kswapd works towards the new marks",
    ),
    edge(
        "setting-changed",
        "dirty-rise",
        10.0,
        Fit::Any,
        "the dirty limits were moved",
    ),
    edge(
        "memory-total-changed",
        "watermark-breach",
        60.0,
        Fit::Any,
        "memory set aside is not free",
    ),
    edge(
        "memory-total-changed",
        "direct-reclaim",
        10.0,
        Fit::Any,
        "the reservation reclaims to find memory",
    ),
    edge(
        "drop-caches",
        "page-cache-drop",
        30.0,
        Fit::Any,
        "clean pages are dropped by order",
    ),
    edge(
        "device-read-rise",
        "watermark-breach",
        3600.0,
        Fit::Any,
        "each page read takes a free page",
    ),
    edge(
        "anon-rise",
        "watermark-breach",
        3600.0,
        Fit::Any,
        "each page touched takes a free page",
    ),
    edge(
        "shmem-rise",
        "watermark-breach",
        3600.0,
        Fit::Any,
        "tmpfs pages take free pages",
    ),
    edge(
        "slab-rise",
        "watermark-breach",
        3600.0,
        Fit::Any,
        "kernel objects take free pages",
    ),
    edge(
        "device-read-rise",
        "kswapd-scan",
        3600.0,
        Fit::Any,
        "page cache is filled faster than it is freed",
    ),
    edge(
        "anon-rise",
        "kswapd-scan",
        3600.0,
        Fit::Any,
        "anonymous memory takes what was free",
    ),
    edge(
        "anon-rise",
        "swap-out",
        3600.0,
        Fit::Any,
        "the cache is used up, anonymous pages go out",
    ),
    edge(
        "anon-rise",
        "cgroup-reclaim",
        3600.0,
        Fit::Any,
        "the group grows into its limit",
    ),
    edge(
        "anon-rise",
        "oom-kill",
        3600.0,
        Fit::Any,
        "memory is used up and nothing can be reclaimed",
    ),
    edge(
        "watermark-breach",
        "kswapd-scan",
        2.0,
        Fit::Any,
        "below low, kswapd is woken",
    ),
    edge(
        "watermark-breach",
        "direct-reclaim",
        60.0,
        Fit::Any,
        "below min, the allocating task reclaims itself",
    ),
    edge(
        "watermark-breach",
        "compaction-stall",
        60.0,
        Fit::Any,
        "memory short, whoever wants a large block compacts",
    ),
    edge(
        "kswapd-scan",
        "direct-reclaim",
        60.0,
        Fit::Any,
        "kswapd is slower than those who allocate",
    ),
    edge(
        "kswapd-scan",
        "page-cache-drop",
        60.0,
        Fit::Any,
        "scanned pages are freed",
    ),
    edge(
        "kswapd-scan",
        "swap-out",
        60.0,
        Fit::Any,
        "anonymous pages are scanned too",
    ),
    edge(
        "kswapd-scan",
        "refault-storm",
        300.0,
        Fit::Any,
        "what was evicted is needed again",
    ),
    edge(
        "kswapd-scan",
        "major-fault-storm",
        300.0,
        Fit::Any,
        "mapped pages were evicted",
    ),
    edge(
        "reclaim-above-high",
        "page-cache-drop",
        10.0,
        Fit::Any,
        "more is freed than is needed",
    ),
    edge(
        "page-cache-drop",
        "major-fault-storm",
        300.0,
        Fit::Any,
        "mapped pages are gone and must be read again",
    ),
    edge(
        "page-cache-drop",
        "device-read-rise",
        300.0,
        Fit::Any,
        "what was cached is read again",
    ),
    edge(
        "cgroup-reclaim",
        "refault-storm",
        60.0,
        Fit::Any,
        "the group evicts its own pages",
    ),
    edge(
        "swap-out",
        "swap-in",
        3600.0,
        Fit::Any,
        "what went out is touched again",
    ),
    edge(
        "swap-in",
        "major-fault-storm",
        5.0,
        Fit::Any,
        "each page from swap is a major fault",
    ),
    edge(
        "major-fault-storm",
        "device-read-rise",
        3.0,
        Fit::Any,
        "faults read from their home disk",
    ),
    edge(
        "major-fault-storm",
        "device-saturated",
        10.0,
        Fit::Any,
        "faults read from their home disk",
    ),
    edge(
        "refault-storm",
        "device-saturated",
        10.0,
        Fit::Any,
        "evicted pages are read again",
    ),
    edge(
        "device-read-rise",
        "device-saturated",
        10.0,
        Fit::Stack,
        "more is asked than the device gives",
    ),
    edge(
        "device-write-rise",
        "device-saturated",
        10.0,
        Fit::Stack,
        "more is written than the device takes",
    ),
    edge(
        "dirty-rise",
        "writeback-rise",
        35.0,
        Fit::Any,
        "the flusher writes what is dirty",
    ),
    edge(
        "dirty-rise",
        "device-write-rise",
        35.0,
        Fit::Any,
        "the flusher writes what is dirty",
    ),
    edge(
        "writeback-rise",
        "device-saturated",
        10.0,
        Fit::Any,
        "the device takes it more slowly than it comes",
    ),
    edge(
        "device-saturated",
        "device-latency-rise",
        5.0,
        Fit::Stack,
        "requests wait for those before them",
    ),
    edge(
        "device-saturated",
        "blocked-tasks",
        10.0,
        Fit::Any,
        "tasks wait for the device",
    ),
    edge(
        "device-latency-rise",
        "blocked-tasks",
        10.0,
        Fit::Any,
        "tasks wait for the device",
    ),
    edge(
        "device-saturated",
        "iowait-rise",
        5.0,
        Fit::Any,
        "CPUs idle while their tasks wait for the device",
    ),
    edge(
        "device-latency-rise",
        "iowait-rise",
        5.0,
        Fit::Any,
        "CPUs idle while their tasks wait for the device",
    ),
    edge(
        "blocked-tasks",
        "load-rise",
        30.0,
        Fit::Any,
        "waiting tasks count as load",
    ),
    edge(
        "device-saturated",
        "load-rise",
        30.0,
        Fit::Any,
        "tasks that wait for the device count as load",
    ),
    edge(
        "cpu-saturated",
        "load-rise",
        30.0,
        Fit::Any,
        "runnable tasks count as load",
    ),
];

/// Rules about demand, which comes from outside the loops.
const DEMAND: [&str; 4] = ["device-read-rise", "anon-rise", "shmem-rise", "slab-rise"];

/// Rules whose onset is only known to a tick and that stand at the beginning of chains: where the mechanism orders two events of one tick,
/// these give way. All others are moved later only, so that settling ends.
const COARSE: [&str; 2] = ["watermark-breach", "setting-changed"];

/// Within their bounds, moves best onsets so that no effect's lies before its cause's: what the bounds leave open, the mechanism
/// decides. Then sorts by onset, cause before effect.
pub fn settle(findings: &mut [Finding], topology: &Topology) {
    // Each move can make and unmake links: they are drawn anew after it. A move only ever narrows, so this ends; the bound is for
    // findings by the hundred.
    for _ in 0..8 * findings.len() {
        let place = |id: &str| id[1..].parse::<usize>().map_or(0, |n| n - 1);
        let moved = draw(findings, topology).iter().any(|link| {
            let (from, to) = (place(&link.from), place(&link.to));
            let (cause, effect) = (findings[from].onset, findings[to].onset);
            // A coarse onset gives way as far as its own bounds allow, and never moves what is known better.
            let (cause_best, effect_best) = if COARSE.contains(&findings[from].rule) {
                (cause.best.min(effect.best.max(cause.earliest)), effect.best)
            } else {
                let best = effect.best.max(cause.best).min(effect.latest);
                (cause.best.min(best), best)
            };
            findings[from].onset.best = cause_best;
            findings[to].onset.best = effect_best;
            (cause_best, effect_best) != (cause.best, effect.best)
        });
        if !moved {
            break;
        }
    }
    findings.sort_by(|a, b| {
        let rank = |f: &Finding| (f.onset.best, crate::rules::rank(f.rule));
        (rank(a), &a.subject).cmp(&(rank(b), &b.subject))
    });
    // In a tie the order of the rules is a chain's usual one; where this chain runs otherwise (a fault storm that makes a device busy),
    // its links decide.
    for _ in 0..findings.len() {
        let place = |id: &str| id[1..].parse::<usize>().map_or(0, |n| n - 1);
        let links = draw(findings, topology);
        let misplaced = links
            .iter()
            .map(|l| (place(&l.from), place(&l.to)))
            .find(|&(from, to)| from > to && findings[from].onset.best == findings[to].onset.best);
        let Some((from, to)) = misplaced else { break };
        findings[to..=from].rotate_left(1);
    }
}

/// Links among the findings of an incident, whose ids are `e1`, `e2`, … in their order.
pub fn draw(findings: &[Finding], topology: &Topology) -> Vec<Link> {
    let mut links = Vec::new();
    for (to, effect) in findings.iter().enumerate() {
        for edge in EDGES.iter().filter(|e| e.to == effect.rule) {
            // The nearest possible cause speaks for its kind; of demand, one that surely began before: what began in the same
            // second may be the loop answering.
            let cause = findings
                .iter()
                .enumerate()
                .filter(|(from, cause)| {
                    *from != to && cause.rule == edge.from && allows(edge, cause, effect, topology)
                })
                .max_by_key(|(_, cause)| {
                    let outside = DEMAND.contains(&edge.from) && cause.onset.surely_before(effect.onset);
                    (outside, cause.onset.best)
                });
            if let Some((from, cause)) = cause {
                links.push(Link {
                    from: format!("e{}", from + 1),
                    to: format!("e{}", to + 1),
                    mechanism: edge.mechanism.into(),
                    lag_s: (effect.onset.best.seconds_since(cause.onset.best) * 100.0).round() / 100.0,
                    order: order(cause, effect),
                });
            }
        }
    }
    links
}

fn allows(edge: &Edge, cause: &Finding, effect: &Finding, topology: &Topology) -> bool {
    // Demand comes before the shortage that it makes: what is read in the same second as memory gets short may as well be its
    // consequence (evict → fault → read), and a loop is not entered from inside (kernel.md §5.4).
    let is_demand = DEMAND.contains(&edge.from);
    let is_shortage = ["watermark-breach", "kswapd-scan"].contains(&edge.to);
    if is_demand && is_shortage && cause.onset.best >= effect.onset.best {
        return false;
    }
    let in_time = cause.onset.earliest <= effect.onset.latest
        && cause.onset.best.seconds_since(effect.onset.best) <= 1.5
        && effect.onset.best.seconds_since(cause.onset.best) <= edge.most_s
        && cause.onset.best <= effect.onset.latest;
    let fits = match (edge.fit, &cause.subject, &effect.subject) {
        (Fit::Stack, Subject::Device(a), Subject::Device(b)) => a == b || topology.stands_on(a, b),
        (Fit::Any, _, _) => true,
        (Fit::Stack, _, _) => false,
    };
    in_time && fits
}

fn order(cause: &Finding, effect: &Finding) -> Order {
    if cause.since_before || effect.since_before {
        Order::Assumed
    } else if cause.onset.surely_before(effect.onset) {
        Order::Proved
    } else {
        Order::SameSecond
    }
}
