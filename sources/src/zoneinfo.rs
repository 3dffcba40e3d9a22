//! /proc/zoneinfo: watermarks, sizes and statistics of each zone, and of each node inside its first populated zone.
//!
//! The same words mean different things in different places, so the place decides:
//!
//! ```text
//! Node 0, zone      DMA
//!   per-node stats                  4.8 and later, in the first populated zone only
//!       nr_inactive_anon 3843141    Subject::Node
//!   pages free     3840             from here on Subject::Zone
//!         high     16               zoneinfo.high, the watermark
//!         protection: (0, 3019)     zoneinfo.protection_0, …: pages kept from requests that could use zone 0, 1, …
//!       nr_free_pages 3840
//!   pagesets
//!     cpu: 0                        from here on Subject::ZoneCpu
//!               high:  186          zoneinfo.pageset_high, a limit of the per-CPU list
//!   vm stats threshold: 4
//!   node_unreclaimable:  0          the zone again
//! ```
//!
//! Up to 4.7 the protection stands behind the statistics, and there are no per-node ones.

use crate::columns::{Columns, Decoded};
use crate::layout::{Line, Number, lines};
use crate::vm_statistics::{Era, meaning};
use crate::zone::Zone;
use model::{Kind, Subject, Template, Unit};

const PER_NODE: &str = "per-node";

/// Lines of a zone that are not in vmstat. The marks include a boost while there is one.
const ZONE_PAGES: [&str; 12] = [
    "free",
    "boost",
    "min",
    "low",
    "high",
    "promo",
    "scanned",
    "spanned",
    "present",
    "managed",
    "cma",
    "start_pfn",
];
const ZONE_COUNTS: [&str; 4] = [
    "node_unreclaimable",
    "all_unreclaimable",
    "prev_priority",
    "inactive_ratio",
];
/// Lines of a per-CPU list.
const PAGESET: [&str; 5] = ["count", "high", "batch", "high_min", "high_max"];

/// Where in the file a line stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Node,
    Zone,
    Cpu(u32),
}

pub(crate) fn decode(template: &Template) -> Decoded {
    let lines = lines(template);
    let era = match lines.iter().any(|line| line.word(0) == Some(PER_NODE)) {
        true => Era::NodeLists,
        false => Era::ZoneLists,
    };
    let mut columns = Columns::new("zoneinfo", template);
    let mut zone: Option<Zone> = None;
    let mut place = Place::Zone;
    for line in &lines {
        if let Some((next, _)) = Zone::heading(line) {
            zone = Some(next);
            place = Place::Zone;
        }
        let Some(zone) = &zone else { continue };
        place = place_of(line, place);
        let subject = match place {
            Place::Node => Subject::Node(zone.node),
            Place::Zone => zone.subject(),
            Place::Cpu(cpu) => zone.cpu(cpu),
        };
        if line.word(0) == Some("protection:") {
            for (zone_index, (_, number)) in line.numbers().enumerate() {
                columns.put(
                    number,
                    &format!("protection_{zone_index}"),
                    Unit::Pages,
                    Kind::Gauge,
                    subject.clone(),
                );
            }
        } else if let Some((name, number, unit, kind)) = statistic(line, place, era) {
            columns.put(number, &name, unit, kind, subject.clone());
        }
        columns.keep_unknown(line, &subject);
    }
    columns.finish(&lines)
}

/// Where this line stands, given where the one before it stood.
fn place_of(line: &Line, before: Place) -> Place {
    match (line.word(0), line.word(1)) {
        (Some(PER_NODE), _) => Place::Node,
        (Some("pages"), _) => Place::Zone,
        (Some("cpu:"), Some(cpu)) => cpu.parse().map_or(before, Place::Cpu),
        // What a zone says after its per-CPU lists: the number of a CPU does not concern it.
        (Some(_), None) if matches!(before, Place::Cpu(_)) => {
            let name = line.pair().map_or("", |(name, _)| name);
            let of_zone =
                !PAGESET.contains(&name) && (ZONE_COUNTS.contains(&name) || ZONE_PAGES.contains(&name));
            if of_zone { Place::Zone } else { before }
        }
        _ => before,
    }
}

fn statistic(line: &Line, place: Place, era: Era) -> Option<(String, Number, Unit, Kind)> {
    if let (Some("pages"), Some("free"), Some(number)) = (line.word(0), line.word(1), line.number(2)) {
        return Some(("free".to_owned(), number, Unit::Pages, Kind::Gauge));
    }
    if let (Place::Cpu(_), Some("vm"), Some("threshold:"), Some(number)) =
        (place, line.word(0), line.word(2), line.number(3))
    {
        return Some((
            "pageset_vm_stats_threshold".to_owned(),
            number,
            Unit::Pages,
            Kind::Gauge,
        ));
    }
    if let (Place::Node, Some(number), 1) = (place, line.number(0), line.tokens.len()) {
        // 4.14 to 4.19 hide the name of this one, but print its value.
        let (unit, kind) = meaning("nr_indirectly_reclaimable", era)?;
        return Some(("nr_indirectly_reclaimable".to_owned(), number, unit, kind));
    }
    let (name, number) = line.pair()?;
    let (name, unit, kind) = match place {
        Place::Cpu(_) => (
            format!("pageset_{}", PAGESET.iter().find(|known| **known == name)?),
            Unit::Pages,
            Kind::Gauge,
        ),
        Place::Zone if ZONE_PAGES.contains(&name) => (name.to_owned(), Unit::Pages, Kind::Gauge),
        Place::Zone if ZONE_COUNTS.contains(&name) => (name.to_owned(), Unit::Count, Kind::Gauge),
        Place::Node | Place::Zone => {
            let (unit, kind) = meaning(name, era)?;
            (name.to_owned(), unit, kind)
        }
    };
    Some((name, number, unit, kind))
}
