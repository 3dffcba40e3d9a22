//! The recordings of real incidents, where they are there: every number of every file has a known name.

use model::Template;
use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;

#[test]
fn every_number_of_every_recording_has_a_known_name() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/recordings");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        println!("no recordings beside this repository: nothing tested");
        return;
    };
    let mut seen = BTreeSet::new();
    let mut unknown = BTreeSet::new();
    for path in entries.map(|entry| entry.expect("a readable folder").path()) {
        if path.extension().is_some_and(|extension| extension == "xz") {
            names_of(&path, &mut seen, &mut unknown);
        }
    }
    assert!(
        unknown.is_empty(),
        "made-up names:\n{}",
        Vec::from_iter(unknown).join("\n")
    );
    for source in sources::all()
        .iter()
        .filter(|source| source.name != "pressure/irq")
    {
        assert!(seen.contains(source.name), "no recording has {}", source.name);
    }
}

/// Decodes every template of one recording.
fn names_of(path: &Path, seen: &mut BTreeSet<&'static str>, unknown: &mut BTreeSet<String>) {
    let file = std::fs::File::open(path).expect("a readable recording");
    let mut archive = tar::Archive::new(liblzma::read::XzDecoder::new(file));
    for entry in archive.entries().expect("a tar archive") {
        let mut entry = entry.expect("an entry");
        let name = entry.path().expect("a path").into_owned();
        let Some(source) = source_of(&name) else { continue };
        let mut log = Vec::new();
        entry.read_to_end(&mut log).expect("the entry's bytes");
        seen.insert(source.name);
        let mut template = Template::default();
        for block in readings(&log) {
            if template.read(block, &mut Vec::new()) {
                continue;
            }
            template = Template::parse(block, Some(&template)).0;
            assert_eq!((source.decode)(&template).len(), template.slots().len());
            unknown.extend(
                source
                    .unknown(&template)
                    .iter()
                    .map(|c| format!("{} of {}", c.metric.name, c.subject)),
            );
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
