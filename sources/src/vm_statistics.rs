//! The kernel's `vmstat_text`: the names that /proc/vmstat and /proc/zoneinfo share, with unit and kind.
//!
//! The names alone do not tell: `nr_dirtied` counts up, `nr_dirty` does not, `pgscan_direct_throttle` counts tasks and
//! not pages. From mm/vmstat.c and where each is counted, 2.6.32 to 6.18. Counters are exact at read time; gauges may
//! lag by up to 125 pages a CPU and zone.

use model::{Kind, Unit};

/// Names and families (`pgalloc_*`: a suffix per zone or per reclaimer). An exact name goes before a family.
const STATISTICS: [(Unit, Kind, &str); 7] = [
    (
        Unit::Pages,
        Kind::Gauge,
        "nr_free_pages nr_free_pages_blocks nr_alloc_batch nr_pages_scanned nr_zone_* nr_inactive_anon nr_active_anon
         nr_inactive_file nr_active_file nr_unevictable nr_mlock nr_anon_pages nr_mapped nr_file_pages nr_dirty
         nr_writeback nr_writeback_temp nr_unstable nr_shmem nr_slab_reclaimable nr_slab_unreclaimable
         nr_page_table_pages nr_sec_page_table_pages nr_bounce nr_isolated_anon nr_isolated_file nr_free_cma
         nr_unaccepted nr_zspages nr_kernel_misc_reclaimable nr_iommu_pages nr_swapcached nr_hugetlb nr_balloon_pages
         nr_kernel_file_pages nr_gpu_active nr_gpu_reclaim nr_vmalloc nr_dirty_threshold
         nr_dirty_background_threshold nr_memmap_pages nr_memmap_boot_pages",
    ),
    // Counted in base pages inside the kernel since 5.11, but printed in huge pages by all (vmstat_item_print_in_thp).
    (
        Unit::Count,
        Kind::Gauge,
        "nr_anon_transparent_hugepages nr_shmem_hugepages nr_shmem_pmdmapped nr_file_hugepages nr_file_pmdmapped
         workingset_nodes",
    ),
    (Unit::Kibibytes, Kind::Gauge, "nr_shadow_call_stack"),
    // 4.14 to 4.19 count it in bytes and print it in zoneinfo alone, under an empty name.
    (Unit::Bytes, Kind::Gauge, "nr_indirectly_reclaimable"),
    // Kept in sectors, printed halved (vmstat_start).
    (Unit::Kibibytes, Kind::Counter, "pgpgin pgpgout"),
    (
        Unit::Pages,
        Kind::Counter,
        "pswpin pswpout swap_ra swap_ra_hit swpin_zero swpout_zero zswpin zswpout zswpwb
         pgalloc_* pgskip_* pgfree pgactivate pgdeactivate pglazyfree pglazyfreed pgrefill pgrefill_* pgrotated
         pgsteal_* pgscan_* pgdemote_* pgpromote_* pginodesteal kswapd_steal kswapd_inodesteal
         nr_dirtied nr_written nr_vmscan_write nr_vmscan_immediate_reclaim nr_throttled_written
         nr_foll_pin_acquired nr_foll_pin_released
         workingset_refault workingset_refault_* workingset_activate workingset_activate_*
         workingset_restore workingset_restore_* unevictable_pgs_* balloon_* numa_pages_migrated
         pgmigrate_success pgmigrate_fail compact_pages_moved compact_pagemigrate_failed compact_isolated
         compact_migrate_scanned compact_free_scanned compact_daemon_migrate_scanned compact_daemon_free_scanned",
    ),
    (
        Unit::Count,
        Kind::Counter,
        "pgfault pgmajfault pgreuse allocstall allocstall_* pgscan_direct_throttle pageoutrun slabs_scanned
         kswapd_low_wmark_hit_quickly kswapd_high_wmark_hit_quickly kswapd_skip_congestion_wait
         zone_reclaim_success zone_reclaim_failed workingset_nodereclaim drop_pagecache drop_slab oom_kill
         numa_* thp_* compact_* htlb_* cma_* cow_ksm ksm_swpin_copy direct_map_* vma_lock_* vmacache_* kstack_*
         nr_tlb_remote_flush nr_tlb_remote_flush_received nr_tlb_local_flush_all nr_tlb_local_flush_one",
    ),
];

/// How the kernel that printed a file counts what changed its unit under the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Era {
    /// Before 4.8: LRU lists per zone, `nr_kernel_stack` in stacks.
    ZoneLists,
    /// 4.8 and later: LRU lists per node, `nr_kernel_stack` in KiB. Both came in the same release.
    NodeLists,
}

/// Unit and kind of a statistic; `None` when no kernel known to us has it.
pub(crate) fn meaning(name: &str, era: Era) -> Option<(Unit, Kind)> {
    if name == "nr_kernel_stack" {
        return Some(match era {
            Era::ZoneLists => (Unit::Count, Kind::Gauge),
            Era::NodeLists => (Unit::Kibibytes, Kind::Gauge),
        });
    }
    let find = |matches: fn(&str, &str) -> bool| {
        STATISTICS
            .iter()
            .find(|(_, _, names)| {
                names
                    .split_ascii_whitespace()
                    .any(|pattern| matches(pattern, name))
            })
            .map(|(unit, kind, _)| (*unit, *kind))
    };
    find(|pattern, name| pattern == name).or_else(|| {
        find(|pattern, name| {
            pattern
                .strip_suffix('*')
                .is_some_and(|family| name.starts_with(family))
        })
    })
}
