//! The four zones of the two nodes: their marks as published, what is in them, and the sizes of their free blocks.

use super::curve::{Noise, Seconds};
use super::memory::Memory;
use super::reclaim::Reclaim;
use super::{KSWAPD_WAKES, cpu};

/// A zone as it was made at boot. Sizes in pages; `present` is such that 90,112 kB of reserve, shared by it, give the
/// published marks.
struct Zone {
    node: u32,
    name: &'static str,
    start: u64,
    spanned: u64,
    present: u64,
    marks: [u64; 3],
    protection: [u64; 4],
    stat_threshold: u64,
    inactive_ratio: u64,
    /// Share of file pages and of everything else.
    share: [f64; 2],
}

const ZONES: [Zone; 4] = [
    Zone {
        node: 0,
        name: "DMA",
        start: 1,
        spanned: 4_095,
        present: 3_836,
        marks: [5, 6, 7],
        protection: [0, 1_844, 32_146, 32_146],
        stat_threshold: 8,
        inactive_ratio: 1,
        share: [0.0, 0.0],
    },
    Zone {
        node: 0,
        name: "DMA32",
        start: 4_096,
        spanned: 1_044_480,
        present: 472_260,
        marks: [644, 805, 966],
        protection: [0, 0, 30_301, 30_301],
        stat_threshold: 40,
        inactive_ratio: 4,
        share: [0.03, 0.012],
    },
    Zone {
        node: 0,
        name: "Normal",
        start: 1_048_576,
        spanned: 7_864_832,
        present: 7_757_305,
        marks: [10_586, 13_232, 15_879],
        protection: [0; 4],
        stat_threshold: 72,
        inactive_ratio: 17,
        share: [0.47, 0.478],
    },
    Zone {
        node: 1,
        name: "Normal",
        start: 8_913_408,
        spanned: 8_388_608,
        present: 8_273_920,
        marks: [11_291, 14_113, 16_936],
        protection: [0; 4],
        stat_threshold: 72,
        inactive_ratio: 17,
        share: [0.5, 0.51],
    },
];

/// Allocations that a task of another node made.
const OTHER: [u64; 4] = [0, 0, 64_118_402, 71_300_419];

/// Free pages of each zone. DMA is left alone; DMA32 keeps what is reserved in it from requests for Normal memory.
fn free(memory: &Memory, t: Seconds) -> [u64; 4] {
    let all = memory.pages("MemFree", t);
    let dma = 3_933;
    let beyond = all.saturating_sub(67_000) as f64;
    let dma32 = 31_150 + (0.035 * beyond) as u64;
    let normal = all.saturating_sub(dma + dma32);
    let sway = 0.008 * beyond * Noise::new("nodes").at(t, 30.0);
    let node0 = (0.465 * normal as f64 + sway) as u64;
    [dma, dma32, node0, normal - node0]
}

/// A total divided among the zones, in lots of 64 pages; the last takes what is left.
fn divide(total: u64, kind: usize) -> [u64; 4] {
    let mut parts = [0; 4];
    for (part, zone) in parts.iter_mut().zip(&ZONES) {
        *part = (total as f64 * zone.share[kind]) as u64 & !63;
    }
    parts[3] = total - parts[..3].iter().sum::<u64>();
    parts
}

/// The file.
pub(super) fn zoneinfo(memory: &Memory, reclaim: &Reclaim, t: Seconds) -> String {
    let free = free(memory, t);
    let file = |name: &str| divide(memory.pages(name, t), 0);
    let other = |name: &str| divide(memory.pages(name, t), 1);
    let allocated = reclaim.allocated(memory, t);
    let hits = divide(allocated - allocated / 40, 0);
    let sum = |a: [u64; 4], b: [u64; 4]| std::array::from_fn(|zone| a[zone] + b[zone]);
    let nothing = [0; 4];
    let mut stacks = divide(memory.threads(t), 1);
    stacks[0] = 0;
    let statistics: [(&str, [u64; 4]); 30] = [
        ("nr_free_pages", free),
        ("nr_inactive_anon", other("Inactive(anon)")),
        ("nr_active_anon", other("Active(anon)")),
        ("nr_inactive_file", file("Inactive(file)")),
        ("nr_active_file", file("Active(file)")),
        ("nr_unevictable", nothing),
        ("nr_mlock", nothing),
        ("nr_anon_pages", other("AnonPages")),
        ("nr_mapped", file("Mapped")),
        ("nr_file_pages", sum(file("Cached"), file("Buffers"))),
        ("nr_dirty", file("Dirty")),
        ("nr_writeback", file("Writeback")),
        ("nr_slab_reclaimable", other("SReclaimable")),
        ("nr_slab_unreclaimable", other("SUnreclaim")),
        ("nr_page_table_pages", other("PageTables")),
        ("nr_kernel_stack", stacks),
        ("nr_unstable", nothing),
        ("nr_bounce", nothing),
        ("nr_vmscan_write", nothing),
        ("nr_writeback_temp", nothing),
        ("nr_isolated_anon", nothing),
        ("nr_isolated_file", nothing),
        ("nr_shmem", other("Shmem")),
        ("numa_hit", hits),
        ("numa_miss", [0, 0, 20_118_407, 41_085_711]),
        ("numa_foreign", [0, 0, 41_085_711, 20_118_407]),
        ("numa_interleave", [0, 0, 9_220, 9_222]),
        (
            "numa_local",
            std::array::from_fn(|zone| hits[zone].saturating_sub(OTHER[zone])),
        ),
        ("numa_other", OTHER),
        ("nr_anon_transparent_hugepages", nothing),
    ];
    let mut text = String::new();
    for (index, zone) in ZONES.iter().enumerate() {
        let Zone {
            node,
            name,
            start,
            spanned,
            present,
            marks: [min, low, high],
            protection,
            ..
        } = zone;
        text += &format!("Node {node}, zone {name:>8}\n  pages free     {}\n", free[index]);
        text += &format!("        min      {min}\n        low      {low}\n        high     {high}\n");
        text += &format!("        scanned  0\n        spanned  {spanned}\n        present  {present}\n");
        for (statistic, values) in &statistics {
            text += &format!("    {statistic:<12} {}\n", values[index]);
        }
        let [a, b, c, d] = protection;
        text += &format!("        protection: ({a}, {b}, {c}, {d})\n  pagesets\n");
        for processor in 0..cpu::CPUS {
            let (count, high, batch) = pageset(index, processor, t);
            text += &format!("    cpu: {processor}\n              count: {count}\n");
            text += &format!("              high:  {high}\n              batch: {batch}\n");
            text += &format!("  vm stats threshold: {}\n", zone.stat_threshold);
        }
        text += "  all_unreclaimable: 0\n  prev_priority:     12\n";
        text += &format!(
            "  start_pfn:         {start}\n  inactive_ratio:    {}\n",
            zone.inactive_ratio
        );
    }
    text
}

/// Free pages that a processor keeps for itself: count, high, batch. DMA has none.
fn pageset(zone: usize, processor: usize, t: Seconds) -> (u64, u64, u64) {
    if zone == 0 {
        return (0, 0, 1);
    }
    let noise = Noise::new("pageset").nth((zone * 64 + processor) as u64);
    (
        186 - (noise.pick((t / 60.0 + processor as f64 / 7.0) as i64) * 120.0) as u64,
        186,
        31,
    )
}

/// The file.
pub(super) fn buddyinfo(memory: &Memory, t: Seconds) -> String {
    let mut text = String::new();
    for (index, (zone, free)) in ZONES.iter().zip(free(memory, t)).enumerate() {
        text += &format!("Node {}, zone {:>8} ", zone.node, zone.name);
        for count in blocks(index, free, t) {
            text += &format!("{count:>6} ");
        }
        text += "\n";
    }
    text
}

/// Blocks of order 0 to 10 that make up `free` pages.
///
/// Before, a part of the free memory is in large blocks; the stream takes the small ones first and splits the large, so that
/// at the low mark none of order 4 or more is left. What kswapd then frees lies scattered between unmovable kernel pages
/// (4.7 GB of slab, 1.8 GB of page tables) and hardly ever makes a block of order 4. DMA32 is hardly used and stays whole.
fn blocks(zone: usize, free: u64, t: Seconds) -> [u64; 11] {
    const WHOLE: [f64; 11] = [0.06, 0.09, 0.12, 0.13, 0.13, 0.12, 0.1, 0.08, 0.07, 0.05, 0.05];
    const SCATTERED: [f64; 11] = [0.53, 0.3, 0.148, 0.0216, 0.0003, 0.0001, 0.0, 0.0, 0.0, 0.0, 0.0];
    if zone == 0 {
        return [1, 0, 1, 1, 1, 0, 1, 0, 1, 1, 3];
    }
    let noise = Noise::new("buddies").nth(zone as u64);
    let mut counts = [0; 11];
    let mut rest = free;
    for order in (1..11).rev() {
        let pages = match zone {
            1 => WHOLE[order] * free as f64,
            _ if t < KSWAPD_WAKES => {
                let spare = free.saturating_sub(15_000) as f64;
                if order >= 4 {
                    WHOLE[order] * spare
                } else {
                    WHOLE[order] * free as f64
                }
            }
            _ => SCATTERED[order] * free as f64,
        };
        let period = if zone == 1 { 10.0 } else { 2.0 };
        let pages = pages * (1.0 + 0.12 * noise.nth(order as u64).at(t, period));
        // In lots, where there are many: the archive is the smaller for it.
        let lot = if pages > 100_000.0 { !127 } else { !0 };
        counts[order] = ((pages as u64).min(rest) >> order) & lot;
        rest -= counts[order] << order;
    }
    counts[0] = rest;
    counts
}

#[cfg(test)]
mod tests {
    use super::super::{disks::Disks, published};
    use super::*;

    /// vm.min_free_kbytes in pages.
    const RESERVE: u64 = 90_112 / 4;

    #[test]
    fn marks_are_those_of_the_excerpt_and_follow_from_the_sizes() {
        const EXCERPT: &str = include_str!("../../../../sample-data/page-cache-post-sar/zoneinfo-grep.txt");
        let all: u64 = ZONES.iter().map(|zone| zone.present).sum();
        for (zone, part) in ZONES.iter().zip(EXCERPT.split("--")) {
            let min = RESERVE * zone.present / all;
            assert_eq!(zone.marks, [min, min + min / 4, min + min / 2]);
            for (name, mark) in ["min", "low", "high"].iter().zip(zone.marks) {
                assert!(
                    part.contains(&format!("{name} {mark}\n")),
                    "{name} {mark} in {part}"
                );
            }
        }
        // lowmem_reserve: the zones above, divided by 256.
        assert_eq!(
            ZONES[0].protection[1..3],
            [
                ZONES[1].present / 256,
                (ZONES[1].present + ZONES[2].present) / 256
            ]
        );
        assert_eq!(ZONES[1].protection[2], ZONES[2].present / 256);
    }

    #[test]
    fn no_large_blocks_although_much_is_free() {
        let memory = Memory::new(&published::readings().unwrap(), &Disks::new());
        for t in [825.0, 1000.0, 1500.0, 1799.0] {
            let free = free(&memory, t);
            for zone in [2, 3] {
                let [min, _, high] = ZONES[zone].marks;
                let counts = blocks(zone, free[zone], t);
                let pages: u64 = counts
                    .iter()
                    .enumerate()
                    .map(|(order, count)| count << order)
                    .sum();
                let large: u64 = (4..11).map(|order| counts[order] << order).sum();
                assert_eq!(pages, free[zone]);
                assert!(pages > 50 * high);
                // 2.6.32's test for an order of two or more fails.
                assert!(large <= (high - min) / 4, "{large}");
            }
        }
        let before = blocks(2, free(&memory, 700.0)[2], 700.0);
        assert!((4..11).map(|order| before[order] << order).sum::<u64>() > 100_000);
    }

    #[test]
    fn zones_add_up() {
        let memory = Memory::new(&published::readings().unwrap(), &Disks::new());
        for t in [0.0, 812.0, 812.92709, 813.0, 818.0, 1700.0] {
            assert_eq!(free(&memory, t).iter().sum::<u64>(), memory.pages("MemFree", t));
        }
    }
}
