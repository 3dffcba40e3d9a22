//! Where the memory is: each line of /proc/meminfo as a curve through the published readings. Before kswapd wakes, the
//! cache grows by what is read and newly written; what all else leaves is free. So the sums hold at every moment.

use super::curve::{Curve, Flow, Noise, Seconds};
use super::disks::Disks;
use super::published::{Reading, Readings};
use super::{KSWAPD_WAKES, LENGTH};

/// MemTotal, kB.
const TOTAL: f64 = 65_837_824.0;
const SHMEM: f64 = 4_292.0;

/// All lines that move.
#[derive(Debug)]
pub(super) struct Memory {
    anchors: Vec<Seconds>,
    template: Vec<(String, u64)>,
    /// kB read in plus kB newly written to files: what grows the cache while nothing is reclaimed.
    inflow: Flow,
    /// Buffers and Cached from kswapd's waking on.
    cache: Curve,
    buffers: Gauge,
    mapped: Gauge,
    active_file: Gauge,
    /// What the file lists lack of Buffers + Cached − Shmem: pages on their way between lists.
    off_list_file: Gauge,
    off_list_anon: Gauge,
    anon: Gauge,
    reclaimable: Gauge,
    unreclaimable: Gauge,
    stacks: Gauge,
    page_tables: Gauge,
    dirty: Gauge,
    writeback: Gauge,
    committed: Gauge,
    /// What no line of meminfo names (drivers' pages and the like).
    unnamed: Curve,
}

/// A curve with noise that vanishes at the published readings.
#[derive(Debug)]
struct Gauge {
    curve: Curve,
    noise: Noise,
    /// Amplitude in ordinary times and in trouble, kB.
    amplitude: (f64, f64),
    period: Seconds,
}

impl Memory {
    /// From the published readings and what the disks read and write.
    pub(super) fn new(published: &Readings, disks: &Disks) -> Memory {
        let readings: Vec<&Reading> = published.iter().collect();
        let anchors: Vec<Seconds> = readings.iter().map(|reading| reading.at).collect();
        // Points of a derived quantity: at 10:40, at the readings, at some times between, at 11:10.
        let gauge = |name: &str,
                     first: f64,
                     of: &dyn Fn(&Reading) -> f64,
                     between: &[(f64, f64)],
                     amplitude,
                     period| {
            let mut points: Vec<(f64, f64)> =
                readings.iter().map(|reading| (reading.at, of(reading))).collect();
            points.extend([(0.0, first)].iter().chain(between));
            points.sort_by(|a, b| a.0.total_cmp(&b.0));
            Gauge {
                curve: Curve::through(points),
                noise: Noise::new(name),
                amplitude,
                period,
            }
        };
        let line = |name: &str, first, between: &[(f64, f64)], amplitude, period| {
            gauge(
                name,
                first,
                &|reading: &Reading| reading.get(name),
                between,
                amplitude,
                period,
            )
        };
        let written = Noise::new("newly written");
        let inflow = Flow::of(0.0, |t| 1_150.0 * (1.0 + 0.3 * written.at(t, 6.0)));
        let inflow = Flow::of(0.0, |t| {
            let half = 0.01;
            (disks.read_sectors(t + half) - disks.read_sectors(t - half)) / 2.0 / (2.0 * half)
                + (inflow.at(t + half) - inflow.at(t - half)) / (2.0 * half)
        });
        let file = |reading: &Reading| reading.get("Cached") + reading.get("Buffers");
        let wake = file(readings[0]) + inflow.at(KSWAPD_WAKES) - inflow.at(anchors[0]);
        let mut cache = vec![(KSWAPD_WAKES, wake)];
        cache.extend(readings[1..].iter().map(|reading| (reading.at, file(reading))));
        cache.extend([(816.5, 9_200_000.0), (819.5, 3_100_000.0), (820.9, 470_000.0)]);
        cache.extend([
            (835.0, 165_000.0),
            (900.0, 140_000.0),
            (1200.0, 128_000.0),
            (LENGTH, 121_000.0),
        ]);
        cache.sort_by(|a, b| a.0.total_cmp(&b.0));
        let unnamed = |reading: &Reading| {
            let named = [
                "MemFree",
                "Buffers",
                "Cached",
                "AnonPages",
                "Slab",
                "PageTables",
                "KernelStack",
            ];
            TOTAL - named.iter().map(|name| reading.get(name)).sum::<f64>()
        };
        Memory {
            template: readings[0].lines.clone(),
            inflow,
            cache: Curve::through(cache),
            buffers: line(
                "Buffers",
                206_500.0,
                &[(820.9, 4_000.0), (LENGTH, 2_700.0)],
                (60.0, 300.0),
                4.0,
            ),
            mapped: line(
                "Mapped",
                3_071_000.0,
                &[
                    (815.35, 3_078_200.0),
                    (816.5, 2_500_000.0),
                    (819.5, 700_000.0),
                    (820.9, 20_000.0),
                    (830.0, 9_000.0),
                    (900.0, 12_500.0),
                    (LENGTH, 18_000.0),
                ],
                (400.0, 2_500.0),
                4.0,
            ),
            active_file: line(
                "Active(file)",
                4_152_000.0,
                &[
                    (816.5, 3_300_000.0),
                    (819.5, 1_050_000.0),
                    (820.9, 60_000.0),
                    (900.0, 6_000.0),
                    (LENGTH, 7_400.0),
                ],
                (500.0, 1_200.0),
                5.0,
            ),
            off_list_file: gauge(
                "off the file lists",
                300.0,
                &|r| file(r) - SHMEM - r.get("Active(file)") - r.get("Inactive(file)"),
                &[(825.0, 300.0)],
                (120.0, 300.0),
                1.0,
            ),
            off_list_anon: gauge(
                "off the anonymous lists",
                300.0,
                &|r| r.get("AnonPages") + SHMEM - r.get("Active(anon)") - r.get("Inactive(anon)"),
                &[(825.0, 100.0)],
                (100.0, 100.0),
                2.0,
            ),
            anon: line(
                "AnonPages",
                43_718_000.0,
                &[(LENGTH, 43_712_000.0)],
                (900.0, 900.0),
                2.0,
            ),
            reclaimable: line(
                "SReclaimable",
                607_000.0,
                &[
                    (816.5, 545_000.0),
                    (819.5, 350_000.0),
                    (820.9, 238_000.0),
                    (900.0, 205_000.0),
                    (LENGTH, 186_000.0),
                ],
                (150.0, 600.0),
                5.0,
            ),
            unreclaimable: line(
                "SUnreclaim",
                4_733_500.0,
                &[(LENGTH, 4_759_000.0)],
                (150.0, 300.0),
                5.0,
            ),
            stacks: line("KernelStack", 71_304.0, &[(LENGTH, 71_920.0)], (12.0, 24.0), 8.0),
            page_tables: line(
                "PageTables",
                1_850_600.0,
                &[(LENGTH, 1_852_900.0)],
                (80.0, 120.0),
                6.0,
            ),
            dirty: line("Dirty", 5_400.0, &[(825.0, 2_900.0)], (2_200.0, 900.0), 2.5),
            writeback: line(
                "Writeback",
                300.0,
                &[(814.0, 1_900.0), (824.0, 160.0)],
                (300.0, 150.0),
                1.0,
            ),
            committed: line(
                "Committed_AS",
                79_290_000.0,
                &[(LENGTH, 79_330_000.0)],
                (600.0, 900.0),
                8.0,
            ),
            unnamed: Curve::through(readings.iter().map(|reading| (reading.at, unnamed(reading)))),
            anchors,
        }
    }

    fn gauge(&self, gauge: &Gauge, t: Seconds) -> f64 {
        let away = self
            .anchors
            .iter()
            .map(|anchor| (t - anchor).abs())
            .fold(2.0, f64::min)
            / 2.0;
        let amplitude = if t < KSWAPD_WAKES {
            gauge.amplitude.0
        } else {
            gauge.amplitude.1
        };
        whole_pages(gauge.curve.at(t) + amplitude * away * gauge.noise.at(t, gauge.period))
    }

    /// Buffers + Cached, kB, not rounded: the file pages that the balance of reads and steals is about.
    pub(super) fn file_cache(&self, t: Seconds) -> f64 {
        if t < KSWAPD_WAKES {
            return self.cache.at(KSWAPD_WAKES) - (self.inflow(KSWAPD_WAKES) - self.inflow(t));
        }
        let noise = Noise::new("file cache").at(t, 3.0);
        // Not while it falls, and not where it is known.
        let settled = ((t - 824.0) / 4.0).clamp(0.0, 1.0);
        self.cache.at(t) + 14_000.0 * settled * noise
    }

    /// kB read or newly written to files until `t`.
    pub(super) fn inflow(&self, t: Seconds) -> f64 {
        self.inflow.at(t)
    }

    /// Threads that exist: each has a kernel stack of 8 kB.
    pub(super) fn threads(&self, t: Seconds) -> u64 {
        (self.gauge(&self.stacks, t) / 8.0).round() as u64
    }

    /// One line's value, kB.
    pub(super) fn value(&self, name: &str, t: Seconds) -> f64 {
        let value = |name| self.value(name, t);
        match name {
            "Buffers" => self.gauge(&self.buffers, t),
            "Cached" => whole_pages(self.file_cache(t)) - value("Buffers"),
            "Mapped" => self.gauge(&self.mapped, t).min(self.file_cache(t)),
            "Active(file)" => self.gauge(&self.active_file, t),
            "Inactive(file)" => {
                let on_lists =
                    value("Cached") + value("Buffers") - SHMEM - self.gauge(&self.off_list_file, t);
                on_lists - value("Active(file)")
            }
            "AnonPages" => self.gauge(&self.anon, t),
            "Inactive(anon)" => 3_284_244.0,
            "Active(anon)" => {
                value("AnonPages") + SHMEM - value("Inactive(anon)") - self.gauge(&self.off_list_anon, t)
            }
            "Active" => value("Active(anon)") + value("Active(file)"),
            "Inactive" => value("Inactive(anon)") + value("Inactive(file)"),
            "Dirty" => self.gauge(&self.dirty, t).max(0.0),
            "Writeback" => self.gauge(&self.writeback, t).max(0.0),
            "SReclaimable" => self.gauge(&self.reclaimable, t),
            "SUnreclaim" => self.gauge(&self.unreclaimable, t),
            "Slab" => value("SReclaimable") + value("SUnreclaim"),
            "KernelStack" => self.threads(t) as f64 * 8.0,
            "PageTables" => self.gauge(&self.page_tables, t),
            "Committed_AS" => self.gauge(&self.committed, t),
            "MemFree" => {
                let named = [
                    "Buffers",
                    "Cached",
                    "AnonPages",
                    "Slab",
                    "PageTables",
                    "KernelStack",
                ];
                TOTAL - named.iter().map(|name| value(name)).sum::<f64>() - whole_pages(self.unnamed.at(t))
            }
            // The same in all published readings.
            _ => self
                .template
                .iter()
                .find(|(line, _)| line == name)
                .map_or(0.0, |(_, value)| *value as f64),
        }
    }

    /// One line's value in pages.
    pub(super) fn pages(&self, name: &str, t: Seconds) -> u64 {
        (self.value(name, t) / 4.0) as u64
    }

    /// The file.
    pub(super) fn meminfo(&self, t: Seconds) -> String {
        let mut text = String::new();
        for (name, _) in &self.template {
            let value = self.value(name, t) as u64;
            let unit = if name.starts_with("HugePages_") { "" } else { " kB" };
            // `HardwareCorrupted:` is longer than the column; its number is padded the less.
            let width = 24usize.saturating_sub((name.len() + 1).max(16));
            text += &format!("{:<16}{value:>width$}{unit}\n", format!("{name}:"));
        }
        text
    }
}

/// The nearest multiple of 4 kB.
fn whole_pages(kilobytes: f64) -> f64 {
    (kilobytes / 4.0).round() * 4.0
}

#[cfg(test)]
mod tests {
    use super::super::published;
    use super::*;

    fn memory() -> Memory {
        Memory::new(&published::readings().unwrap(), &Disks::new())
    }

    #[test]
    fn published_readings_come_out_to_the_last_kilobyte() {
        let memory = memory();
        for reading in published::readings().unwrap().iter() {
            for (name, value) in &reading.lines {
                assert_eq!(
                    memory.value(name, reading.at),
                    *value as f64,
                    "{name} at {}",
                    reading.at
                );
            }
        }
    }

    #[test]
    fn lines_look_as_the_kernel_prints_them() {
        let text = memory().meminfo(812.92709);
        for line in [
            "MemTotal:       65837824 kB",
            "HardwareCorrupted:     0 kB",
            "HugePages_Total:       0",
        ] {
            assert!(text.lines().any(|printed| printed == line), "{line} in\n{text}");
        }
        assert!(text.contains("VmallocTotal:   34359738367 kB\n"));
    }

    #[test]
    fn memory_is_never_less_than_nothing() {
        let memory = memory();
        for second in 0..1800 {
            for (name, _) in &memory.template {
                assert!(memory.value(name, f64::from(second)) >= 0.0, "{name} at {second}");
            }
        }
    }

    #[test]
    fn the_stream_takes_ten_seconds_to_fill_what_was_free() {
        let memory = memory();
        let free = |t| memory.value("MemFree", t) / 1e6;
        assert!((6.8..7.3).contains(&free(803.0)), "{}", free(803.0));
        assert!(free(812.93) < 0.28);
        assert!(free(900.0) > 13.9);
    }
}
