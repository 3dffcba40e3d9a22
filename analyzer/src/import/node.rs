//! What a recording says beside its ticks: `node.json`, `sysctl.txt`, `sysctl-changes.txt`, `block.json`.

use super::blocks::Blocks;
use super::files::Files;
use super::{Error, Result, json_error};
use model::{Boot, Fact, Nanos, UnixNanos};
use serde::Deserialize;
use serde_json::{Map, Value};

/// `node.json`.
#[derive(Debug, Deserialize)]
pub(super) struct Node {
    hostname: String,
    kernel: String,
    boot_id: String,
    #[serde(default)]
    machine: String,
    page_size: u32,
    clk_tck: u32,
    cpus: u32,
    #[serde(default)]
    cmdline: String,
    /// IANA name; recordings of the first version have none.
    #[serde(default)]
    tz: Option<String>,
    /// Wall clock minus CLOCK_MONOTONIC when recording began.
    pub(super) realtime_minus_monotonic_ns: Nanos,
}

impl Node {
    pub(super) fn read(files: &Files) -> Result<Node> {
        let text = files.text("node.json")?.ok_or_else(|| {
            Error::whole(
                "node.json",
                "missing; a recording is a folder (or .tar.xz) with node.json and proc/*.log",
            )
        })?;
        let node: Node = serde_json::from_str(&text).map_err(|error| json_error("node.json", &error))?;
        let wrong =
            |what: &str, value: u32| Err(Error::whole("node.json", format!("{what} cannot be {value}")));
        match &node {
            Node { page_size, .. } if !page_size.is_power_of_two() || *page_size < 512 => {
                wrong("page_size", *page_size)
            }
            Node { clk_tck: 0, .. } => wrong("clk_tck", 0),
            Node { cpus: 0, .. } => wrong("cpus", 0),
            Node { boot_id, .. } if boot_id.is_empty() => Err(Error::whole("node.json", "boot_id is empty")),
            Node { tz: Some(tz), .. } if tz.parse::<chrono_tz::Tz>().is_err() => {
                Err(Error::whole("node.json", format!("{tz:?} is not a time zone")))
            }
            _ => Ok(node),
        }
    }

    pub(super) fn boot(&self, memory_bytes: Option<u64>) -> Boot {
        Boot {
            boot_id: self.boot_id.clone(),
            hostname: self.hostname.clone(),
            kernel: self.kernel.clone(),
            machine: self.machine.clone(),
            cpus: self.cpus,
            page_size: self.page_size,
            clk_tck: self.clk_tck,
            memory_bytes,
            cmdline: self.cmdline.clone(),
            tz: self.tz.clone().unwrap_or_else(|| "UTC".into()),
        }
    }
}

/// All facts of a recording that starts at `start`, in order of time. Files that are not there add nothing.
pub(super) fn facts(files: &Files, start: UnixNanos) -> Result<Vec<Fact>> {
    let mut facts = Vec::new();
    let mut hold = |at, name: String, value: String| {
        facts.push(Fact {
            at,
            name,
            value: Some(value),
        })
    };
    for (key, value) in object(files, "node.json")? {
        // The offset of two clocks is not a property of the node, and a boot's id is the boot's.
        if matches!(key.as_str(), "realtime_minus_monotonic_ns" | "boot_id") {
            continue;
        }
        let text = match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        hold(start, format!("node.{key}"), text);
    }
    for (device, description) in object(files, "block.json")? {
        hold(start, format!("block.{device}"), description.to_string());
    }
    for (line, text) in files.text("sysctl.txt")?.unwrap_or_default().lines().enumerate() {
        let (name, value) = read_setting("sysctl.txt", line as u64 + 1, text)?;
        hold(start, name, value);
    }
    const CHANGES: &str = "sysctl-changes.txt";
    if let Some(reader) = files.read(CHANGES)? {
        let mut blocks = Blocks::new(CHANGES, reader, true);
        while let Some(block) = blocks.next()? {
            for (text, line) in String::from_utf8_lossy(&block.text).lines().zip(block.line + 1..) {
                let (name, value) = read_setting(CHANGES, line, text)?;
                hold(block.at, name, value);
            }
        }
    }
    Ok(facts)
}

/// `vm.swappiness = 60`
fn read_setting(file: &str, line: u64, text: &str) -> Result<(String, String)> {
    let (name, value) = text
        .split_once('=')
        .ok_or_else(|| Error::at(file, line, "not a line of `name = value`"))?;
    let name = name.trim();
    if name.is_empty() || name.contains(char::is_whitespace) {
        return Err(Error::at(file, line, "no name before the `=`"));
    }
    Ok((format!("sysctl.{name}"), value.trim().to_owned()))
}

fn object(files: &Files, file: &str) -> Result<Map<String, Value>> {
    let Some(text) = files.text(file)? else {
        return Ok(Map::new());
    };
    serde_json::from_str(&text).map_err(|error| json_error(file, &error))
}
