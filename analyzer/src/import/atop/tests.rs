//! Lines of atop, good and bad.

use super::super::averages::read_back;
use super::*;
use chrono_tz::Tz;
use expect_test::expect;
use std::io::Cursor;

fn options(strict: bool) -> LogOptions {
    LogOptions {
        tz: Tz::UTC,
        machine: Default::default(),
        at: None,
        strict,
    }
}

fn read(text: &str, strict: bool) -> Result<Averages> {
    let options = options(strict);
    let mut log = Log::new(&options);
    let mut lines = Lines::new("atop.txt", Box::new(Cursor::new(text.as_bytes().to_vec())));
    log.read(&mut lines)?;
    Ok(log.averages)
}

const TEXT: &str = "\
RESET
CPU vm 1795525495 2026/11/24 13:04:55 16690 100 2 204444 682004 776496 1644285 17237 0 2367 1327 0 5192 100 0 0
CPL vm 1795525495 2026/11/24 13:04:55 16690 2 13.02 13.16 10.09 18942967 11512788
MEM vm 1795525495 2026/11/24 13:04:55 16690 4096 6171021 3748420 1798112 8166 117400 59763 99427 0 2218 0 0 2097152 0 0 0 0 0 192 0 2764
DSK vm 1795525495 2026/11/24 13:04:55 16690 vda 433896 2350439 412172786 923243 377140096 273791 164678936 0 17.43
PRG vm 1795525495 2026/11/24 13:04:55 16690 17 (a) b) S 0 0 17 13 0 1795508805 (/a (x) --b) 0 0 13 0 0 0 0 0 0 0 0 y 0 0 - N (/system.slice/a (b))
PRG vm 1795525495 2026/11/24 13:04:55 16690 18 (a) S 0 0 17 1 0 1795508805 () 0 0 1 0 0 0 0 0 0 0 0 n 0 0 - N ()
PRC vm 1795525495 2026/11/24 13:04:55 16690 17 (a) b) S 100 862 5806 -10 110 0 0 0 0 17 y 1842 () 0 -3 -3
PRM vm 1795525495 2026/11/24 13:04:55 16690 17 (a) b) S 4096 51532 20632 5320 51532 20632 206807 5 8 44016 132 0 17 y 0 51500 -3 -3 -3 -3
PRD vm 1795525495 2026/11/24 13:04:55 16690 17 (a) b) S n y 0 10 0 20 4 17 n y
SEP
CPU vm 1795525505 2026/11/24 13:05:05 10 200 2 200 400 0 1400 0 0 0 0 0 5192 100 0 0
CPL vm 1795525505 2026/11/24 13:05:05 10 2 1.00 13.16 10.09 1000 500
MEM vm 1795525505 2026/11/24 13:05:05 10 4096 6171021 3748421 1798112 8166 117400 59763 99427 0 2218 0 0 2097152 0 0 0 0 0 192 0 2764
SWP vm 1795525505 2026/11/24 13:05:05 10 4096 0 0 0 274167 3085510 0 0 0
PAG vm 1795525505 2026/11/24 13:05:05 10 4096 63894575 30 0 10 20 -1 0 0 0 100 200
PSI vm 1795525505 2026/11/24 13:05:05 10 y 98.5 97.7 97.1 1000000 0.0 0.0 0.0 10 0.0 0.0 0.0 20 0.7 1.4 1.9 30 0.0 0.0 0.0 40
DSK vm 1795525505 2026/11/24 13:05:05 10 vda 500 10 160 20 320 0 0 0 17.43
NET vm 1795525505 2026/11/24 13:05:05 10 lo 31846 23093496 31846 23093496 0 0
PRG vm 1795525505 2026/11/24 13:05:05 10 17 (a) b) D 0 0 17 13 0 1795508805 (/a (x) --b) 0 0 13 1 0 0 0 0 0 0 0 y 0 0 - N (/system.slice/a (b))
PRC vm 1795525505 2026/11/24 13:05:05 10 17 (a) b) D 100 10 20 -10 110 0 0 0 0 17 y 8 (io_schedule) 3 -3 -3
PRD vm 1795525505 2026/11/24 13:05:05 10 17 (a) b) D n y 0 1 0 2 0 17 n y
SEP
";

#[test]
fn what_happened_in_an_interval_becomes_rates() {
    expect![[r#"
        every 10 s
        from 2026-11-24 13:04:55+00:00, boot 0
          2026-11-24 13:04:55+00:00: loadavg.load1 host = 13.02, loadavg.load5 host = 13.16, loadavg.load15 host = 10.09, meminfo.MemTotal host = 24684084, meminfo.MemFree host = 14993680, meminfo.Cached host = 7192448, meminfo.Buffers host = 32664, meminfo.Slab host = 469600, meminfo.Dirty host = 239052, meminfo.SReclaimable host = 397708
          2026-11-24 13:05:05+00:00: loadavg.load1 host = 1, loadavg.load5 host = 13.16, loadavg.load15 host = 10.09, meminfo.MemTotal host = 24684084, meminfo.MemFree host = 14993684, meminfo.Cached host = 7192448, meminfo.Buffers host = 32664, meminfo.Slab host = 469600, meminfo.Dirty host = 239052, meminfo.SReclaimable host = 397708, stat.system host + 10.00/s, stat.user host + 20.00/s, stat.nice host + 0.00/s, stat.idle host + 70.00/s, stat.iowait host + 0.00/s, stat.irq host + 0.00/s, stat.softirq host + 0.00/s, stat.steal host + 0.00/s, stat.guest host + 0.00/s, stat.ctxt host + 100.00/s, stat.intr host + 50.00/s, meminfo.SwapTotal host = 0, meminfo.SwapFree host = 0, meminfo.Committed_AS host = 1096668, meminfo.CommitLimit host = 12342040, vmstat.allocstall host + 3.00/s, vmstat.pswpin host + 1.00/s, vmstat.pswpout host + 2.00/s, vmstat.compact_stall host + 0.00/s, vmstat.pgmigrate_success host + 0.00/s, vmstat.numa_pages_migrated host + 0.00/s, vmstat.pgpgin host + 40.00/s, vmstat.pgpgout host + 80.00/s, pressure/cpu.some_total host + 100000.00/s, pressure/memory.some_total host + 1.00/s, pressure/memory.full_total host + 2.00/s, pressure/io.some_total host + 3.00/s, pressure/io.full_total host + 4.00/s, diskstats.io_ms vda + 50.00/s, diskstats.reads_completed vda + 1.00/s, diskstats.read_sectors vda + 16.00/s, diskstats.writes_completed vda + 2.00/s, diskstats.write_sectors vda + 32.00/s
        note: not known: kernel (--kernel)
    "#]].assert_eq(&read_back(&read(TEXT, true).unwrap()));
}

#[test]
fn processes_add_up() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), TEXT).unwrap();
    let mut shown = String::new();
    for tick in processes::chain(
        vec![file.path().to_owned()],
        vec![UnixNanos(1_795_525_495_000_000_000)],
    ) {
        let tick = tick.unwrap();
        for sample in tick.samples {
            let id = &sample.identity;
            let counters = model::ProcessCounter::ALL
                .iter()
                .filter_map(|&c| Some(format!("{}={}", c.name(), sample.get(c)?)));
            let counters: Vec<_> = counters.collect();
            shown += &format!(
                "{:.0} {} since {} {:?} {:?} {} {:?}: {}\n",
                tick.at.seconds(),
                id.pid,
                id.start_ticks,
                id.comm,
                id.cmdline,
                sample.state,
                sample.wchan,
                counters.join(" ")
            );
        }
    }
    expect![[r#"
        1795525495 17 since 84731000 "a) b" Some("/a (x) --b") S None: utime_ticks=862 stime_ticks=5806 minflt=206807 majflt=5 threads=13 rss_pages=5158 blkio_delay_ticks=0 read_bytes=5120 write_bytes=10240 cancelled_write_bytes=2048 swap_kb=0 sched_wait_ns=1842
        1795525505 17 since 84731000 "a) b" Some("/a (x) --b") D Some("io_schedule"): utime_ticks=872 stime_ticks=5826 minflt=206807 majflt=5 threads=13 blkio_delay_ticks=3 read_bytes=5632 write_bytes=11264 cancelled_write_bytes=2048 sched_wait_ns=1850
    "#]].assert_eq(&shown);
}

#[test]
fn damage_costs_its_line_only() {
    let text = TEXT
        .replace("10 200 2 200", "10 200 2 x")
        .replace("CPL vm 1795525505", "CPL other 1795525505");
    let averages = read(&text, false).unwrap();
    let shown = read_back(&averages);
    let notes: Vec<&str> = shown
        .lines()
        .filter(|line| line.starts_with("note: atop.txt"))
        .collect();
    expect![[r#"
        note: atop.txt:12: "x" in CPU is not a number; the line was left out
        note: atop.txt:13: it is of other, and vm came before; the line was left out
        atop.txt:12: "x" in CPU is not a number"#]]
    .assert_eq(&(notes.join("\n") + &format!("\n{}", read(&text, true).err().unwrap())));
}

#[test]
fn cut_and_garbled_text_never_panics() {
    let file = tempfile::NamedTempFile::new().unwrap();
    for cut in 0..TEXT.len() {
        for text in [
            TEXT[..cut].to_owned(),
            format!("{}\0\u{fe} (9:-{}", &TEXT[..cut], &TEXT[cut..]),
        ] {
            let averages = read(&text, false);
            if cut % 16 == 0 {
                let _ = averages.map(|averages| read_back(&averages));
                std::fs::write(file.path(), text).unwrap();
                processes::chain(vec![file.path().to_owned()], vec![UnixNanos(0)]).for_each(drop);
            }
        }
    }
}
