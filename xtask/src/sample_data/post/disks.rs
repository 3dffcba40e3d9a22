//! What the disks do, and /proc/diskstats of it as 2.6.32 prints it (14 columns; md counts when a request is submitted and
//! knows no times). Rates are those of the post's `sar -d` rows, before and in trouble.

use super::curve::{Curve, Flow, Noise, Seconds, rise};
use super::{FAULTS_BEGIN, STREAM_BEGINS};

/// Everything that /proc/diskstats counts of one device.
#[derive(Debug)]
struct Counters {
    reads: Flow,
    read_sectors: Flow,
    read_ms: Flow,
    writes: Flow,
    write_sectors: Flow,
    write_ms: Flow,
    busy_ms: Flow,
    queue_ms: Flow,
}

/// Rates of a device at a time, per second.
#[derive(Debug, Clone, Copy, Default)]
struct Rates {
    reads: f64,
    read_sectors: f64,
    /// Mean time of a read, milliseconds.
    read_await: f64,
    writes: f64,
    write_sectors: f64,
    /// Mean time of a write, milliseconds.
    write_await: f64,
    /// Share of the time in which something was in flight.
    busy: f64,
    /// Mean number in flight.
    queue: f64,
}

/// vgca0 (SSD) and the mirrored spinning pair sda, sdb.
#[derive(Debug)]
pub(super) struct Disks {
    ssd: Counters,
    pair: [Counters; 2],
    in_flight: Noise,
}

/// Each md device and its parts on sda and sdb: name, share of the pair's reads, sectors of a read, share of the writes,
/// and how busy its part of a disk is when the disk is. Shares are those of the 08:50 PM rows.
const MIRRORS: [(&str, f64, f64, f64, f64); 4] = [
    ("md0", 0.438, 50.6, 0.034, 0.85),
    ("md1", 0.192, 86.0, 0.047, 0.55),
    ("md2", 0.0, 8.0, 0.0, 0.0),
    ("md3", 0.370, 23.0, 0.919, 0.8),
];

impl Disks {
    /// Adds up all rates.
    pub(super) fn new() -> Disks {
        Disks {
            ssd: Counters::of(
                [
                    48_120_733.0,
                    2_905_118_840.0,
                    39_201_166.0,
                    812_440_918.0,
                    7_960_117_504.0,
                ],
                ssd,
            ),
            pair: [
                Counters::of(
                    [
                        3_610_442.0,
                        172_118_906.0,
                        31_990_210.0,
                        118_604_377.0,
                        6_140_882_016.0,
                    ],
                    |t| spinning(0, t),
                ),
                Counters::of(
                    [
                        3_101_876.0,
                        131_406_144.0,
                        27_004_733.0,
                        117_930_655.0,
                        6_140_882_016.0,
                    ],
                    |t| spinning(1, t),
                ),
            ],
            in_flight: Noise::new("in flight"),
        }
    }

    /// Sectors (512 B) read from all whole disks until `t`.
    pub(super) fn read_sectors(&self, t: Seconds) -> f64 {
        self.ssd.read_sectors.at(t) + self.pair.iter().map(|disk| disk.read_sectors.at(t)).sum::<f64>()
    }

    /// Sectors that were submitted as writes until `t`: a write to a mirror is submitted once and counted on both disks.
    pub(super) fn submitted_write_sectors(&self, t: Seconds) -> f64 {
        self.ssd.write_sectors.at(t) + self.pair[0].write_sectors.at(t)
    }

    /// Reads that the spinning pair finished until `t`.
    pub(super) fn spinning_reads(&self, t: Seconds) -> f64 {
        self.pair.iter().map(|disk| disk.reads.at(t)).sum()
    }

    /// The file.
    pub(super) fn diskstats(&self, t: Seconds) -> String {
        let mut text = String::new();
        for number in 0..16 {
            line(&mut text, 1, number, &format!("ram{number}"), [0; 11]);
        }
        for number in 0..8 {
            line(&mut text, 7, number, &format!("loop{number}"), [0; 11]);
        }
        for (index, (disk, name)) in self.pair.iter().zip(["sda", "sdb"]).enumerate() {
            let minor = 16 * index as u32;
            let queue = spinning(index, t).queue;
            let in_flight = self.sampled(index as u64, t, queue);
            line(&mut text, 8, minor, name, disk.fields(t, in_flight));
            for (part, (_, reads, _, writes, busy)) in MIRRORS.iter().enumerate() {
                let share = [*reads, *reads, *reads, *reads, *writes, *writes, *writes, *writes];
                let whole = disk.fields(t, 0);
                let mut fields = [0; 11];
                for (field, (value, share)) in fields.iter_mut().zip(whole.iter().zip(share)) {
                    *field = (*value as f64 * share) as u64;
                }
                fields[8] = (in_flight as f64 * reads) as u64;
                fields[9] = (whole[9] as f64 * busy) as u64;
                fields[10] = fields[3] + fields[7];
                line(
                    &mut text,
                    8,
                    minor + part as u32 + 1,
                    &format!("{name}{}", part + 1),
                    fields,
                );
            }
        }
        for (number, (name, reads, sectors_a_read, writes, _)) in MIRRORS.iter().enumerate() {
            let read: f64 = self.pair.iter().map(|disk| disk.read_sectors.at(t)).sum::<f64>() * reads;
            let written = self.pair[0].write_sectors.at(t) * writes;
            let fields = [
                (read / sectors_a_read) as u64,
                0,
                read as u64,
                0,
                (written / 8.0) as u64,
                0,
                written as u64,
            ];
            line(
                &mut text,
                9,
                number as u32,
                name,
                [&fields[..], &[0; 4]].concat().try_into().unwrap_or([0; 11]),
            );
        }
        let in_flight = self.sampled(2, t, if ssd(t).queue > 1.0 { ssd(t).queue } else { 0.4 });
        line(&mut text, 252, 0, "vgca0", self.ssd.fields(t, in_flight));
        text
    }

    /// A number in flight as one look finds it, around its mean.
    fn sampled(&self, device: u64, t: Seconds, mean: f64) -> u64 {
        let noise = self.in_flight.nth(device).pick(t as i64);
        if mean < 5.0 {
            (mean * 4.0 * noise.powi(4)) as u64
        } else {
            (mean * (0.75 + 0.5 * noise)) as u64
        }
    }
}

impl Counters {
    /// `start`: reads, read sectors, read ms, writes, write sectors at 10:40:00.
    fn of(start: [f64; 5], rates: impl Fn(Seconds) -> Rates + Copy) -> Counters {
        let [reads, read_sectors, read_ms, writes, write_sectors] = start;
        let flow = |start, rate: fn(Rates) -> f64| Flow::of(start, move |t| rate(rates(t)));
        Counters {
            reads: flow(reads, |r| r.reads),
            read_sectors: flow(read_sectors, |r| r.read_sectors),
            read_ms: flow(read_ms, |r| r.reads * r.read_await),
            writes: flow(writes, |r| r.writes),
            write_sectors: flow(write_sectors, |r| r.write_sectors),
            write_ms: flow(writes * 9.0, |r| r.writes * r.write_await),
            busy_ms: flow(reads * 11.0, |r| 1000.0 * r.busy),
            queue_ms: flow(reads * 40.0, |r| 1000.0 * r.queue),
        }
    }

    /// The eleven numbers after the name. Times are printed as 32 bits.
    fn fields(&self, t: Seconds, in_flight: u64) -> [u64; 11] {
        let ms = |flow: &Flow| flow.count(t) & 0xffff_ffff;
        let (reads, writes) = (self.reads.count(t), self.writes.count(t));
        // What was merged is about what a request is larger than a page.
        let merged = |sectors: &Flow, requests: u64| (sectors.count(t) / 8).saturating_sub(requests);
        [
            reads,
            merged(&self.read_sectors, reads) / 16,
            self.read_sectors.count(t),
            ms(&self.read_ms),
            writes,
            merged(&self.write_sectors, writes),
            self.write_sectors.count(t),
            ms(&self.write_ms),
            in_flight,
            ms(&self.busy_ms),
            ms(&self.queue_ms),
        ]
    }
}

/// vgca0: 1,600 sectors/s read in ordinary times, 1.36 to 1.44 million from 10:53:23 on. Its driver keeps its own books:
/// await is what it is busy per request, and the queue has nothing to do with either (Little's law does not hold).
fn ssd(t: Seconds) -> Rates {
    let noise = Noise::new("vgca0");
    let ordinary = 1.0 + 0.35 * noise.at(t, 1.7);
    let stream = rise(t, STREAM_BEGINS, 0.02)
        * (1.0 + 0.025 * noise.nth(1).at(t, 1.0) + 0.015 * noise.nth(2).at(t, 40.0));
    let read_sectors = 1_612.0 * ordinary + 1_400_000.0 * stream;
    let reads = 60.0 * ordinary + 1_400_000.0 * stream / 191.0;
    let writes = 233.0 * (1.0 + 0.25 * noise.nth(3).at(t, 2.3));
    let wait = if stream > 0.0 { 0.09 } else { 0.16 };
    Rates {
        reads,
        read_sectors,
        read_await: wait,
        writes,
        write_sectors: writes * (9.78 + 3.2 * stream),
        write_await: wait,
        busy: (reads + writes) * wait / 1000.0,
        queue: 0.09 + 27.6 * stream,
    }
}

/// sda (0) and sdb (1): only writes in ordinary times, flushed every five seconds; from the loss of program text on as many
/// reads as they can do.
fn spinning(disk: usize, t: Seconds) -> Rates {
    let noise = Noise::new("spinning");
    let own = noise.nth(disk as u64 + 1);
    let trouble = rise(t, FAULTS_BEGIN, 1.0);
    // Both disks write the same at the same time: a steady log, and more when the flusher wakes.
    let flush = if t.rem_euclid(5.0) < 1.2 { 1.55 } else { 0.83 };
    let level = 1.0 + trouble * (0.62 - 1.0 + 0.1 * noise.at(t, 30.0));
    let write_sectors = 1_734.5 * flush * level * (1.0 + 0.2 * noise.nth(7).at(t, 1.0));
    let writes = write_sectors / 51.7;
    let growth = Curve::through([(FAULTS_BEGIN, 0.0), (1800.0, 1.0)]).at(t);
    let (most, sectors_a_read, wait, busy) = [
        (15_600.0 + 1_500.0 * growth, 52.5, 61.0, 0.998),
        (12_150.0, 40.3, 46.0, 0.915),
    ][disk];
    let read_sectors = most * trouble * (1.0 + 0.07 * own.at(t, 1.0) + 0.05 * own.nth(1).at(t, 17.0))
        + 0.1 * (1.0 + own.nth(2).at(t, 3.0));
    let reads = read_sectors / sectors_a_read;
    let read_await = 14.0 + (wait - 14.0) * rise(t, FAULTS_BEGIN, 4.0) * (1.0 + 0.08 * own.nth(3).at(t, 2.0));
    let write_await = 92.0 - 34.0 * trouble;
    let queue = (reads * read_await + writes * write_await) / 1000.0;
    let idle_busy = 0.205 * writes / 33.5;
    Rates {
        reads,
        read_sectors,
        read_await,
        writes,
        write_sectors,
        write_await,
        busy: (idle_busy + (busy - idle_busy) * rise(t, FAULTS_BEGIN, 0.5)).min(1.0),
        queue,
    }
}

fn line(text: &mut String, major: u32, minor: u32, name: &str, fields: [u64; 11]) {
    let numbers = fields.map(|field| field.to_string()).join(" ");
    *text += &format!("{major:4} {minor:7} {name} {numbers}\n");
}
