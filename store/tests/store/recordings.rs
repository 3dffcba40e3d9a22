//! Real recordings through the store: every block of every file comes back byte for byte, hot and compacted, and the columns
//! cost what they may.

use model::{Boot, Reading, Run, RunOrigin, Template, Tick, TimeSpan, UnixNanos};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::{Reader, Slots, Writer};

const FILES: [&str; 10] = [
    "vmstat",
    "meminfo",
    "zoneinfo",
    "buddyinfo",
    "diskstats",
    "stat",
    "loadavg",
    "pressure_cpu",
    "pressure_io",
    "pressure_memory",
];

/// Blocks of each file of a recording: time and bytes.
type Recording = BTreeMap<&'static str, Vec<(i64, Vec<u8>)>>;

fn recordings() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/recordings");
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut found: Vec<PathBuf> = entries
        .filter_map(|e| Some(e.ok()?.path()))
        .filter(|p| p.to_string_lossy().ends_with(".tar.xz"))
        .collect();
    found.sort();
    found
}

fn read(path: &Path) -> Recording {
    let file = std::fs::File::open(path).unwrap();
    let mut archive = tar::Archive::new(liblzma::read::XzDecoder::new(file));
    let mut recording = Recording::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry
            .path()
            .unwrap()
            .file_name()
            .unwrap()
            .to_string_lossy()
            .into_owned();
        let Some(file) = FILES.iter().find(|f| name == format!("{f}.log")) else {
            continue;
        };
        let mut text = Vec::new();
        entry.read_to_end(&mut text).unwrap();
        recording.insert(file, blocks(&text));
    }
    recording
}

/// `@ seconds.nanoseconds` and the bytes up to the next such line.
fn blocks(text: &[u8]) -> Vec<(i64, Vec<u8>)> {
    let mut out: Vec<(i64, Vec<u8>)> = Vec::new();
    for line in text.split_inclusive(|&b| b == b'\n') {
        match line.strip_prefix(b"@ ") {
            Some(stamp) => {
                let digits: String = String::from_utf8_lossy(stamp).trim().replace('.', "");
                out.push((digits.parse().unwrap(), Vec::new()));
            }
            None => out.last_mut().unwrap().1.extend_from_slice(line),
        }
    }
    out
}

fn boot() -> Boot {
    Boot {
        boot_id: "0".into(),
        hostname: "node".into(),
        kernel: "6.18".into(),
        machine: "x86_64".into(),
        cpus: 2,
        page_size: 4096,
        clk_tck: 100,
        memory_bytes: None,
        cmdline: String::new(),
        tz: "UTC".into(),
    }
}

#[allow(clippy::needless_range_loop, reason = "the same place of ten files")]
fn write(recording: &Recording, path: &Path) -> Writer {
    let mut writer = Writer::open(path).unwrap();
    let run = Run {
        origin: RunOrigin::Import,
        interval: 1_000_000_000,
        started: UnixNanos(recording["vmstat"][0].0),
        import_key: None,
    };
    let run = writer.begin_run(&boot(), &run).unwrap().unwrap();
    let mut prior: BTreeMap<&str, Arc<Template>> = BTreeMap::new();
    let ticks = recording["vmstat"].len();
    for i in 0..ticks {
        let at = FILES.iter().map(|f| recording[f][i].0).min().unwrap();
        let readings = FILES
            .iter()
            .map(|file| {
                let (when, text) = &recording[file][i];
                let (template, values) = Template::parse(text, prior.get(file).map(|t| &**t));
                let template = match prior.get(file) {
                    Some(known) if **known == template => known.clone(),
                    _ => Arc::new(template),
                };
                prior.insert(file, template.clone());
                Reading {
                    source: file.replace('_', "/").into(),
                    offset: when - at,
                    template,
                    values,
                }
            })
            .collect();
        writer
            .append(
                run,
                &Tick {
                    at: UnixNanos(at),
                    monotonic: at,
                    readings,
                },
            )
            .unwrap();
    }
    writer
}

/// Every text of a source, in order.
fn texts(reader: &Reader, source: &str) -> Vec<Vec<u8>> {
    let all = TimeSpan::new(UnixNanos(0), UnixNanos(i64::MAX));
    let stretches = reader.stretches(source, all, &mut |_| Slots::All).unwrap();
    stretches
        .iter()
        .flat_map(|s| {
            (0..s.at.len()).map(|i| {
                s.template
                    .render(&s.columns.iter().map(|c| c[i]).collect::<Vec<_>>())
            })
        })
        .collect()
}

#[test]
fn every_block_comes_back_before_and_after_compaction() {
    for path in recordings() {
        let recording = read(&path);
        let folder = tempfile::tempdir().unwrap();
        let db = folder.path().join("x.db");
        let mut writer = write(&recording, &db);
        let reader = Reader::open(&db).unwrap();
        for pass in ["hot", "compacted"] {
            for file in FILES {
                let wanted: Vec<Vec<u8>> = recording[file].iter().map(|(_, text)| text.clone()).collect();
                assert!(
                    texts(&reader, &file.replace('_', "/")) == wanted,
                    "{pass} {file} of {}",
                    path.display()
                );
            }
            while writer.compact(true).unwrap() {}
        }
        let (at, text) = &recording["zoneinfo"][7];
        let reading = reader
            .reading_at("zoneinfo", UnixNanos(at + 1_000_000))
            .unwrap()
            .unwrap();
        assert_eq!(reading.template.render(&reading.values), *text);
        // Offsets are kept to a tenth of a millisecond.
        assert!((reading.at.0 - at).abs() <= 100_000);
    }
}

#[test]
fn stream_read_costs_at_most_a_tenth_of_a_byte_a_number() {
    let Some(path) = recordings()
        .into_iter()
        .find(|p| p.ends_with("stream_read.tar.xz"))
    else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let db = folder.path().join("x.db");
    let mut writer = write(&read(&path), &db);
    while writer.compact(true).unwrap() {}
    let sizes = Reader::open(&db).unwrap().sizes().unwrap();
    let numbers: u64 = sizes.iter().map(|s| s.numbers).sum();
    let bytes: u64 = sizes.iter().map(|s| s.blob_bytes).sum();
    assert!(numbers > 140_000, "{sizes:?}");
    assert!(
        bytes as f64 / numbers as f64 <= 0.10,
        "{bytes} bytes for {numbers} numbers: {sizes:?}"
    );
}
