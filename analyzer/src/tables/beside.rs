//! Tables of what stands beside the ticks: boots, ticks, facts, the kernel's log, gaps, events.

use super::rows::Rows;
use super::{Cell, Field, Origin, Table, Type, Values};
use model::{Kind, TimeSpan};
use store::Reader;

/// Which of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Boots,
    Ticks,
    Facts,
    Log,
    Gaps,
    Events,
}

impl What {
    pub(super) const ALL: [What; 6] = [
        What::Boots,
        What::Ticks,
        What::Facts,
        What::Log,
        What::Gaps,
        What::Events,
    ];

    pub(super) fn table(self) -> Table {
        let (time, text) = (
            |name| Field::plain(name, Type::Time),
            |name| Field::plain(name, Type::Text),
        );
        let number = |name| Field::plain(name, Type::Int);
        let gauge = |name, unit| Field::number(name, unit, Kind::Gauge);
        let (name, about, fields) = match self {
            What::Boots => (
                "boots",
                "the machine between two starts",
                vec![
                    time("at"),
                    text("boot_id"),
                    text("hostname"),
                    text("kernel"),
                    text("machine"),
                    gauge("cpus", ""),
                    gauge("page_size", "B"),
                    gauge("clk_tck", "1/s"),
                    gauge("memory_bytes", "B"),
                    text("cmdline"),
                    text("tz"),
                ],
            ),
            What::Ticks => (
                "ticks",
                "when was read, in which boot and with which interval",
                vec![
                    time("at"),
                    number("monotonic_ns"),
                    text("boot_id"),
                    number("run"),
                    gauge("interval_ns", "ns"),
                ],
            ),
            What::Facts => (
                "facts",
                "what changes rarely: settings, devices, mounts; one row a change",
                vec![time("at"), text("name"), text("value")],
            ),
            What::Log => (
                "log",
                "the kernel's log",
                vec![time("at"), number("sequence"), number("priority"), text("text")],
            ),
            What::Gaps => (
                "gaps",
                "what was not recorded, and why",
                vec![time("at"), time("until"), text("source"), text("why")],
            ),
            What::Events => (
                "events",
                "what something sharper than a tick saw",
                vec![time("at"), text("event"), text("detail")],
            ),
        };
        Table {
            name: name.into(),
            about: about.into(),
            fields,
            origin: Origin::Beside(self),
        }
    }

    /// Whether each row belongs to one instant, and not to all after it.
    pub(super) fn is_split_by_time(self) -> bool {
        matches!(self, What::Ticks | What::Log | What::Events)
    }

    pub(super) fn read(
        self,
        reader: &Reader,
        span: TimeSpan,
        fields: &[Field],
    ) -> store::Result<(usize, Vec<Values>)> {
        let mut out = Rows::new(&self.table().fields, fields);
        match self {
            What::Boots => {
                let (boots, runs) = (reader.boots()?, reader.runs()?);
                for (place, boot) in boots.iter().enumerate() {
                    let started = runs.iter().filter(|run| run.1 == place).map(|run| run.2.started);
                    let Some(started) = started.min().filter(|at| *at <= span.to) else {
                        continue;
                    };
                    out.put(&[
                        Cell::Time(started.0),
                        Cell::Text(&boot.boot_id),
                        Cell::Text(&boot.hostname),
                        Cell::Text(&boot.kernel),
                        Cell::Text(&boot.machine),
                        // 0: an import that did not say.
                        whole(Some(u64::from(boot.cpus)).filter(|&n| n > 0)),
                        whole(Some(u64::from(boot.page_size)).filter(|&n| n > 0)),
                        whole(Some(u64::from(boot.clk_tck)).filter(|&n| n > 0)),
                        whole(boot.memory_bytes),
                        Cell::Text(&boot.cmdline),
                        Cell::Text(&boot.tz),
                    ]);
                }
            }
            What::Ticks => {
                let boots = reader.boots()?;
                for tick in reader.ticks(span)? {
                    out.put(&[
                        Cell::Time(tick.at.0),
                        Cell::Int(tick.monotonic),
                        Cell::Text(&boots[tick.boot].boot_id),
                        Cell::Int(tick.run.0),
                        Cell::Int(tick.interval),
                    ]);
                }
            }
            What::Facts => {
                for fact in reader.facts(span)? {
                    let value = Cell::text(fact.value.as_deref());
                    out.put(&[Cell::Time(fact.at.0), Cell::Text(&fact.name), value]);
                }
            }
            What::Log => {
                for record in reader.log(span)? {
                    let (sequence, priority) = (record.sequence as i64, i64::from(record.priority));
                    out.put(&[
                        Cell::Time(record.at.0),
                        Cell::Int(sequence),
                        Cell::Int(priority),
                        Cell::Text(&record.text),
                    ]);
                }
            }
            What::Gaps => {
                for gap in reader.gaps(span)? {
                    let source = Cell::text(gap.source.as_deref());
                    out.put(&[
                        Cell::Time(gap.from.0),
                        Cell::Time(gap.to.0),
                        source,
                        Cell::Text(&gap.why),
                    ]);
                }
            }
            What::Events => {
                for event in reader.events(span)? {
                    out.put(&[
                        Cell::Time(event.at.0),
                        Cell::Text(&event.kind),
                        Cell::Text(&event.detail),
                    ]);
                }
            }
        }
        Ok(out.finish())
    }
}

/// `None` is not known.
pub(super) fn whole(value: Option<u64>) -> Cell<'static> {
    value.map_or(Cell::Unknown, |value| Cell::Int(value as i64))
}
