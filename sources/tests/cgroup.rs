//! Files of control groups.

mod common;

use common::table;
use expect_test::expect;
use model::Template;

fn decoded(source: &str, text: &str) -> String {
    let (template, values) = Template::parse(text.as_bytes(), None);
    let columns = sources::decode(source, &template).expect("a known file");
    table(&columns, &values)
}

#[test]
fn single_values_and_no_limit() {
    expect![[r#"
        0 7340032  cgroup.memory_current  /system.slice/db.service  Bytes  Gauge
    "#]]
    .assert_eq(&decoded(
        "cgroup/system.slice/db.service/memory.current",
        "7340032\n",
    ));
    expect![[r#"
        0 1073741824  cgroup.memory_high  /  Bytes  Gauge
    "#]]
    .assert_eq(&decoded("cgroup/memory.high", "1073741824\n"));
    assert_eq!(decoded("cgroup/system.slice/memory.max", "max\n"), "");
}

#[test]
fn memory_stat() {
    let text = "\
anon 1
file 2
sec_pagetables 3
inactive_file 4
slab 5
workingset_refault_file 6
workingset_nodereclaim 7
pgscan 8
pgscan_kswapd 9
pgsteal 10
pgmajfault 11
thp_fault_alloc 12
zswpwb 13
novelty 14
";
    expect![[r#"
         0  1  cgroup.memory_anon                     /a  Bytes  Gauge
         1  2  cgroup.memory_file                     /a  Bytes  Gauge
         2  3  cgroup.memory_sec_pagetables           /a  Bytes  Gauge
         3  4  cgroup.memory_inactive_file            /a  Bytes  Gauge
         4  5  cgroup.memory_slab                     /a  Bytes  Gauge
         5  6  cgroup.memory_workingset_refault_file  /a  Pages  Counter
         6  7  cgroup.memory_workingset_nodereclaim   /a  Count  Counter
         7  8  cgroup.memory_pgscan                   /a  Pages  Counter
         8  9  cgroup.memory_pgscan_kswapd            /a  Pages  Counter
         9 10  cgroup.memory_pgsteal                  /a  Pages  Counter
        10 11  cgroup.memory_pgmajfault               /a  Count  Counter
        11 12  cgroup.memory_thp_fault_alloc          /a  Count  Counter
        12 13  cgroup.memory_zswpwb                   /a  Pages  Counter
        13 14  cgroup.memory_novelty                  /a  Count  Gauge
    "#]]
    .assert_eq(&decoded("cgroup/a/memory.stat", text));
}

#[test]
fn events_and_cpu_time() {
    let events = "low 0\nhigh 1\nmax 2\noom 3\noom_kill 4\noom_group_kill 5\n";
    expect![[r#"
        0 0  cgroup.memory_events_low             /a  Count  Counter
        1 1  cgroup.memory_events_high            /a  Count  Counter
        2 2  cgroup.memory_events_max             /a  Count  Counter
        3 3  cgroup.memory_events_oom             /a  Count  Counter
        4 4  cgroup.memory_events_oom_kill        /a  Count  Counter
        5 5  cgroup.memory_events_oom_group_kill  /a  Count  Counter
    "#]]
    .assert_eq(&decoded("cgroup/a/memory.events", events));
    let cpu = "usage_usec 1\nuser_usec 2\nsystem_usec 3\nnr_periods 4\nnr_throttled 5\nthrottled_usec 6\n";
    expect![[r#"
        0 1  cgroup.cpu_usage_usec      /a  Microseconds  Counter
        1 2  cgroup.cpu_user_usec       /a  Microseconds  Counter
        2 3  cgroup.cpu_system_usec     /a  Microseconds  Counter
        3 4  cgroup.cpu_nr_periods      /a  Count         Counter
        4 5  cgroup.cpu_nr_throttled    /a  Count         Counter
        5 6  cgroup.cpu_throttled_usec  /a  Microseconds  Counter
    "#]]
    .assert_eq(&decoded("cgroup/a/cpu.stat", cpu));
}

#[test]
fn io_by_device() {
    let text = "\
259:0 rbytes=1459200 wbytes=314773504 rios=192 wios=353 dbytes=0 dios=0
8:16 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6 cost.usage=7
rbytes=9
";
    expect![[r#"
         0   1459200  cgroup.io_rbytes      /system.slice/db.service 259:0  Bytes  Counter
         1 314773504  cgroup.io_wbytes      /system.slice/db.service 259:0  Bytes  Counter
         2       192  cgroup.io_rios        /system.slice/db.service 259:0  Count  Counter
         3       353  cgroup.io_wios        /system.slice/db.service 259:0  Count  Counter
         4         0  cgroup.io_dbytes      /system.slice/db.service 259:0  Bytes  Counter
         5         0  cgroup.io_dios        /system.slice/db.service 259:0  Count  Counter
         6         1  cgroup.io_rbytes      /system.slice/db.service 8:16   Bytes  Counter
         7         2  cgroup.io_wbytes      /system.slice/db.service 8:16   Bytes  Counter
         8         3  cgroup.io_rios        /system.slice/db.service 8:16   Count  Counter
         9         4  cgroup.io_wios        /system.slice/db.service 8:16   Count  Counter
        10         5  cgroup.io_dbytes      /system.slice/db.service 8:16   Bytes  Counter
        11         6  cgroup.io_dios        /system.slice/db.service 8:16   Count  Counter
        12         7  cgroup.io_cost.usage  /system.slice/db.service 8:16   Count  Gauge
        13         9  cgroup.io_rbytes      /system.slice/db.service        Count  Gauge
    "#]]
    .assert_eq(&decoded("cgroup/system.slice/db.service/io.stat", text));
}

#[test]
fn pressure_of_a_cgroup() {
    let text = "some avg10=0.00 avg60=1.50 avg300=0.07 total=1234\n";
    expect![[r#"
        0    0  cgroup.io_pressure_some_avg10   /a b  Percent       Gauge
        1  1.5  cgroup.io_pressure_some_avg60   /a b  Percent       Gauge
        2 0.07  cgroup.io_pressure_some_avg300  /a b  Percent       Gauge
        3 1234  cgroup.io_pressure_some_total   /a b  Microseconds  Counter
    "#]]
    .assert_eq(&decoded("cgroup/a b/io.pressure", text));
}

#[test]
fn names_find_their_files() {
    let found = |name| sources::find(name).map(|source| source.name);
    assert_eq!(found("cgroup/memory.stat"), Some("memory.stat"));
    assert_eq!(found("cgroup/a/b/io.stat"), Some("io.stat"));
    assert_eq!(found("memory.stat"), None);
    assert_eq!(found("cgroup/a/meminfo"), None);
    assert_eq!(found("cgroup/a/"), None);
    assert_eq!(found("meminfo"), Some("meminfo"));
    let nothing = Template::default();
    assert_eq!(sources::decode("cgroup/a/meminfo", &nothing), None);
    assert_eq!(sources::decode("gibberish", &nothing), None);
    assert_eq!(sources::decode_cgroup("meminfo", &nothing), None);
    assert_eq!(sources::decode("meminfo", &nothing), Some(Vec::new()));
}

#[test]
fn a_subject_of_io_stat_comes_apart() {
    assert_eq!(sources::cgroup_device("/a b 259:0"), ("/a b", Some("259:0")));
    assert_eq!(sources::cgroup_device("/a:1"), ("/a:1", None));
    assert_eq!(sources::cgroup_device("/a 1:"), ("/a 1:", None));
    assert_eq!(sources::cgroup_device("/"), ("/", None));
}

#[test]
fn version_1() {
    expect![[r#"
        0 8192  cgroup.memory_usage_in_bytes  /box  Bytes  Gauge
    "#]]
    .assert_eq(&decoded("cgroup/box/memory.usage_in_bytes", "8192\n"));
    expect![[r#"
        0 17  cgroup.memory_failcnt  /box  Count  Counter
    "#]]
    .assert_eq(&decoded("cgroup/box/memory.failcnt", "17\n"));
    let stat = "cache 4096\nrss 8192\npgpgin 3\npgmajfault 2\nhierarchical_memory_limit 67108864\ntotal_cache 4096\ntotal_pgpgin 3\n";
    expect![[r#"
        0     4096  cgroup.memory_cache                      /box  Bytes  Gauge
        1     8192  cgroup.memory_rss                        /box  Bytes  Gauge
        2        3  cgroup.memory_pgpgin                     /box  Pages  Counter
        3        2  cgroup.memory_pgmajfault                 /box  Count  Counter
        4 67108864  cgroup.memory_hierarchical_memory_limit  /box  Bytes  Gauge
        5     4096  cgroup.memory_total_cache                /box  Bytes  Gauge
        6        3  cgroup.memory_total_pgpgin               /box  Pages  Counter
    "#]]
    .assert_eq(&decoded("cgroup/box/memory.stat", stat));
    expect![[r#"
        0 0  cgroup.memory_oom_control_oom_kill_disable  /box  Count  Gauge
        1 0  cgroup.memory_oom_control_under_oom         /box  Count  Gauge
        2 2  cgroup.memory_oom_control_oom_kill          /box  Count  Counter
    "#]]
    .assert_eq(&decoded(
        "cgroup/box/memory.oom_control",
        "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
    ));
    let served = "254:0 Read 4096\n254:0 Write 0\n254:0 Total 4096\nTotal 4096\n";
    expect![[r#"
        0 4096  cgroup.blkio_throttle_io_service_bytes_read   /box 254:0  Bytes  Counter
        1    0  cgroup.blkio_throttle_io_service_bytes_write  /box 254:0  Bytes  Counter
        2 4096  cgroup.blkio_throttle_io_service_bytes_total  /box 254:0  Bytes  Counter
        3 4096  cgroup.blkio_throttle_io_service_bytes_total  /box        Bytes  Counter
    "#]]
    .assert_eq(&decoded("cgroup/box/blkio.throttle.io_service_bytes", served));
    expect![[r#"
        0 1048576  cgroup.blkio_throttle_read_bps_device  /box 254:0  Bytes  Gauge
    "#]]
    .assert_eq(&decoded(
        "cgroup/box/blkio.throttle.read_bps_device",
        "254:0 1048576\n",
    ));
    expect![[r#"
        0        10  cgroup.cpu_nr_periods      /box  Count        Counter
        1         3  cgroup.cpu_nr_throttled    /box  Count        Counter
        2 250000000  cgroup.cpu_throttled_time  /box  Nanoseconds  Counter
    "#]]
    .assert_eq(&decoded(
        "cgroup/box/cpu.stat",
        "nr_periods 10\nnr_throttled 3\nthrottled_time 250000000\n",
    ));
    expect![[r#"
        0 -1  cgroup.cpu_cfs_quota_us  /box  Microseconds  Gauge
    "#]]
    .assert_eq(&decoded("cgroup/box/cpu.cfs_quota_us", "-1\n"));
}

#[test]
fn limits_of_io_and_cpu() {
    expect![[r#"
        0 1048576  cgroup.io_max_rbps   /a 254:0  Bytes  Gauge
        1     120  cgroup.io_max_wiops  /a 254:0  Count  Gauge
    "#]]
    .assert_eq(&decoded(
        "cgroup/a/io.max",
        "254:0 rbps=1048576 wbps=max riops=max wiops=120\n",
    ));
    expect![[r#"
        0  50000  cgroup.cpu_max_quota   /a  Microseconds  Gauge
        1 100000  cgroup.cpu_max_period  /a  Microseconds  Gauge
    "#]]
    .assert_eq(&decoded("cgroup/a/cpu.max", "50000 100000\n"));
    expect![[r#"
        0 100000  cgroup.cpu_max_period  /a  Microseconds  Gauge
    "#]]
    .assert_eq(&decoded("cgroup/a/cpu.max", "max 100000\n"));
}

#[test]
fn what_the_collector_says_of_itself() {
    let text = "ticks 10\nlate_us 500\nlatest_us 90\nread meminfo us 350 failed 0\nread pressure/io us 40 failed 1\n";
    expect![[r#"
        0  10  highwater.ticks                    host  Count         Counter
        1 500  highwater.late_us                  host  Microseconds  Counter
        2  90  highwater.latest_us                host  Microseconds  Gauge
        3 350  highwater.read_us_meminfo          host  Microseconds  Counter
        4   0  highwater.read_failed_meminfo      host  Count         Counter
        5  40  highwater.read_us_pressure_io      host  Microseconds  Counter
        6   1  highwater.read_failed_pressure_io  host  Count         Counter
    "#]]
    .assert_eq(&decoded("highwater/self", text));
}
