//! Hiding who and where: names become tokens, the same name always the same one.
//!
//! A token is a part of the SHA-256 of a random salt and the name; the salt is forgotten with the [`Redactor`]. Paths are hidden name
//! by name, so that one is still below another. What kernel files count stays as it is: it holds no names but those of devices.

use model::{Boot, Event, Fact, Gap, LogRecord, ProcessIdentity};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::io::Read;
use store::Rewrite;

/// Of control groups: names that every machine has.
const COMMON_GROUPS: [&str; 9] = [
    "system.slice",
    "user.slice",
    "machine.slice",
    "init.scope",
    "app.slice",
    "session.slice",
    "kubepods.slice",
    "kubepods",
    "docker",
];

/// Kinds of units, which say nothing of whose they are.
const UNITS: [&str; 4] = [".service", ".slice", ".scope", ".mount"];

/// Keys of a block device's fact whose texts name no one.
const PLAIN_BLOCK_KEYS: [&str; 9] = [
    "dev",
    "model",
    "md_level",
    "md_sync_action",
    "scheduler",
    "zram_algorithm",
    "slaves",
    "holders",
    "partitions",
];

/// Settings whose texts are words of the kernel's.
const PLAIN_SETTINGS: [&str; 7] = [
    "sysctl.vm.",
    "sysctl.thp.",
    "sysctl.lru_gen.",
    "sysctl.ksm.",
    "sysctl.numa.",
    "sysctl.swap.",
    "sysctl.kernel.osrelease",
];

/// Kernel files that are kept: their fixed text is the kernel's own.
const PLAIN_SOURCES: [&str; 12] = [
    "meminfo",
    "vmstat",
    "zoneinfo",
    "buddyinfo",
    "diskstats",
    "stat",
    "loadavg",
    "pressure/cpu",
    "pressure/io",
    "pressure/memory",
    "pressure/irq",
    "averages",
];

/// So many hexadecimal digits in a row, with letters among them, are the name of a container, or of something else that is unique.
const ID_DIGITS: usize = 12;

/// Hides names.
pub struct Redactor {
    salt: [u8; 16],
    /// Of hosts and users: hidden wherever they occur.
    names: BTreeSet<String>,
    /// Names out of paths that are no plain words: hidden where they stand as words.
    words: BTreeSet<String>,
    /// Paths, for texts in which they hold blanks.
    paths: BTreeSet<String>,
}

impl Redactor {
    /// One with a salt that nobody knows.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn new() -> std::io::Result<Redactor> {
        let mut salt = [0; 16];
        std::fs::File::open("/dev/urandom")?.read_exact(&mut salt)?;
        Ok(Redactor {
            salt,
            names: BTreeSet::new(),
            words: BTreeSet::new(),
            paths: BTreeSet::new(),
        })
    }

    /// Learns the names of a boot. All must be learned before the first text is hidden.
    pub fn learn_boot(&mut self, boot: &Boot) {
        let host = boot.hostname.trim();
        for name in [host, host.split('.').next().unwrap_or(host)] {
            if !matches!(name, "" | "localhost") {
                self.names.insert(name.to_owned());
            }
        }
    }

    /// Learns the names in a fact.
    pub fn learn_fact(&mut self, fact: &Fact) {
        let Some(value) = &fact.value else { return };
        if matches!(&*fact.name, "sysctl.kernel.hostname" | "sysctl.kernel.domainname") && value != "(none)" {
            self.names.insert(value.trim().to_owned());
        }
        if fact.name.starts_with("block.")
            && let Ok(block) = serde_json::from_str::<serde_json::Value>(value)
        {
            let mounts = block
                .get("mounts")
                .and_then(|m| m.as_array())
                .into_iter()
                .flatten();
            for path in mounts.chain(block.get("backing_file")).filter_map(|p| p.as_str()) {
                self.learn_path(path);
            }
        }
    }

    /// Learns the names of a process.
    pub fn learn_process(&mut self, identity: &ProcessIdentity) {
        if let Some(path) = &identity.cgroup {
            self.learn_path(path);
        }
        for word in identity.cmdline.iter().flat_map(|line| line.split_whitespace()) {
            if let Some(start) = word.find("/home/") {
                self.learn_path(&word[start..]);
            }
        }
    }

    /// Learns the names in a path.
    pub fn learn_path(&mut self, path: &str) {
        if path.len() > 1 {
            self.paths.insert(path.to_owned());
        }
        if let Some(rest) = path.strip_prefix("/home/") {
            let user = rest.split('/').next().unwrap_or("");
            if !user.is_empty() {
                self.names.insert(user.to_owned());
            }
        }
        for name in path.split('/') {
            let is_plain = name.chars().all(|c| c.is_ascii_alphabetic());
            if name.len() >= 4 && !is_plain && !COMMON_GROUPS.contains(&name) {
                self.words.insert(name.to_owned());
            }
        }
    }

    /// The token of a name.
    fn token(&self, name: &str) -> String {
        let digest = Sha256::new()
            .chain_update(self.salt)
            .chain_update(name)
            .finalize();
        let hex: String = digest.iter().take(5).map(|byte| format!("{byte:02x}")).collect();
        format!("x{hex}")
    }

    fn path(&self, path: &str) -> String {
        let hide = |name: &str| {
            if matches!(name, "" | "." | "..") || COMMON_GROUPS.contains(&name) {
                return name.to_owned();
            }
            let unit = UNITS.iter().find(|unit| name.ends_with(**unit));
            self.token(name) + unit.copied().unwrap_or("")
        };
        path.split('/').map(hide).collect::<Vec<_>>().join("/")
    }

    /// A text that may hold names among other things.
    fn text(&self, text: &str) -> String {
        let spaced: Vec<&String> = self.paths.iter().filter(|path| path.contains(' ')).collect();
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        // Where two begin at one place, the longer one: a path may lie below another.
        while let Some((at, path)) = spaced
            .iter()
            .filter_map(|path| Some((rest.find(path.as_str())?, *path)))
            .min_by_key(|(at, path)| (*at, std::cmp::Reverse(path.len())))
        {
            out += &self.words(&rest[..at]);
            out += &self.path(path);
            rest = &rest[at + path.len()..];
        }
        out + &self.words(rest)
    }

    fn words(&self, text: &str) -> String {
        let is_between = |c: char| c.is_whitespace() || c.is_control() || "\"'`(),;<>[]{}|=".contains(c);
        let mut out = String::with_capacity(text.len());
        for piece in text.split_inclusive(is_between) {
            let end = piece.trim_end_matches(is_between).len();
            out += &self.word(&piece[..end]);
            out += &piece[end..];
        }
        out
    }

    fn word(&self, word: &str) -> String {
        let end = word.trim_end_matches([':', '.', '!', '?']).len();
        let (bare, mark) = word.split_at(end);
        if bare.starts_with('/') {
            return self.any_path(bare) + mark;
        }
        let is_hidden = bare.contains('@')
            || has_id(bare)
            || self.words.contains(bare)
            || bare
                .split([':', '/'])
                .any(|part| self.names.contains(part) || self.words.contains(part))
            || self
                .names
                .iter()
                .any(|name| name.len() >= 4 && bare.contains(name.as_str()));
        match is_hidden {
            true => self.token(bare) + mark,
            false => word.to_owned(),
        }
    }

    /// Hides a path, but not that of a plain device file.
    fn any_path(&self, path: &str) -> String {
        match path.strip_prefix("/dev/") {
            Some(device) if !device.contains('/') && !has_id(device) => path.to_owned(),
            _ => self.path(path),
        }
    }

    fn block(&self, value: &str) -> String {
        let Ok(serde_json::Value::Object(block)) = serde_json::from_str(value) else {
            return self.token(value);
        };
        let hidden: serde_json::Map<_, _> = block
            .into_iter()
            .map(|(key, value)| {
                let is_plain = PLAIN_BLOCK_KEYS.contains(&key.as_str());
                let value = if is_plain { value } else { self.json(value) };
                (key, value)
            })
            .collect();
        serde_json::Value::Object(hidden).to_string()
    }

    fn json(&self, value: serde_json::Value) -> serde_json::Value {
        use serde_json::Value::{Array, Object, String};
        match value {
            String(text) if text.is_empty() => String(text),
            String(text) if text.starts_with('/') => String(self.path(&text)),
            String(text) => String(self.token(&text)),
            Array(all) => Array(all.into_iter().map(|value| self.json(value)).collect()),
            Object(all) => Object(
                all.into_iter()
                    .map(|(key, value)| (key, self.json(value)))
                    .collect(),
            ),
            plain => plain,
        }
    }

    fn source_name(&self, name: &str) -> Option<String> {
        if PLAIN_SOURCES.contains(&name) {
            return Some(name.to_owned());
        }
        let rest = name.strip_prefix("cgroup/")?;
        let (group, file) = rest.rsplit_once('/').unwrap_or(("", rest));
        let is_known = sources::cgroup_files().iter().any(|source| source.name == file);
        is_known.then(|| match group {
            "" => name.to_owned(),
            group => format!("cgroup/{}/{file}", self.path(group)),
        })
    }
}

/// Whether a word holds what is unique: the id of a container, a UUID.
fn has_id(word: &str) -> bool {
    let mut runs = word.split(|c: char| !c.is_ascii_hexdigit());
    runs.any(|run| run.len() >= ID_DIGITS && run.chars().any(|c| c.is_ascii_alphabetic()))
}

impl Rewrite for Redactor {
    fn boot(&mut self, mut boot: Boot) -> Boot {
        for name in [&mut boot.hostname, &mut boot.boot_id, &mut boot.cmdline] {
            if !name.is_empty() {
                *name = self.token(name);
            }
        }
        boot
    }

    fn fact(&mut self, mut fact: Fact) -> Fact {
        let is_number = |c: char| c.is_ascii_digit() || c.is_ascii_whitespace() || "-.,".contains(c);
        let Some(value) = &fact.value else { return fact };
        let hidden = match &*fact.name {
            name if name.starts_with("block.") => self.block(value),
            "swap.devices" => self.text(value),
            name if value.chars().all(is_number) || PLAIN_SETTINGS.iter().any(|p| name.starts_with(p)) => {
                value.clone()
            }
            _ => self.token(value),
        };
        fact.value = Some(hidden);
        // Names of settings and of devices are the kernel's; others may have a control group in them.
        let is_plain = ["sysctl.", "block.", "node.", "swap."]
            .iter()
            .any(|p| fact.name.starts_with(p));
        if !is_plain {
            fact.name = self.text(&fact.name);
        }
        fact
    }

    fn process(&mut self, mut identity: ProcessIdentity) -> ProcessIdentity {
        identity.comm = self.text(&identity.comm);
        // No command line is how a thread of the kernel is told from a process.
        identity.cmdline = identity.cmdline.map(|line| match line.is_empty() {
            true => line,
            false => self.token(&line),
        });
        identity.cgroup = identity.cgroup.map(|path| self.path(&path));
        identity
    }

    fn source(&mut self, name: &str) -> Option<String> {
        self.source_name(name)
    }

    fn gap(&mut self, mut gap: Gap) -> Gap {
        gap.source = gap
            .source
            .map(|name| self.source_name(&name).unwrap_or_else(|| self.token(&name)));
        gap.why = self.text(&gap.why);
        gap
    }

    fn log(&mut self, mut record: LogRecord) -> LogRecord {
        // Of the facilities, 0 is the kernel's: what others write there is no text of a known shape.
        let is_free = record.priority >> 3 != 0
            || record.text.starts_with("audit: ")
            || record.text.contains("ommand line:");
        record.text = match is_free {
            true => format!("[hidden {}]", self.token(&record.text)),
            false => self.text(&record.text),
        };
        record
    }

    fn event(&mut self, mut event: Event) -> Event {
        event.detail = self.text(&event.detail);
        event
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn redactor() -> Redactor {
        let mut redactor = Redactor {
            salt: [7; 16],
            ..Redactor::new().unwrap()
        };
        redactor.names.insert("db-prod-7".into());
        redactor.learn_path("/home/alice/my data");
        redactor.learn_path("/kubepods.slice/kubepods-pod12_ab.slice/cri-x.scope");
        redactor
    }

    #[test]
    fn texts_of_the_kernel_keep_their_shape() {
        let redactor = redactor();
        let lines = [
            "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),oom_memcg=/kubepods.slice/kubepods-pod12_ab.slice,task=java,pid=1,uid=0",
            "Memory cgroup out of memory: Killed process 24031 (java) total-vm:925996kB, anon-rss:612992kB",
            "EXT4-fs (vda1): mounted filesystem 01234567-89ab-cdef-0123-456789abcdef on /home/alice/my data.",
            "db-prod-7: link is up, mail alice@example.com, dev /dev/vda and /dev/mapper/vg-alice",
            "cri-x.scope ended; sshd[12]: session of alices-laptop",
            "bash (4711): drop_caches: 3",
            "",
            "\n=",
        ];
        expect![[r#"
            oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),oom_memcg=/kubepods.slice/x0bbf8dcef4.slice,task=java,pid=1,uid=0
            Memory cgroup out of memory: Killed process 24031 (java) total-vm:925996kB, anon-rss:612992kB
            EXT4-fs (vda1): mounted filesystem x84374cc74f on /xf14bed3df2/x7d565507bd/xc8b037e956.
            x78732e5d1b: link is up, mail x509efebfb0, dev /dev/vda and /x548ca55e65/x65e1aed6c7/x49be00514b
            x87184024f9 ended; sshd[12]: session of xd18c024c1c
            bash (4711): drop_caches: 3


            ="#]].assert_eq(&lines.map(|line| redactor.text(line)).join("\n"));
        let path = redactor.path("/home/alice/my data");
        assert_eq!(redactor.text("on /home/alice/my data."), format!("on {path}."));
    }

    #[test]
    fn facts() {
        let mut redactor = redactor();
        let facts = [
            ("sysctl.vm.swappiness", "60"),
            ("sysctl.thp.enabled", "always [madvise] never"),
            ("sysctl.kernel.core_pattern", "|/usr/lib/alice %p"),
            ("sysctl.kernel.hostname", "db-prod-7"),
            (
                "swap.devices",
                "/dev/zram0 partition 4194300 100\n/home/alice/swap file 1024 -2",
            ),
            (
                "block.dm-0",
                r#"{"dev":"254:0","dm_name":"vg-alice","mounts":["/","/home/alice/x"],"rotational":false,"serial":"S1","slaves":["vda2"]}"#,
            ),
            ("block.x", "alice"),
            ("odd", "alice"),
        ];
        let told: Vec<String> = facts
            .iter()
            .map(|(name, value)| {
                let fact = Fact {
                    at: model::UnixNanos(0),
                    name: (*name).into(),
                    value: Some((*value).into()),
                };
                let fact = redactor.fact(fact);
                format!("{} = {}", fact.name, fact.value.unwrap())
            })
            .collect();
        expect![[r#"
            sysctl.vm.swappiness = 60
            sysctl.thp.enabled = always [madvise] never
            sysctl.kernel.core_pattern = x3ea40768fa
            sysctl.kernel.hostname = x78732e5d1b
            swap.devices = /dev/zram0 partition 4194300 100
            /xf14bed3df2/x7d565507bd/x2d0f410dea file 1024 -2
            block.dm-0 = {"dev":"254:0","dm_name":"x49be00514b","mounts":["/","/xf14bed3df2/x7d565507bd/xf7d83e9690"],"rotational":false,"serial":"x1ee800fe72","slaves":["vda2"]}
            block.x = x7d565507bd
            odd = x7d565507bd"#]].assert_eq(&told.join("\n"));
    }

    #[test]
    fn a_path_stays_below_another() {
        let redactor = redactor();
        let (upper, lower) = (redactor.path("/srv/data"), redactor.path("/srv/data/a b/c"));
        assert!(lower.starts_with(&format!("{upper}/")));
        assert_eq!(redactor.path("/"), "/");
        assert_ne!(redactor.path("/srv"), Redactor::new().unwrap().path("/srv"));
    }
}
