//! What the machine was: published where that is said, otherwise plausible for a server of its time.

use super::START;
use super::cpu::{BOOTED, CPUS};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// node.json, sysctl.txt and block.json.
pub(super) fn files() -> BTreeMap<String, Vec<u8>> {
    let boot = (START + BOOTED) * 1_000_000_000;
    let node = json!({
        "hostname": "post-2016",
        "kernel": "2.6.32-504.el6.x86_64",
        "machine": "x86_64",
        "boot_id": "5d0f2c3e-7a41-4b86-9d1e-20160910a5e1",
        "page_size": 4096,
        "clk_tck": 100,
        "cpus": CPUS,
        "cmdline": "ro root=/dev/md0 rhgb quiet",
        "realtime_minus_monotonic_ns": boot,
        "tz": "UTC",
    });
    // min_free_kbytes follows from the marks, overcommit_ratio from CommitLimit, swappiness is in the post; the others are
    // the distribution's defaults.
    let settings = [
        ("vm.dirty_background_ratio", 10),
        ("vm.dirty_expire_centisecs", 3_000),
        ("vm.dirty_ratio", 20),
        ("vm.dirty_writeback_centisecs", 500),
        ("vm.extra_free_kbytes", 0),
        ("vm.min_free_kbytes", 90_112),
        ("vm.overcommit_memory", 0),
        ("vm.overcommit_ratio", 90),
        ("vm.swappiness", 1),
        ("vm.vfs_cache_pressure", 100),
        ("vm.zone_reclaim_mode", 0),
    ];
    let settings: String = settings
        .iter()
        .map(|(name, value)| format!("{name} = {value}\n"))
        .collect();
    let text = |value: &Value| format!("{value:#}\n").into_bytes();
    BTreeMap::from([
        ("node.json".into(), text(&node)),
        ("sysctl.txt".into(), settings.into_bytes()),
        ("block.json".into(), text(&Value::Object(devices()))),
    ])
}

/// The mirrored pair under md0 to md3, and the SSD. Sizes and mount points are made up.
fn devices() -> Map<String, Value> {
    let device =
        |dev: &str, rotational: bool, sectors: u64, slaves: Value, partitions: Value, mounts: Value| {
            json!({"dev": dev, "rotational": rotational, "sectors": sectors, "slaves": slaves, "holders": [],
               "partitions": partitions, "backing_file": "", "mounts": mounts})
        };
    let disk = |dev, name: &str| {
        let parts: Vec<String> = (1..=4).map(|part| format!("{name}{part}")).collect();
        device(dev, true, 1_172_123_568, json!([]), json!(parts), json!([]))
    };
    let mut devices = Map::new();
    devices.insert("sda".into(), disk("8:0", "sda"));
    devices.insert("sdb".into(), disk("8:16", "sdb"));
    for (number, mount) in [Some("/"), Some("/home"), None, Some("/var")]
        .into_iter()
        .enumerate()
    {
        let slaves = json!([format!("sda{}", number + 1), format!("sdb{}", number + 1)]);
        let mounts = json!(mount.into_iter().collect::<Vec<_>>());
        let md = device(
            &format!("9:{number}"),
            true,
            209_582_080,
            slaves,
            json!([]),
            mounts,
        );
        devices.insert(format!("md{number}"), md);
    }
    devices.insert(
        "vgca0".into(),
        device(
            "252:0",
            false,
            1_073_741_824,
            json!([]),
            json!([]),
            json!(["/data"]),
        ),
    );
    devices
}
