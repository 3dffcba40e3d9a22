//! When the kernel itself says that it woke kswapd, reclaimed directly or killed: tracepoints, in an instance of our own.

use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

const EVENTS: [&str; 3] = [
    "vmscan/mm_vmscan_kswapd_wake",
    "vmscan/mm_vmscan_direct_reclaim_begin",
    "oom/mark_victim",
];

/// Switched on until dropped.
pub(super) struct Tracer(PathBuf);

impl Tracer {
    /// `None` where the kernel or our rights do not allow it; a recording without is still one.
    pub(super) fn start() -> Option<Tracer> {
        let folder = Path::new("/sys/kernel/tracing/instances/highwater-record").to_owned();
        std::fs::create_dir(&folder).ok()?;
        let tracer = Tracer(folder);
        // The clock that can be turned into wall time afterwards.
        std::fs::write(tracer.0.join("trace_clock"), "mono").ok()?;
        for event in EVENTS {
            // An event that this kernel does not have is not told.
            let _ = std::fs::write(tracer.0.join("events").join(event).join("enable"), "1");
        }
        Some(tracer)
    }

    /// First time (Unix seconds) and count of each event after `begun`, and how many there were before.
    pub(super) fn events(&self, begun: f64) -> Value {
        let text = std::fs::read_to_string(self.0.join("trace")).unwrap_or_default();
        events(&text, begun, wall_minus_monotonic())
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir(&self.0);
    }
}

fn wall_minus_monotonic() -> f64 {
    let now = |clock| {
        let mut time = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: writes to the structure it is given; both clocks always exist.
        unsafe { libc::clock_gettime(clock, &raw mut time) };
        time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
    };
    now(libc::CLOCK_REALTIME) - now(libc::CLOCK_MONOTONIC)
}

/// Lines such as `kswapd0-45 [001] ..... 12345.678901: mm_vmscan_kswapd_wake: nid=0 order=9`.
fn events(trace: &str, begun: f64, offset: f64) -> Value {
    let mut found: Map<String, Value> = Map::new();
    for line in trace.lines().filter(|line| !line.starts_with('#')) {
        let Some((head, detail)) = line.split_once(": ") else {
            continue;
        };
        let Some(at) = head.rsplit(' ').next().and_then(|time| time.parse::<f64>().ok()) else {
            continue;
        };
        let Some((name, _)) = detail.split_once(':') else {
            continue;
        };
        let at = at + offset;
        let event = found
            .entry(name)
            .or_insert_with(|| json!({"before": 0, "count": 0, "first": null, "detail": ""}));
        if at < begun {
            event["before"] = json!(event["before"].as_u64().unwrap_or(0) + 1);
            continue;
        }
        if event["count"] == 0 {
            event["first"] = json!(at);
            event["detail"] = json!(detail.trim());
        }
        event["count"] = json!(event["count"].as_u64().unwrap_or(0) + 1);
    }
    Value::Object(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_before_and_after() {
        let trace = "# tracer: nop\n kswapd0-45 [001] ..... 10.5: mm_vmscan_kswapd_wake: nid=0 order=0\n \
                     x: y-9 [000] ..... 12.25: mm_vmscan_kswapd_wake: nid=0 order=9\n kswapd0-45 [001] ..... 12.5: mm_vmscan_kswapd_wake: nid=0 order=9\n";
        let told = events(&trace.replace("x: y", "x"), 1012.0, 1000.0);
        assert_eq!(
            told["mm_vmscan_kswapd_wake"],
            json!({"before": 1, "count": 2, "first": 1012.25, "detail": "mm_vmscan_kswapd_wake: nid=0 order=9"})
        );
    }
}
