//! Which block device stands on which, with identities that survive a reboot: resolved when recorded, never when read.

use std::collections::BTreeMap;
use std::path::Path;

/// Each device of /sys/block as a JSON object: dev, rotational, sectors, slaves, holders, partitions, backing_file, mounts, and where
/// the kernel tells them wwn, serial, dm_uuid, dm_name, md_uuid, md_level, sync_action, scheduler, nr_requests.
pub(crate) fn devices(sys: &Path, proc: &Path) -> BTreeMap<String, String> {
    let mounts = mounts(proc);
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(sys.join("block")).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let folder = entry.path();
        let text = |path: &str| std::fs::read_to_string(folder.join(path)).unwrap_or_default().trim().to_string();
        let list = |path: &str| -> Vec<String> {
            let entries = std::fs::read_dir(folder.join(path)).into_iter().flatten().flatten();
            let mut names: Vec<String> = entries.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
            names.sort();
            names
        };
        let sectors: u64 = text("size").parse().unwrap_or(0);
        // Loop and ram devices that nobody set up say nothing.
        if sectors == 0 {
            continue;
        }
        let partitions: Vec<String> =
            list("").into_iter().filter(|n| folder.join(n).join("partition").exists()).collect();
        let mut mounted = mounts.get(&text("dev")).cloned().unwrap_or_default();
        for partition in &partitions {
            mounted.extend(mounts.get(&text(&format!("{partition}/dev"))).cloned().unwrap_or_default());
        }
        let mut json = Json::default();
        json.text("dev", &text("dev"));
        json.raw("rotational", if text("queue/rotational") == "1" { "true" } else { "false" });
        json.raw("sectors", &sectors.to_string());
        json.list("slaves", &list("slaves"));
        json.list("holders", &list("holders"));
        json.list("partitions", &partitions);
        json.text("backing_file", &text("loop/backing_file"));
        json.list("mounts", &mounted);
        for (key, path) in [
            ("wwn", "wwid"),
            ("serial", "serial"),
            ("serial", "device/serial"),
            ("model", "device/model"),
            ("dm_name", "dm/name"),
            ("dm_uuid", "dm/uuid"),
            ("md_uuid", "md/uuid"),
            ("md_level", "md/level"),
            ("sync_action", "md/sync_action"),
            ("nr_requests", "queue/nr_requests"),
        ] {
            json.known(key, &text(path));
        }
        // `[none] mq-deadline`: the one in brackets is in use.
        let scheduler = text("queue/scheduler");
        let used = scheduler.split_once('[').and_then(|(_, r)| r.split_once(']')).map_or("", |(s, _)| s);
        json.known("scheduler", used);
        found.insert(name, json.finish());
    }
    found
}

/// Mount points by `major:minor`. A private mount namespace hides the machine's: process 1 has them.
fn mounts(proc: &Path) -> BTreeMap<String, Vec<String>> {
    let info = ["1/mountinfo", "self/mountinfo"].iter().find_map(|p| std::fs::read_to_string(proc.join(p)).ok());
    let mut mounts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in info.unwrap_or_default().lines() {
        let fields: Vec<&str> = line.split(' ').collect();
        if let (Some(dev), Some(place)) = (fields.get(2), fields.get(4)) {
            // proc_pid_mountinfo(5): space, tab, newline and backslash are octal.
            let place = place.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\");
            mounts.entry(dev.to_string()).or_default().push(place);
        }
    }
    mounts
}

/// One flat object: text, lists of text, and what is JSON already.
#[derive(Default)]
struct Json {
    fields: Vec<String>,
}

impl Json {
    fn raw(&mut self, key: &str, value: &str) {
        self.fields.push(format!("{}: {value}", quoted(key)));
    }

    fn text(&mut self, key: &str, value: &str) {
        self.raw(key, &quoted(value));
    }

    fn known(&mut self, key: &str, value: &str) {
        if !value.is_empty() {
            self.text(key, value);
        }
    }

    fn list(&mut self, key: &str, values: &[String]) {
        let values: Vec<String> = values.iter().map(|v| quoted(v)).collect();
        self.raw(key, &format!("[{}]", values.join(", ")));
    }

    fn finish(self) -> String {
        format!("{{{}}}", self.fields.join(", "))
    }
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if u32::from(c) < 0x20 => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
