//! The recordings of real incidents, where they are there: every number of every file has a known name, and what is
//! called a counter never goes back within a recording.

use model::{Column, Subject, Template};
use std::collections::{BTreeSet, HashMap};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

#[derive(Default)]
struct Findings {
    seen: BTreeSet<&'static str>,
    unknown: BTreeSet<String>,
    went_back: BTreeSet<String>,
}

#[test]
fn every_number_of_every_recording_is_known_and_every_counter_counts_up() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/recordings");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        println!("no recordings beside this repository: nothing tested");
        return;
    };
    let mut findings = Findings::default();
    for path in entries.map(|entry| entry.expect("a readable folder").path()) {
        if path.extension().is_some_and(|extension| extension == "xz") {
            look_through(&path, &mut findings);
        }
    }
    assert_eq!(findings.unknown, BTreeSet::new(), "made-up names");
    assert_eq!(findings.went_back, BTreeSet::new(), "counters that went back");
    for source in sources::all()
        .iter()
        .filter(|source| source.name != "pressure/irq")
    {
        assert!(
            findings.seen.contains(source.name),
            "no recording has {}",
            source.name
        );
    }
}

/// Decodes every reading of one recording.
fn look_through(path: &Path, findings: &mut Findings) {
    let file = std::fs::File::open(path).expect("a readable recording");
    let mut archive = tar::Archive::new(liblzma::read::XzDecoder::new(file));
    for entry in archive.entries().expect("a tar archive") {
        let mut entry = entry.expect("an entry");
        let name = entry.path().expect("a path").into_owned();
        let Some(source) = source_of(&name) else { continue };
        let mut log = Vec::new();
        entry.read_to_end(&mut log).expect("the entry's bytes");
        findings.seen.insert(source.name);
        let mut template = Template::default();
        let mut columns = Vec::new();
        let mut last = HashMap::new();
        for block in readings(&log) {
            let mut values = Vec::new();
            if !template.read(block, &mut values) {
                (template, values) = Template::parse(block, Some(&template));
                columns = (source.decode)(&template);
                assert_eq!(columns.len(), template.slots().len());
                let unknown = source.unknown(&template);
                findings.unknown.extend(
                    unknown
                        .iter()
                        .map(|c| format!("{} of {}", c.metric.name, c.subject)),
                );
            }
            note_steps_back(&columns, &values, &mut last, &mut findings.went_back);
        }
    }
}

fn note_steps_back(
    columns: &[Column],
    values: &[u64],
    last: &mut HashMap<(Arc<str>, Subject), u64>,
    went_back: &mut BTreeSet<String>,
) {
    // Idle time is made up when it is read, and may step back: Documentation/filesystems/proc.rst.
    let excused = |name: &str| matches!(name, "stat.idle" | "stat.iowait");
    for column in columns
        .iter()
        .filter(|c| c.metric.kind.is_counter() && !excused(&c.metric.name))
    {
        let value = values[column.slot];
        let before = last.insert((column.metric.name.clone(), column.subject.clone()), value);
        if before.is_some_and(|before| before > value) {
            went_back.insert(format!("{} of {}", column.metric.name, column.subject));
        }
    }
}

/// `…/proc/pressure_io.log` is `pressure/io`.
fn source_of(path: &Path) -> Option<&'static sources::Source> {
    let file = path.file_name()?.to_str()?.strip_suffix(".log")?;
    sources::find(&file.replace('_', "/"))
}

/// The files between the `@ <time>` lines.
fn readings(log: &[u8]) -> impl Iterator<Item = &[u8]> {
    let starts: Vec<usize> = (0..log.len())
        .filter(|&i| log[i] == b'@' && (i == 0 || log[i - 1] == b'\n'))
        .collect();
    let ends = starts
        .iter()
        .skip(1)
        .copied()
        .chain([log.len()])
        .collect::<Vec<_>>();
    starts.into_iter().zip(ends).map(|(from, to)| {
        let block = &log[from..to];
        let heading = block
            .iter()
            .position(|&b| b == b'\n')
            .map_or(block.len(), |i| i + 1);
        &block[heading..]
    })
}
