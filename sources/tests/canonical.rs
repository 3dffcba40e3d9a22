//! Which names each kernel adds up for one canonical metric.

mod common;

use common::{ERAS, decode, fixture};
use expect_test::expect;
use model::{Column, Subject};
use sources::canonical::{CANONICAL, Formula, formula, slots};
use std::fmt::Write;

fn columns(era: &str, source: &str) -> Vec<Column> {
    decode(source, &fixture(era, source).expect("a fixture")).0
}

fn print(formula: Option<Formula<String>>) -> String {
    let Some(Formula { add, subtract }) = formula else {
        return "absent".into();
    };
    let minus: String = subtract.iter().map(|name| format!(" - {name}")).collect();
    add.join(" + ") + &minus
}

/// The slots of a formula as names, with the subjects that are not the one asked for.
fn by_name(columns: &[Column], metric: &str, subject: &Subject) -> String {
    let named = |slot: &usize| format!("{}@{}", columns[*slot].metric.name, columns[*slot].subject);
    let of_slots = slots(columns, metric, subject).map(|f| Formula {
        add: f.add.iter().map(named).collect(),
        subtract: f.subtract.iter().map(named).collect(),
    });
    let suffix = format!("@{subject}");
    let source = format!("{}.", metric.split('.').next().unwrap_or(""));
    print(of_slots).replace(&suffix, "").replace(&source, "")
}

#[test]
fn vmstat_in_every_era() {
    let mut out = String::new();
    let eras: Vec<_> = ERAS.iter().map(|era| (era, columns(era, "vmstat"))).collect();
    for canonical in CANONICAL.iter().filter(|c| c.name.starts_with("vmstat.")) {
        writeln!(out, "{}: {}", canonical.name, canonical.about).expect("a String takes all");
        for (era, columns) in &eras {
            let formula = by_name(columns, canonical.name, &Subject::Host);
            writeln!(out, "  {era:10}  {formula}").expect("a String takes all");
        }
    }
    expect![[r#"
        vmstat.pgscan_kswapd: pages inspected by kswapd; by zone before 4.8
          2.6.32-el6  pgscan_kswapd_dma + pgscan_kswapd_dma32 + pgscan_kswapd_normal + pgscan_kswapd_movable
          3.10-el7    pgscan_kswapd_dma + pgscan_kswapd_dma32 + pgscan_kswapd_normal + pgscan_kswapd_movable
          4.19        pgscan_kswapd
          5.10        pgscan_kswapd
          6.18        pgscan_kswapd
        vmstat.pgscan_direct: pages inspected by allocating tasks; by zone before 4.8
          2.6.32-el6  pgscan_direct_dma + pgscan_direct_dma32 + pgscan_direct_normal + pgscan_direct_movable
          3.10-el7    pgscan_direct_dma + pgscan_direct_dma32 + pgscan_direct_normal + pgscan_direct_movable
          4.19        pgscan_direct
          5.10        pgscan_direct
          6.18        pgscan_direct
        vmstat.pgscan: pages inspected by global reclaim, whoever did it
          2.6.32-el6  pgscan_kswapd_dma + pgscan_kswapd_dma32 + pgscan_kswapd_normal + pgscan_kswapd_movable + pgscan_direct_dma + pgscan_direct_dma32 + pgscan_direct_normal + pgscan_direct_movable
          3.10-el7    pgscan_kswapd_dma + pgscan_kswapd_dma32 + pgscan_kswapd_normal + pgscan_kswapd_movable + pgscan_direct_dma + pgscan_direct_dma32 + pgscan_direct_normal + pgscan_direct_movable
          4.19        pgscan_kswapd + pgscan_direct
          5.10        pgscan_kswapd + pgscan_direct
          6.18        pgscan_kswapd + pgscan_direct + pgscan_khugepaged + pgscan_proactive
        vmstat.pgsteal_kswapd: pages freed by kswapd; by zone before 4.8
          2.6.32-el6  kswapd_steal
          3.10-el7    pgsteal_kswapd_dma + pgsteal_kswapd_dma32 + pgsteal_kswapd_normal + pgsteal_kswapd_movable
          4.19        pgsteal_kswapd
          5.10        pgsteal_kswapd
          6.18        pgsteal_kswapd
        vmstat.pgsteal_direct: pages freed by allocating tasks; on 2.6.32 all that kswapd did not free, for cgroup limits too
          2.6.32-el6  pgsteal_dma + pgsteal_dma32 + pgsteal_normal + pgsteal_movable - kswapd_steal
          3.10-el7    pgsteal_direct_dma + pgsteal_direct_dma32 + pgsteal_direct_normal + pgsteal_direct_movable
          4.19        pgsteal_direct
          5.10        pgsteal_direct
          6.18        pgsteal_direct
        vmstat.pgsteal: pages freed by global reclaim, whoever did it; on 2.6.32 for cgroup limits too
          2.6.32-el6  pgsteal_dma + pgsteal_dma32 + pgsteal_normal + pgsteal_movable
          3.10-el7    pgsteal_kswapd_dma + pgsteal_kswapd_dma32 + pgsteal_kswapd_normal + pgsteal_kswapd_movable + pgsteal_direct_dma + pgsteal_direct_dma32 + pgsteal_direct_normal + pgsteal_direct_movable
          4.19        pgsteal_kswapd + pgsteal_direct
          5.10        pgsteal_kswapd + pgsteal_direct
          6.18        pgsteal_kswapd + pgsteal_direct + pgsteal_khugepaged + pgsteal_proactive
        vmstat.pgsteal_memcg: pages freed for cgroup limits: the view by page type less the view by reclaimer (5.8 and later)
          2.6.32-el6  absent
          3.10-el7    absent
          4.19        absent
          5.10        pgsteal_anon + pgsteal_file - pgsteal_kswapd - pgsteal_direct
          6.18        pgsteal_anon + pgsteal_file - pgsteal_kswapd - pgsteal_direct - pgsteal_khugepaged - pgsteal_proactive
        vmstat.pgrefill: pages of the active lists looked at for deactivation; by zone before 4.8
          2.6.32-el6  pgrefill_dma + pgrefill_dma32 + pgrefill_normal + pgrefill_movable
          3.10-el7    pgrefill_dma + pgrefill_dma32 + pgrefill_normal + pgrefill_movable
          4.19        pgrefill
          5.10        pgrefill
          6.18        pgrefill
        vmstat.allocstall: entries into global direct reclaim; by zone on newer kernels
          2.6.32-el6  allocstall
          3.10-el7    allocstall
          4.19        allocstall_dma + allocstall_dma32 + allocstall_normal + allocstall_movable
          5.10        allocstall_dma + allocstall_dma32 + allocstall_normal + allocstall_movable
          6.18        allocstall_dma + allocstall_dma32 + allocstall_normal + allocstall_movable + allocstall_device
        vmstat.pgalloc: base pages allocated, all zones
          2.6.32-el6  pgalloc_dma + pgalloc_dma32 + pgalloc_normal + pgalloc_movable
          3.10-el7    pgalloc_dma + pgalloc_dma32 + pgalloc_normal + pgalloc_movable
          4.19        pgalloc_dma + pgalloc_dma32 + pgalloc_normal + pgalloc_movable
          5.10        pgalloc_dma + pgalloc_dma32 + pgalloc_normal + pgalloc_movable
          6.18        pgalloc_dma + pgalloc_dma32 + pgalloc_normal + pgalloc_movable + pgalloc_device
        vmstat.pgskip: pages that reclaim skipped because they were of the wrong zone
          2.6.32-el6  absent
          3.10-el7    absent
          4.19        pgskip_dma + pgskip_dma32 + pgskip_normal + pgskip_movable
          5.10        pgskip_dma + pgskip_dma32 + pgskip_normal + pgskip_movable
          6.18        pgskip_dma + pgskip_dma32 + pgskip_normal + pgskip_movable + pgskip_device
        vmstat.workingset_refault_file: file pages that came back after eviction; before 5.9 no others were counted
          2.6.32-el6  absent
          3.10-el7    workingset_refault
          4.19        workingset_refault
          5.10        workingset_refault_file
          6.18        workingset_refault_file
        vmstat.workingset_activate_file: refaults that a little more memory would have spared; before 5.9 of file pages only
          2.6.32-el6  absent
          3.10-el7    workingset_activate
          4.19        workingset_activate
          5.10        workingset_activate_file
          6.18        workingset_activate_file
        vmstat.workingset_restore_file: refaults of pages that had been active; before 5.9 of file pages only
          2.6.32-el6  absent
          3.10-el7    absent
          4.19        absent
          5.10        workingset_restore_file
          6.18        workingset_restore_file
        vmstat.thp_split_page: huge pages split
          2.6.32-el6  thp_split
          3.10-el7    thp_split
          4.19        thp_split_page
          5.10        thp_split_page
          6.18        thp_split_page
    "#]].assert_eq(&out);
}

#[test]
fn lists_of_zones_and_nodes() {
    let mut out = String::new();
    let zone = |zone: &str| Subject::Zone {
        node: 0,
        zone: zone.into(),
    };
    for era in ["2.6.32-el6", "3.10-el7", "4.19"] {
        let columns = columns(era, "zoneinfo");
        for subject in [
            zone("Normal"),
            zone("Movable"),
            Subject::Node(0),
            Subject::Node(7),
        ] {
            for metric in ["zoneinfo.managed", "zoneinfo.nr_inactive_file"] {
                let formula = by_name(&columns, metric, &subject);
                writeln!(
                    out,
                    "{era:10}  {metric:25}  of {subject:9}  {formula}",
                    subject = subject.to_string()
                )
                .expect("a String takes all");
            }
        }
    }
    expect![[r#"
        2.6.32-el6  zoneinfo.managed           of 0/Normal   present
        2.6.32-el6  zoneinfo.nr_inactive_file  of 0/Normal   nr_inactive_file
        2.6.32-el6  zoneinfo.managed           of 0/Movable  absent
        2.6.32-el6  zoneinfo.nr_inactive_file  of 0/Movable  absent
        2.6.32-el6  zoneinfo.managed           of node0      present@0/DMA + present@0/DMA32 + present@0/Normal
        2.6.32-el6  zoneinfo.nr_inactive_file  of node0      nr_inactive_file@0/DMA + nr_inactive_file@0/DMA32 + nr_inactive_file@0/Normal
        2.6.32-el6  zoneinfo.managed           of node7      absent
        2.6.32-el6  zoneinfo.nr_inactive_file  of node7      absent
        3.10-el7    zoneinfo.managed           of 0/Normal   managed
        3.10-el7    zoneinfo.nr_inactive_file  of 0/Normal   nr_inactive_file
        3.10-el7    zoneinfo.managed           of 0/Movable  absent
        3.10-el7    zoneinfo.nr_inactive_file  of 0/Movable  absent
        3.10-el7    zoneinfo.managed           of node0      managed@0/DMA + managed@0/DMA32 + managed@0/Normal
        3.10-el7    zoneinfo.nr_inactive_file  of node0      nr_inactive_file@0/DMA + nr_inactive_file@0/DMA32 + nr_inactive_file@0/Normal
        3.10-el7    zoneinfo.managed           of node7      absent
        3.10-el7    zoneinfo.nr_inactive_file  of node7      absent
        4.19        zoneinfo.managed           of 0/Normal   managed
        4.19        zoneinfo.nr_inactive_file  of 0/Normal   nr_zone_inactive_file
        4.19        zoneinfo.managed           of 0/Movable  managed
        4.19        zoneinfo.nr_inactive_file  of 0/Movable  absent
        4.19        zoneinfo.managed           of node0      managed@0/DMA + managed@0/DMA32 + managed@0/Normal + managed@0/Movable
        4.19        zoneinfo.nr_inactive_file  of node0      nr_inactive_file
        4.19        zoneinfo.managed           of node7      absent
        4.19        zoneinfo.nr_inactive_file  of node7      absent
    "#]].assert_eq(&out);
}

#[test]
fn other_names_stand_for_themselves() {
    let has = |name: &str| (name == "vmstat.pgfault").then(|| name.to_owned());
    assert_eq!(print(formula("vmstat.pgfault", has)), "vmstat.pgfault");
    assert_eq!(formula("vmstat.pgmajfault", has), None);
    assert_eq!(formula("vmstat.pgscan", has), None);
    assert_eq!(formula("", has), None);
}

#[test]
fn a_part_that_must_be_there_is_not_taken_as_zero() {
    let has = |name: &str| (name == "vmstat.pgscan_kswapd").then(|| name.to_owned());
    assert_eq!(formula("vmstat.pgscan", has), None);
    assert_eq!(
        print(formula("vmstat.pgscan_kswapd", has)),
        "vmstat.pgscan_kswapd"
    );
    // Throttled tasks are not scanned pages, whatever the prefix.
    let throttled = |name: &str| (name == "vmstat.pgscan_direct_throttle").then(|| name.to_owned());
    assert_eq!(formula("vmstat.pgscan_direct", throttled), None);
}

#[test]
fn every_name_in_the_formulas_is_one_that_a_kernel_has() {
    let names: Vec<_> = ERAS
        .iter()
        .flat_map(|era| ["vmstat", "zoneinfo"].map(|source| columns(era, source)))
        .flatten()
        .map(|column| column.metric.name.to_string())
        .collect();
    for canonical in &CANONICAL {
        let source = canonical.name.split('.').next().expect("a source");
        for term in canonical
            .ways
            .iter()
            .flat_map(|way| way.split(' '))
            .filter(|term| !["+", "-"].contains(term))
        {
            let name = format!("{source}.{}", term.trim_start_matches('?').trim_end_matches('*'));
            // 4.20 to 5.8 alone have it.
            let known = names.iter().any(|n| n.starts_with(&name)) || name == "vmstat.workingset_restore";
            assert!(known, "{name}");
        }
    }
}
