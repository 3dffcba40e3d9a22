//! Free memory that falls to a zone's low watermark: where kswapd is about to wake, before anything has stalled.

use model::{Reading, Subject, Template};
use std::sync::Arc;

/// Looks for it in the readings of zoneinfo.
#[derive(Default)]
pub(crate) struct Watermarks {
    template: Option<Arc<Template>>,
    zones: Vec<Zone>,
}

struct Zone {
    subject: Subject,
    /// The slots of `free`, `low` and `high`, all in pages.
    slots: [usize; 3],
    /// Free at the reading before.
    before: Option<u64>,
    /// It had plenty: to be short from then on is news.
    had_plenty: bool,
}

impl Watermarks {
    /// The first zone that had plenty and will be below low within the next tick if it loses as much as in the last: its margin is what it
    /// lost. A machine whose memory is full of cache is between its watermarks all the time, which is no news.
    pub(crate) fn fallen(&mut self, zoneinfo: &Reading) -> Option<String> {
        if !self
            .template
            .as_ref()
            .is_some_and(|known| Arc::ptr_eq(known, &zoneinfo.template))
        {
            self.learn(&zoneinfo.template);
        }
        let mut fallen = None;
        for zone in &mut self.zones {
            let [free, low, high] = zone.slots.map(|slot| zoneinfo.values.get(slot).copied());
            let (Some(free), Some(low), Some(high)) = (free, low, high) else {
                continue;
            };
            let lost = zone.before.map_or(0, |before| before.saturating_sub(free));
            zone.before = Some(free);
            if free > high.saturating_mul(2) {
                zone.had_plenty = true;
            }
            if zone.had_plenty && free < low.saturating_add(lost) {
                zone.had_plenty = false;
                let detail = || format!("zone={} free={free} low={low} lost={lost} pages", zone.subject);
                fallen.get_or_insert_with(detail);
            }
        }
        fallen
    }

    /// Another template, as after hotplug or of a longer number: what is known of a zone stays known.
    fn learn(&mut self, template: &Arc<Template>) {
        let columns = sources::decode("zoneinfo", template).unwrap_or_default();
        let slot = |name: &str, subject: &Subject| {
            let of = |c: &&model::Column| &*c.metric.name == name && c.subject == *subject;
            columns.iter().find(of).map(|c| c.slot)
        };
        let known = std::mem::take(&mut self.zones);
        let zone = |column: &model::Column| {
            let subject = column.subject.clone();
            let before = known.iter().find(|zone| zone.subject == subject);
            Some(Zone {
                slots: [
                    column.slot,
                    slot("zoneinfo.low", &subject)?,
                    slot("zoneinfo.high", &subject)?,
                ],
                before: before.and_then(|zone| zone.before),
                had_plenty: before.is_some_and(|zone| zone.had_plenty),
                subject,
            })
        };
        let free = columns.iter().filter(|c| &*c.metric.name == "zoneinfo.free");
        self.zones = free.filter_map(zone).collect();
        self.template = Some(template.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::beside::Shape;

    fn reading(shape: &mut Shape, normal: u64) -> Reading {
        let zone = |name: &str, free: u64| {
            format!(
                "Node 0, zone   {name}\n  pages free     {free}\n        min      90\n        low      100\n        high     120\n"
            )
        };
        let text = zone("  DMA", 3933) + &zone("Normal", normal);
        let (template, values) = shape.of(text.as_bytes());
        Reading {
            source: "zoneinfo".into(),
            offset: 0,
            template,
            values,
        }
    }

    #[test]
    fn a_fall_from_plenty_is_told_once_and_before_it_is_over() {
        let (mut watermarks, mut shape) = (Watermarks::default(), Shape::default());
        let mut told = Vec::new();
        // Short from the beginning; plenty; falling; short; not yet plenty; short; plenty; falling slowly to below low.
        for free in [
            110, 90, 5000, 4000, 2000, 110, 90, 200, 90, 300, 250, 110, 102, 99,
        ] {
            let found = watermarks.fallen(&reading(&mut shape, free));
            told.extend(found.map(|detail| format!("{free}: {detail}")));
        }
        assert_eq!(
            told,
            [
                "2000: zone=0/Normal free=2000 low=100 lost=2000 pages",
                "110: zone=0/Normal free=110 low=100 lost=140 pages",
            ]
        );
    }

    #[test]
    fn what_is_known_of_a_zone_outlives_its_template() {
        let (mut watermarks, mut shape) = (Watermarks::default(), Shape::default());
        assert_eq!(watermarks.fallen(&reading(&mut shape, 5000)), None);
        let mut other = reading(&mut Shape::default(), 2000);
        assert_eq!(
            watermarks.fallen(&other).as_deref(),
            Some("zone=0/Normal free=2000 low=100 lost=3000 pages")
        );
        // One value that is missing is no zero.
        other.values.clear();
        assert_eq!(watermarks.fallen(&other), None);
    }

    #[test]
    fn garbage_is_no_zone() {
        let (mut watermarks, mut shape) = (Watermarks::default(), Shape::default());
        for text in ["", "Node 0, zone Normal\n  pages free 5\n", "\0 7 low 9\n"] {
            let (template, values) = shape.of(text.as_bytes());
            let reading = Reading {
                source: "zoneinfo".into(),
                offset: 0,
                template,
                values,
            };
            assert_eq!(watermarks.fallen(&reading), None);
        }
    }
}
