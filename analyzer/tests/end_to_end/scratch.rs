//! What the end-to-end tests share: the real binary, folders of their own, and the recordings beside the repository.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The recordings, as archives. Empty where they do not lie beside the repository.
pub(crate) fn recordings() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/recordings");
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.to_string_lossy().ends_with(".tar.xz"));
    paths.sort();
    paths
}

/// What becomes of a file of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    AsItIs,
    LeftOut,
    StandsStill,
}

/// A folder with a database in it, gone when dropped.
pub(crate) struct Scratch {
    folder: tempfile::TempDir,
}

impl Scratch {
    pub(crate) fn new() -> Scratch {
        Scratch {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn db(&self) -> PathBuf {
        self.path("test.db")
    }

    /// Writes a file, with the folders it lies in.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// A small recording of three ticks in `recording/`.
    pub(crate) fn write_recording(&self) {
        self.write(
            "recording/node.json",
            r#"{"hostname": "tiny", "kernel": "6.18.0", "machine": "x86_64", "boot_id": "b-1", "page_size": 4096,
"clk_tck": 100, "cpus": 2, "cmdline": "quiet", "realtime_minus_monotonic_ns": 1600000000000000000}"#,
        );
        self.write(
            "recording/sysctl.txt",
            "vm.swappiness = 60\nkernel.threads-max = 1000\n",
        );
        self.write(
            "recording/sysctl-changes.txt",
            "@ 1700000001.500000000\nvm.swappiness = 10\n",
        );
        self.write(
            "recording/block.json",
            r#"{"vda": {"dev": "253:0", "rotational": false, "mounts": ["/"]}}"#,
        );
        self.write(
            "recording/proc/meminfo.log",
            "@ 1700000000.000100000\nMemTotal:       24684084 kB\nMemFree:         1933560 kB\n\
             @ 1700000001.000100000\nMemTotal:       24684084 kB\nMemFree:         1833560 kB\n\
             @ 1700000002.000100000\nMemTotal:       24684084 kB\nMemFree:          933560 kB\n",
        );
        self.write(
            "recording/proc/vmstat.log",
            "@ 1700000000.000200000\nnr_free_pages 483390\npgfault 1000\npgmajfault 7\n\
             @ 1700000001.000200000\nnr_free_pages 458390\npgfault 1500\npgmajfault 7\n\
             @ 1700000002.000200000\nnr_free_pages 233390\npgfault 4500\npgmajfault 9\n",
        );
        let stat = "S 1 7 7 0 -1 4194560 171 0 613 0 74 65 0 0 20 0 3 0 25 38817792 2382 0";
        let pids = |at: u32| format!("@ 170000000{at}.000300000\n9 (java) {stat}\t1 2 3 4 5 6 7\n");
        self.write("recording/proc/pids.log", (0..3).map(pids).collect::<String>());
        self.write(
            "recording/proc/kmsg.log",
            "@ 1700000000.000300000\n@ 1700000001.000300000\n6,77,100000000500000,-;hello\n@ 1700000002.000300000\n",
        );
    }

    /// A sample incident of the repository, unpacked into `name/`, with its times moved by so many seconds. Of each file it can be
    /// said whether it is left as it is, left out, or stands still: its first reading again and again.
    pub(crate) fn write_sample(&self, sample: &str, name: &str, shift: i64, fate: &dyn Fn(&str) -> Fate) {
        let archive =
            Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../sample-data/{sample}/{sample}.tar.xz"));
        let file = std::fs::File::open(archive).unwrap();
        let mut archive = tar::Archive::new(liblzma::read::XzDecoder::new(file));
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let path = entry.path().unwrap().to_string_lossy().into_owned();
            let inside = path
                .split_once('/')
                .map_or(path.clone(), |(_, inside)| inside.to_owned());
            let mut content = String::new();
            if entry.header().entry_type().is_dir() || fate(&inside) == Fate::LeftOut {
                continue;
            }
            std::io::Read::read_to_string(&mut entry, &mut content).unwrap();
            if inside == "node.json" && shift != 0 {
                let mut node: serde_json::Value = serde_json::from_str(&content).unwrap();
                let offset = node["realtime_minus_monotonic_ns"].as_i64().unwrap();
                node["realtime_minus_monotonic_ns"] = (offset + shift * 1_000_000_000).into();
                node["boot_id"] = "another boot".into();
                content = node.to_string();
            }
            if fate(&inside) == Fate::StandsStill {
                content = standing_still(&content);
            }
            let moved: String = content
                .split_inclusive('\n')
                .map(|line| moved(line, shift))
                .collect();
            self.write(&format!("{name}/{inside}"), moved);
        }
    }

    /// Runs `analyzer`; `{db}` and `{…}` paths are the caller's business.
    pub(crate) fn analyzer(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_analyzer"))
            .args(arguments)
            .env("HIGHWATER_DB", self.db())
            .env_remove("STATE_DIRECTORY")
            .output()
            .unwrap()
    }

    /// Runs it and shows exit code and both streams, with this folder's own path as `.`.
    pub(crate) fn show(&self, arguments: &[&str]) -> String {
        let output = self.analyzer(arguments);
        let folder = self.folder.path().display().to_string();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(&folder, ".");
        let mut shown = format!("exit {}\n{}", output.status.code().unwrap(), text(&output.stdout));
        if !output.stderr.is_empty() {
            shown += &format!("--- stderr\n{}", text(&output.stderr));
        }
        shown
    }
}

/// A line of a recording; the time of one that begins a block is another.
fn moved(line: &str, shift: i64) -> String {
    let moved = line.strip_prefix("@ ").and_then(|stamp| {
        let (seconds, fraction) = stamp.split_once('.')?;
        Some(format!("@ {}.{fraction}", seconds.parse::<i64>().ok()? + shift))
    });
    moved.unwrap_or_else(|| line.to_owned())
}

fn standing_still(content: &str) -> String {
    let is_stamp = |line: &&str| line.starts_with("@ ");
    let first: String = content
        .split_inclusive('\n')
        .skip(1)
        .take_while(|l| !is_stamp(l))
        .collect();
    let stamps = content.split_inclusive('\n').filter(is_stamp);
    stamps.map(|stamp| format!("{stamp}{first}")).collect()
}
