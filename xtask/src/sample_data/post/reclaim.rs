//! What kswapd does, and /proc/vmstat as 2.6.32 prints it. Pages stolen are not chosen: they are what was read minus what
//! the cache grew by. Only the scan's yield, the faults and the other rates are (from the post's `sar -B` rows).

use super::curve::{Curve, Flow, Noise, Seconds, rise};
use super::disks::Disks;
use super::memory::Memory;
use super::{FAULTS_BEGIN, KSWAPD_WAKES};

/// Counters of events.
#[derive(Debug)]
pub(super) struct Reclaim {
    stolen: Flow,
    scanned: Flow,
    read_kilobytes: Flow,
    written_kilobytes: Flow,
    freed: Flow,
    faults: Flow,
    major_faults: Flow,
    activated: Flow,
    refilled: Flow,
    deactivated: Flow,
    slabs: Flow,
    runs: Flow,
    compacted: Flow,
    free_at_start: f64,
}

/// What a zone has of pages that are allocated, scanned and stolen: DMA32 and Normal.
const DMA32: f64 = 0.032;

impl Reclaim {
    /// Adds everything up.
    pub(super) fn new(memory: &Memory, disks: &Disks) -> Reclaim {
        let noise = Noise::new("vmstat");
        let slope = |of: &dyn Fn(Seconds) -> f64, t: Seconds| (of(t + 0.01) - of(t - 0.01)) / 0.02;
        let steal = |t: Seconds| {
            if t < KSWAPD_WAKES + 0.01 {
                return 0.0;
            }
            (slope(&|t| memory.inflow(t), t) - slope(&|t| memory.file_cache(t), t)) / 4.0
        };
        // The first interval of the post's rows has a yield of 48 %: mapped and referenced pages are looked at more than
        // once on the way down. Then 84 to 86 %.
        let scan_yield = Curve::through([
            (812.95, 0.86),
            (815.0, 0.84),
            (815.6, 0.45),
            (820.9, 0.4),
            (822.0, 0.8),
            (835.0, 0.845),
        ]);
        let trouble = |t| rise(t, KSWAPD_WAKES, 2.0);
        let down = |t: Seconds| f64::from(u8::from((815.0..821.0).contains(&t)));
        Reclaim {
            stolen: Flow::of(18_220_446.0, steal),
            scanned: Flow::of(24_418_907.0, |t| {
                steal(t) / (scan_yield.at(t) + 0.01 * noise.at(t, 7.0))
            }),
            read_kilobytes: Flow::of(0.0, |t| slope(&|t| disks.read_sectors(t) / 2.0, t)),
            written_kilobytes: Flow::of(0.0, |t| slope(&|t| disks.submitted_write_sectors(t) / 2.0, t)),
            freed: Flow::of(9_118_400_233.0, |t| {
                let churn = 8_900.0 + 22_000.0 * trouble(t);
                let grown = slope(&|t| memory.value("MemFree", t) / 4.0, t).max(0.0);
                // At least what became free was freed.
                (churn * (1.0 + 0.25 * noise.nth(1).at(t, 1.3)) + steal(t)).max(grown + 5_000.0)
            }),
            faults: Flow::of(7_440_118_209.0, |t| {
                8_300.0 * (1.0 + 0.2 * noise.nth(2).at(t, 1.0) + 0.1 * noise.nth(3).at(t, 60.0))
            }),
            major_faults: Flow::of(118_402.0, |t| {
                let own_disk = slope(&|t| disks.spinning_reads(t), t);
                0.25 * (1.0 + noise.nth(4).at(t, 4.0)) + 1.03 * own_disk * rise(t, FAULTS_BEGIN, 0.3)
            }),
            activated: Flow::of(204_118_733.0, |t| {
                450.0 * (1.0 + 0.4 * noise.nth(5).at(t, 2.0)) + 2_600.0 * trouble(t)
            }),
            refilled: Flow::of(31_200_554.0, |t| 340_000.0 * down(t) + 2_900.0 * trouble(t)),
            deactivated: Flow::of(26_804_110.0, |t| 172_000.0 * down(t) + 2_300.0 * trouble(t)),
            slabs: Flow::of(88_204_416.0, |t| 61_000.0 * down(t) + 6_400.0 * trouble(t)),
            runs: Flow::of(412_009.0, |t| {
                23.0 * trouble(t) * (1.0 + 0.2 * noise.nth(6).at(t, 1.0))
            }),
            compacted: Flow::of(1_204_330.0, |t| {
                2_400.0 * trouble(t) * (1.0 + 0.3 * noise.nth(7).at(t, 1.0))
            }),
            free_at_start: memory.value("MemFree", 0.0) / 4.0,
        }
    }

    /// Pages that were allocated until `t`: what was freed and is not free any more.
    pub(super) fn allocated(&self, memory: &Memory, t: Seconds) -> u64 {
        (self.freed.at(t) - (memory.value("MemFree", t) / 4.0 - self.free_at_start)) as u64
    }

    /// The file.
    pub(super) fn vmstat(&self, memory: &Memory, t: Seconds) -> String {
        let gauge = |name: &str| memory.pages(name, t);
        let count = |flow: &Flow| flow.count(t);
        let dma32 = |flow: &Flow| (flow.at(t) * DMA32) as u64;
        let normal = |flow: &Flow| flow.count(t) - (flow.at(t) * DMA32) as u64;
        let allocated = self.allocated(memory, t);
        let of_dma32 = (allocated as f64 * DMA32) as u64;
        // One call in forty asks for more than a page.
        let hits = allocated - allocated / 40;
        let compacted = count(&self.compacted);
        let isolated = if t > KSWAPD_WAKES {
            32 * (1 + (t as u64).is_multiple_of(3) as u64)
        } else {
            0
        };
        let lines: [(&str, u64); 91] = [
            ("nr_free_pages", gauge("MemFree")),
            ("nr_inactive_anon", gauge("Inactive(anon)")),
            ("nr_active_anon", gauge("Active(anon)")),
            ("nr_inactive_file", gauge("Inactive(file)")),
            ("nr_active_file", gauge("Active(file)")),
            ("nr_unevictable", 0),
            ("nr_mlock", 0),
            ("nr_anon_pages", gauge("AnonPages")),
            ("nr_mapped", gauge("Mapped")),
            ("nr_file_pages", gauge("Cached") + gauge("Buffers")),
            ("nr_dirty", gauge("Dirty")),
            ("nr_writeback", gauge("Writeback")),
            ("nr_slab_reclaimable", gauge("SReclaimable")),
            ("nr_slab_unreclaimable", gauge("SUnreclaim")),
            ("nr_page_table_pages", gauge("PageTables")),
            ("nr_kernel_stack", memory.threads(t)),
            ("nr_unstable", 0),
            ("nr_bounce", 0),
            ("nr_vmscan_write", 0),
            ("nr_writeback_temp", 0),
            ("nr_isolated_anon", 0),
            ("nr_isolated_file", isolated),
            ("nr_shmem", gauge("Shmem")),
            ("numa_hit", hits),
            ("numa_miss", 61_204_118),
            ("numa_foreign", 61_204_118),
            ("numa_interleave", 18_442),
            ("numa_local", hits - 135_418_821),
            ("numa_other", 135_418_821),
            ("nr_anon_transparent_hugepages", 0),
            ("pgpgin", 1_604_218_557 + count(&self.read_kilobytes)),
            ("pgpgout", 3_540_114_902 + count(&self.written_kilobytes)),
            ("pswpin", 0),
            ("pswpout", 0),
            ("pgalloc_dma", 2),
            ("pgalloc_dma32", of_dma32),
            ("pgalloc_normal", allocated - of_dma32),
            ("pgalloc_movable", 0),
            ("pgfree", count(&self.freed)),
            ("pgactivate", count(&self.activated)),
            ("pgdeactivate", count(&self.deactivated)),
            ("pgfault", count(&self.faults)),
            ("pgmajfault", count(&self.major_faults)),
            ("pgrefill_dma", 0),
            ("pgrefill_dma32", dma32(&self.refilled)),
            ("pgrefill_normal", normal(&self.refilled)),
            ("pgrefill_movable", 0),
            ("pgsteal_dma", 0),
            ("pgsteal_dma32", dma32(&self.stolen)),
            ("pgsteal_normal", normal(&self.stolen)),
            ("pgsteal_movable", 0),
            ("pgscan_kswapd_dma", 0),
            ("pgscan_kswapd_dma32", dma32(&self.scanned)),
            ("pgscan_kswapd_normal", normal(&self.scanned)),
            ("pgscan_kswapd_movable", 0),
            ("pgscan_direct_dma", 0),
            ("pgscan_direct_dma32", 0),
            ("pgscan_direct_normal", 0),
            ("pgscan_direct_movable", 0),
            ("zone_reclaim_failed", 0),
            ("pginodesteal", 0),
            ("slabs_scanned", count(&self.slabs)),
            // kswapd did all of it: nobody ever reclaimed directly.
            ("kswapd_steal", count(&self.stolen)),
            ("kswapd_inodesteal", 402_118),
            ("kswapd_low_wmark_hit_quickly", 1_204 + count(&self.runs) / 900),
            ("kswapd_high_wmark_hit_quickly", 388),
            ("kswapd_skip_congestion_wait", 0),
            ("pageoutrun", count(&self.runs)),
            ("allocstall", 0),
            ("pgrotated", 2_204_117),
            // kswapd's own attempts at larger blocks; nobody stalls for them.
            ("compact_blocks_moved", compacted / 3),
            ("compact_pages_moved", compacted),
            ("compact_pagemigrate_failed", compacted / 7),
            ("compact_stall", 41),
            ("compact_fail", 12),
            ("compact_success", 29),
            ("htlb_buddy_alloc_success", 0),
            ("htlb_buddy_alloc_fail", 0),
            ("unevictable_pgs_culled", 0),
            ("unevictable_pgs_scanned", 0),
            ("unevictable_pgs_rescued", 0),
            ("unevictable_pgs_mlocked", 0),
            ("unevictable_pgs_munlocked", 0),
            ("unevictable_pgs_cleared", 0),
            ("unevictable_pgs_stranded", 0),
            ("unevictable_pgs_mlockfreed", 0),
            ("thp_fault_alloc", 20_118),
            ("thp_fault_fallback", 744),
            ("thp_collapse_alloc", 3_106),
            ("thp_collapse_alloc_failed", 88),
            ("thp_split", 23_224),
        ];
        lines
            .iter()
            .map(|(name, value)| format!("{name} {value}\n"))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::published;
    use super::*;

    /// M2 and M3 of the kernel's book-keeping: what was read and newly written, less what was stolen, is what the cache grew
    /// by, over any ten seconds of trouble; and what is read into memory is what the disks read.
    #[test]
    fn the_books_balance() {
        let disks = Disks::new();
        let memory = Memory::new(&published::readings().unwrap(), &disks);
        let reclaim = Reclaim::new(&memory, &disks);
        let get = |text: &str, name: &str| -> f64 {
            let line = text
                .lines()
                .find(|line| line.split(' ').next() == Some(name))
                .expect(name);
            line.split(' ').nth(1).unwrap().parse().unwrap()
        };
        for from in (0..1780).step_by(10) {
            let (a, b) = (f64::from(from), f64::from(from + 10));
            let (before, after) = (reclaim.vmstat(&memory, a), reclaim.vmstat(&memory, b));
            let grown = |name: &str| get(&after, name) - get(&before, name);
            let stolen = grown("pgsteal_dma32") + grown("pgsteal_normal");
            assert!((grown("kswapd_steal") - stolen).abs() < 1.0);
            let read = grown("pgpgin") / 4.0;
            let error = grown("nr_file_pages") - (read + 2_875.0 - stolen);
            assert!(
                error.abs() < 0.01 * read + 1_000.0,
                "{error} pages unaccounted for in {a}..{b}"
            );
            let sectors = disks.read_sectors(b) - disks.read_sectors(a);
            assert!((grown("pgpgin") - sectors / 2.0).abs() < 200.0);
            let freed = grown("pgfree") - grown("pgalloc_dma32") - grown("pgalloc_normal");
            assert!((freed - grown("nr_free_pages")).abs() < 4.0);
        }
    }
}
