//! Kernel files in, signals out, by way of a real database: what each era counts, and that unknown is never zero.

use super::Signals;
use crate::testing::{Record, SECOND};
use expect_test::{Expect, expect};
use model::UnixNanos;

/// Values of some signals, a line each; `?` is unknown. Each tick is a list of files; ticks are a second apart.
#[track_caller]
fn check(names: &[&str], ticks: &[&[(&str, &str)]], expected: Expect) {
    let mut record = Record::new();
    for (i, files) in ticks.iter().enumerate() {
        let at = (i as i64 + 1) * SECOND;
        record.files(UnixNanos(at), at, files.iter().copied());
    }
    let window = record.window();
    let signals = Signals::derive(&window);
    let mut told = String::new();
    for name in names {
        let mut any = false;
        for signal in signals.each(name) {
            any = true;
            let show = |v: &f64| {
                if v.is_nan() {
                    "?".to_string()
                } else {
                    format!("{v}")
                }
            };
            let values: Vec<String> = signal.values.iter().map(show).collect();
            told += &format!(
                "{name} {}: {} {}\n",
                signal.subject,
                values.join(" "),
                signal.unit
            );
        }
        if !any {
            told += &format!("{name}: not counted\n");
        }
    }
    expected.assert_eq(&told);
}

const RECLAIM: [&str; 6] = [
    "reclaim.kswapd_scan",
    "reclaim.direct_scan",
    "reclaim.steal",
    "reclaim.memcg_steal",
    "reclaim.direct_entries",
    "refault.file",
];

#[test]
fn reclaim_of_2_6_32_is_the_sum_of_its_zones() {
    let vmstat = |n: u64| {
        format!(
            "pgsteal_dma32 {n}\npgsteal_normal {}\npgscan_kswapd_dma32 {n}\npgscan_kswapd_normal {}\npgscan_direct_dma32 5\n\
             pgscan_direct_normal 5\nkswapd_steal {}\nallocstall 3\n",
            2 * n,
            4 * n,
            3 * n
        )
    };
    check(
        &RECLAIM,
        &[&[("vmstat", &vmstat(100))], &[("vmstat", &vmstat(110))]],
        expect![[r#"
            reclaim.kswapd_scan host: ? 50 pages/s
            reclaim.direct_scan host: ? 0 pages/s
            reclaim.steal host: ? 30 pages/s
            reclaim.memcg_steal: not counted
            reclaim.direct_entries host: ? 0 1/s
            refault.file: not counted
        "#]],
    );
}

#[test]
fn reclaim_of_6_18_counts_no_page_twice_and_no_throttling_as_pages() {
    let vmstat = |n: u64| {
        format!(
            "allocstall_normal {n}\nallocstall_movable {n}\nworkingset_refault_anon 1\nworkingset_refault_file {n}\n\
             pgsteal_kswapd {n}\npgsteal_direct {n}\npgsteal_khugepaged 0\npgsteal_proactive 0\npgscan_kswapd {n}\n\
             pgscan_direct {n}\npgscan_direct_throttle {}\npgsteal_anon {n}\npgsteal_file {}\n",
            1000 * n,
            3 * n
        )
    };
    check(
        &RECLAIM,
        &[&[("vmstat", &vmstat(100))], &[("vmstat", &vmstat(110))]],
        expect![[r#"
            reclaim.kswapd_scan host: ? 10 pages/s
            reclaim.direct_scan host: ? 10 pages/s
            reclaim.steal host: ? 20 pages/s
            reclaim.memcg_steal host: ? 20 pages/s
            reclaim.direct_entries host: ? 20 1/s
            refault.file host: ? 10 pages/s
        "#]],
    );
}

#[test]
fn a_missing_reading_and_a_reset_are_unknown_not_zero() {
    let files = |n: u64| {
        (
            format!("pgsteal_kswapd {n}\npgsteal_direct 0\npgsteal_anon 0\npgsteal_file {n}\n"),
            format!("   8       0 sda {n} 0 {n} 1 0 0 0 0 0 1 1\n"),
        )
    };
    let [a, b, c, d] = [100, 110, 50, 60].map(files);
    check(
        &[
            "reclaim.steal",
            "reclaim.memcg_steal",
            "disk.own_read",
            "disk.reads",
        ],
        &[
            &[("vmstat", &a.0), ("diskstats", &a.1)],
            &[],
            &[("vmstat", &b.0), ("diskstats", &b.1)],
            &[("vmstat", &c.0), ("diskstats", &c.1)],
            &[("vmstat", &d.0), ("diskstats", &d.1)],
        ],
        expect![[r#"
            reclaim.steal host: ? ? ? ? 10 pages/s
            reclaim.memcg_steal host: ? ? ? ? 0 pages/s
            disk.own_read sda: ? ? ? ? 5120 B/s
            disk.reads sda: ? ? ? ? 10 1/s
        "#]],
    );
}

#[test]
fn an_unknown_load_is_not_undone_to_zero() {
    let load = |text: &str| format!("{text} 0.00 0.00 1/10 5\n");
    let [a, b] = ["1.00", "2.00"].map(load);
    check(
        &["load.1", "load.now"],
        &[&[("loadavg", &a)], &[], &[("loadavg", &b)]],
        expect![[r#"
            load.1 host: 1 ? 2 tasks
            load.now: not counted
        "#]],
    );
}

#[test]
fn control_groups_of_both_versions() {
    let first: &[(&str, &str)] = &[
        (
            "cgroup/a.slice/memory.events",
            "low 0\nhigh 0\nmax 10\noom 0\noom_kill 0\n",
        ),
        ("cgroup/a.slice/memory.max", "1048576\n"),
        (
            "cgroup/a.slice/io.max",
            "254:0 rbps=1000 wbps=max riops=max wiops=max\n",
        ),
        (
            "cgroup/a.slice/io.stat",
            "254:0 rbytes=0 wbytes=0 rios=0 wios=0 dbytes=0 dios=0\n",
        ),
        ("cgroup/box/memory.limit_in_bytes", "9223372036854771712\n"),
        ("cgroup/box/memory.failcnt", "5\n"),
        (
            "cgroup/box/cpu.stat",
            "nr_periods 1\nnr_throttled 1\nthrottled_time 100000000\n",
        ),
    ];
    let second: &[(&str, &str)] = &[
        (
            "cgroup/a.slice/memory.events",
            "low 0\nhigh 3\nmax 40\noom 0\noom_kill 0\n",
        ),
        (
            "cgroup/a.slice/io.stat",
            "254:0 rbytes=900 wbytes=0 rios=0 wios=0 dbytes=0 dios=0\n",
        ),
        (
            "cgroup/box/cpu.stat",
            "nr_periods 2\nnr_throttled 2\nthrottled_time 600000000\n",
        ),
    ];
    // In the last second nothing moved, and so nothing was told.
    check(
        &[
            "cgroup.memory_limit",
            "cgroup.limit_hits",
            "cgroup.throttled",
            "cgroup.io_of_limit",
        ],
        &[first, second, &[("loadavg", "0.00 0.00 0.00 1/1 1\n")]],
        expect![[r#"
            cgroup.memory_limit /a.slice: 1048576 1048576 1048576 B
            cgroup.limit_hits /a.slice: ? 33 0 1/s
            cgroup.limit_hits /box: ? 0 0 1/s
            cgroup.throttled /box: ? 50 0 %
            cgroup.io_of_limit /a.slice 254:0: ? 90 0 %
        "#]],
    );
}
