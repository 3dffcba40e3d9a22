//! Files that are recorded as facts: settings, which processors and nodes are online, and block devices.

use super::tree::Tree;
use model::Fact;
use serde_json::Value;

/// Folders of /sys/kernel/mm, by what their settings are called.
const MM: [(&str, &str); 5] = [
    ("thp", "transparent_hugepage"),
    ("lru_gen", "lru_gen"),
    ("ksm", "ksm"),
    ("numa", "numa"),
    ("swap", "swap"),
];

/// Files of /sys/block/NAME by the key of the block's fact. Keys that may be of either of two files are not here.
const BLOCK_FILES: [(&str, &str); 12] = [
    ("dev", "dev"),
    ("sectors", "size"),
    ("rotational", "queue/rotational"),
    ("scheduler", "queue/scheduler"),
    ("nr_requests", "queue/nr_requests"),
    ("read_ahead_kb", "queue/read_ahead_kb"),
    ("max_sectors_kb", "queue/max_sectors_kb"),
    ("wbt_lat_usec", "queue/wbt_lat_usec"),
    ("model", "device/model"),
    ("dm_name", "dm/name"),
    ("dm_uuid", "dm/uuid"),
    ("zram_algorithm", "comp_algorithm"),
];

/// Of arrays and loop devices; a value that is empty means that there is no such file.
const STACKED_FILES: [(&str, &str); 4] = [
    ("md_level", "md/level"),
    ("md_uuid", "md/uuid"),
    ("md_sync_action", "md/sync_action"),
    ("backing_file", "loop/backing_file"),
];

/// What facts tell of a machine, and no file here shows.
pub(super) const MISSING: [&str; 2] = [
    "proc/mounts, proc/swaps: recorded in part only; `analyzer explain --json` has mounts of the devices it names",
    "sys/block: serial numbers and WWNs, whose file is not recorded; slaves and holders are empty folders, not links",
];

/// The file that a fact of a setting was read from; `None`: not of a setting.
pub(super) fn path_of(name: &str) -> Option<String> {
    match name {
        "node.cpu_online" => return Some("sys/devices/system/cpu/online".into()),
        "node.node_online" => return Some("sys/devices/system/node/online".into()),
        _ => {}
    }
    let setting = name.strip_prefix("sysctl.")?;
    let (first, rest) = setting.split_once('.')?;
    if let Some((_, folder)) = MM.iter().find(|(short, _)| *short == first) {
        return Some(format!("sys/kernel/mm/{folder}/{}", rest.replace('.', "/")));
    }
    // As sysctl(8) has it: a dot parts folders, and a slash stands for a dot in a name.
    let swapped = |c| match c {
        '.' => '/',
        '/' => '.',
        c => c,
    };
    Some(format!(
        "proc/sys/{}",
        setting.chars().map(swapped).collect::<String>()
    ))
}

/// Adds the file of a setting.
pub(super) fn add_setting(tree: &mut Tree, path: &str, value: &str) -> Result<(), &'static str> {
    tree.add(path, format!("{value}\n"))
}

/// A disk, or a partition of one, as its fact tells.
pub(super) struct Block<'a> {
    pub(super) name: &'a str,
    told: Value,
}

impl<'a> Block<'a> {
    /// `None`: no fact of a block device, or of one that went away.
    pub(super) fn of(fact: &'a Fact) -> Option<Block<'a>> {
        let name = fact.name.strip_prefix("block.")?;
        let told = serde_json::from_str(fact.value.as_deref()?).ok()?;
        Some(Block { name, told })
    }

    fn names(&self, key: &str) -> impl Iterator<Item = &str> {
        let list = self.told.get(key).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str)
    }

    /// Names of its partitions.
    pub(super) fn partitions(&self) -> impl Iterator<Item = &str> {
        self.names("partitions")
    }

    /// Adds its folder: below that of its `disk`, when it is a partition.
    pub(super) fn add(&self, tree: &mut Tree, disk: Option<&str>) -> Result<(), &'static str> {
        let folder = match disk {
            Some(disk) => format!("sys/block/{disk}/{}", self.name),
            None => format!("sys/block/{}", self.name),
        };
        // A name is one name: what would be a path of its own cannot be a device of /sys.
        if self.name.contains('/') || disk.is_some_and(|disk| disk.contains('/')) {
            return Err("its name leads elsewhere");
        }
        tree.add_folder(&folder)?;
        let plain = BLOCK_FILES.iter().map(|file| (file, true));
        for (&(key, file), keep_empty) in plain.chain(STACKED_FILES.iter().map(|file| (file, false))) {
            let text = match self.told.get(key) {
                Some(Value::String(text)) if keep_empty || !text.is_empty() => text.clone(),
                Some(Value::Bool(yes)) => u8::from(*yes).to_string(),
                Some(Value::Number(number)) => number.to_string(),
                _ => continue,
            };
            tree.add(&format!("{folder}/{file}"), format!("{text}\n"))?;
        }
        if let Some(number) = disk.and_then(|disk| partition_number(disk, self.name)) {
            tree.add(&format!("{folder}/partition"), format!("{number}\n"))?;
        }
        for relation in ["slaves", "holders"] {
            for other in self.names(relation) {
                tree.add_folder(&format!("{folder}/{relation}/{other}"))?;
            }
        }
        Ok(())
    }
}

/// The kernel names a partition after its disk and its number, with a `p` between two digits (block/partitions/core.c).
fn partition_number(disk: &str, partition: &str) -> Option<u32> {
    let rest = partition.strip_prefix(disk)?;
    let digits = match disk.ends_with(|c: char| c.is_ascii_digit()) {
        true => rest.strip_prefix('p')?,
        false => rest,
    };
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn files_of_facts() {
        let names = [
            "sysctl.vm.swappiness",
            "sysctl.net.ipv4.conf.eth0/100.forwarding",
            "sysctl.vm.//.//.//etc",
            "sysctl.thp.enabled",
            "sysctl.thp.khugepaged.defrag",
            "sysctl.lru_gen.min_ttl_ms",
            "node.cpu_online",
            "node.cmdline",
            "sysctl.odd",
        ];
        let told: Vec<String> = names
            .iter()
            .map(|name| format!("{name} → {}", path_of(name).unwrap_or_else(|| "–".into())))
            .collect();
        expect![[r#"
            sysctl.vm.swappiness → proc/sys/vm/swappiness
            sysctl.net.ipv4.conf.eth0/100.forwarding → proc/sys/net/ipv4/conf/eth0.100/forwarding
            sysctl.vm.//.//.//etc → proc/sys/vm/../../..etc
            sysctl.thp.enabled → sys/kernel/mm/transparent_hugepage/enabled
            sysctl.thp.khugepaged.defrag → sys/kernel/mm/transparent_hugepage/khugepaged/defrag
            sysctl.lru_gen.min_ttl_ms → sys/kernel/mm/lru_gen/min_ttl_ms
            node.cpu_online → sys/devices/system/cpu/online
            node.cmdline → –
            sysctl.odd → –"#]]
        .assert_eq(&told.join("\n"));
    }

    #[test]
    fn numbers_of_partitions() {
        assert_eq!(partition_number("sda", "sda12"), Some(12));
        assert_eq!(partition_number("nvme0n1", "nvme0n1p2"), Some(2));
        assert_eq!(partition_number("nvme0n1", "nvme0n12"), None);
        assert_eq!(partition_number("sda", "sdb1"), None);
    }
}
