//! What can be done to a machine, and what of it is then true.

use super::demand::MIB;
use crate::children::Children;
use crate::command;
use anyhow::{Context, Result, bail};
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A kind of trouble.
pub(super) struct Scenario {
    pub(super) name: &'static str,
    pub(super) what: &'static str,
    /// Taxonomy id, or `none`.
    pub(super) cause: &'static str,
    /// The process to blame.
    pub(super) process: Option<&'static str>,
    /// Whether the disk of the files is to blame.
    pub(super) on_device: bool,
    /// Makes the files it needs.
    pub(super) prepare: fn(&Stage) -> Result<()>,
    /// Starts the trouble; the answer undoes what ending its programs does not.
    pub(super) begin: fn(&Stage, &mut Children) -> Result<Undo>,
}

/// Undoes a change.
pub(super) type Undo = Box<dyn FnOnce() -> Result<()>>;

/// A service that keeps half a gigabyte of a file mapped and in use: whoever needs memory hurts it.
const APPSERVER: &str = "appserver";

/// All of them.
pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "quiet",
        what: "nothing but the ordinary service",
        cause: "none",
        process: None,
        on_device: false,
        prepare: nothing,
        begin: |_, _| Ok(Box::new(|| Ok(()))),
    },
    Scenario {
        name: "stream-read",
        what: "files larger than memory are read, over and over",
        cause: "page_cache_flood",
        process: Some("scanner"),
        on_device: true,
        prepare: |stage| stage.file("large", stage.memory_mib * 5 / 4),
        begin: |stage, children| stage.only(children, "scanner", &["read", &stage.path("large"), "0"]),
    },
    Scenario {
        name: "anon-growth",
        what: "a process takes all memory but a tenth, at 400 MiB/s",
        cause: "anon_growth",
        process: Some("leaky"),
        on_device: false,
        prepare: nothing,
        begin: |stage, children| {
            stage.only(
                children,
                "leaky",
                &["anon", &(stage.available_mib * 9 / 10).to_string(), "400"],
            )
        },
    },
    Scenario {
        name: "writeback-storm",
        what: "a file is written as fast as memory takes it",
        cause: "writeback_storm",
        process: Some("dumper"),
        on_device: true,
        prepare: nothing,
        begin: |stage, children| {
            stage.only(
                children,
                "dumper",
                &["write", &stage.path("dump"), &(stage.memory_mib / 2).to_string()],
            )
        },
    },
    Scenario {
        name: "direct-io",
        what: "a file is read past the page cache by eight threads",
        cause: "device_saturation",
        process: Some("fiojob"),
        on_device: true,
        prepare: |stage| stage.file("direct", 2048),
        begin: |stage, children| stage.only(children, "fiojob", &["read-direct", &stage.path("direct"), "8"]),
    },
    Scenario {
        name: "drop-caches",
        what: "all caches are dropped",
        cause: "drop_caches",
        process: None,
        on_device: false,
        prepare: |stage| stage.file("cached", stage.available_mib / 4),
        begin: |stage, _| {
            // What is dropped must be there.
            std::io::copy(&mut File::open(stage.path("cached"))?, &mut std::io::sink())?;
            std::fs::write("/proc/sys/vm/drop_caches", "3").context("/proc/sys/vm/drop_caches")?;
            Ok(Box::new(|| Ok(())))
        },
    },
    Scenario {
        name: "shmem-growth",
        what: "a file in tmpfs grows by 300 MiB/s",
        cause: "shmem_growth",
        process: Some("spooler"),
        on_device: false,
        prepare: nothing,
        begin: |stage, children| {
            let file = "/dev/shm/highwater-record";
            stage.start(
                children,
                "spooler",
                &["fill", file, &(stage.available_mib * 8 / 10).to_string(), "300"],
            )?;
            Ok(Box::new(move || Ok(std::fs::remove_file(file)?)))
        },
    },
    Scenario {
        name: "cpu-saturation",
        what: "four busy threads for each CPU",
        cause: "cpu_saturation",
        process: Some("burner"),
        on_device: false,
        prepare: nothing,
        begin: |stage, children| {
            let threads = 4 * std::thread::available_parallelism()?.get();
            stage.only(children, "burner", &["spin", &threads.to_string()])
        },
    },
    Scenario {
        name: "cgroup-limit",
        what: "a process grows beyond the limit of its own group",
        cause: "cgroup_limit",
        process: Some("tenant"),
        on_device: false,
        prepare: nothing,
        begin: |stage, children| {
            let group = Path::new("/sys/fs/cgroup/highwater-record");
            std::fs::create_dir_all(group).context("cgroup v2 at /sys/fs/cgroup")?;
            std::fs::write(group.join("memory.max"), (600 * MIB).to_string())
                .context("memory.max of a group")?;
            stage.start(
                children,
                "tenant",
                &["anon-in", &group.to_string_lossy(), "900", "40"],
            )?;
            Ok(Box::new(move || {
                // Empty a moment after its last process is gone.
                std::thread::sleep(std::time::Duration::from_millis(300));
                std::fs::remove_dir(group).context("the group")
            }))
        },
    },
];

fn nothing(_: &Stage) -> Result<()> {
    Ok(())
}

/// The machine and the folder for files.
pub(super) struct Stage {
    folder: PathBuf,
    /// The whole disk under the folder, where it has one.
    pub(super) device: Option<String>,
    memory_mib: u64,
    available_mib: u64,
}

impl Stage {
    /// Makes the folder and the ordinary service's file.
    pub(super) fn prepare(folder: &Path) -> Result<Stage> {
        // SAFETY: no arguments, no memory, cannot fail.
        if unsafe { libc::geteuid() } != 0 {
            bail!("only root can do this");
        }
        std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        let meminfo = std::fs::read_to_string("/proc/meminfo")?;
        let mib = |name: &str| -> Result<u64> {
            let line = meminfo
                .lines()
                .find_map(|line| line.strip_prefix(name))
                .with_context(|| format!("no {name}"))?;
            Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? / 1024)
        };
        let stage = Stage {
            folder: folder.to_owned(),
            device: device_of(folder),
            memory_mib: mib("MemTotal:")?,
            available_mib: mib("MemAvailable:")?,
        };
        stage.file(APPSERVER, 500)?;
        Ok(stage)
    }

    /// Starts the ordinary service.
    pub(super) fn appserver(&self, children: &mut Children) -> Result<()> {
        self.start(children, APPSERVER, &["mapped", &self.path(APPSERVER), "1000"])
    }

    /// Starts a demand: our own program again, under the name that the kernel is to show.
    fn start(&self, children: &mut Children, name: &str, arguments: &[&str]) -> Result<()> {
        let mut program = command::in_root(std::env::current_exe().context("where this program is")?);
        program.args(["demand", name]).args(arguments);
        children.start(name, &mut program).map(drop)
    }

    /// Starts one program, whose end is the end of the trouble.
    fn only(&self, children: &mut Children, name: &str, arguments: &[&str]) -> Result<Undo> {
        self.start(children, name, arguments)?;
        Ok(Box::new(|| Ok(())))
    }

    fn path(&self, name: &str) -> String {
        self.folder.join(name).to_string_lossy().into_owned()
    }

    /// A file with real blocks: holes would be read without any disk.
    fn file(&self, name: &str, mib: u64) -> Result<()> {
        println!("making {name}, {mib} MiB");
        let mut file = File::create(self.path(name)).with_context(|| self.path(name))?;
        let block: Vec<u8> = (0..MIB)
            .map(|byte| (byte.wrapping_mul(2_654_435_761) >> 13) as u8)
            .collect();
        for _ in 0..mib {
            file.write_all(&block)?;
        }
        file.sync_all()?;
        // SAFETY: only advice on a file that is open; its pages are clean after the sync.
        unsafe {
            libc::posix_fadvise(
                std::os::fd::AsRawFd::as_raw_fd(&file),
                0,
                0,
                libc::POSIX_FADV_DONTNEED,
            )
        };
        Ok(())
    }

    /// Removes the folder.
    pub(super) fn clear(&self) -> Result<()> {
        std::fs::remove_dir_all(&self.folder).with_context(|| self.folder.display().to_string())
    }
}

/// The disk that a folder's file system lies on, partitions resolved.
fn device_of(folder: &Path) -> Option<String> {
    let number = std::fs::metadata(folder).ok()?.dev();
    let link = format!("/sys/dev/block/{}:{}", libc::major(number), libc::minor(number));
    let path = std::fs::canonicalize(link).ok()?;
    let disk = if path.join("partition").exists() {
        path.parent()?
    } else {
        &path
    };
    Some(disk.file_name()?.to_string_lossy().into_owned())
}
