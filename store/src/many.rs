//! Reading many small sources at once: those of control groups are hundreds, and each alone would read all rows again.

use crate::columns::Block;
use crate::error::Result;
use crate::hot::OFFSET_UNIT;
use crate::reader::Reader;
use model::{Template, TimeSpan, UnixNanos};
use rusqlite::params;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is shown of a reading: source, time (the middle of the read), template, and a value for each of its slots.
pub type SeeReading<'a> = dyn FnMut(&Arc<str>, UnixNanos, &Arc<Template>, &[u64]) + 'a;

impl Reader {
    /// Shows every reading of a span, which is that of the ticks, whose source's name begins with `prefix`: source by source those
    /// that are compacted, then the others.
    ///
    /// # Errors
    /// When the database cannot be read, or a block is damaged.
    pub fn readings(&self, prefix: &str, span: TimeSpan, see: &mut SeeReading<'_>) -> Result<()> {
        self.snapshot(|_| {
            let names: BTreeMap<i64, Arc<str>> = self.ask(|db| {
                let mut rows =
                    db.prepare_cached("SELECT id, name FROM source WHERE substr(name, 1, length(?1)) = ?1")?;
                rows.query_map(params![prefix], |r| {
                    Ok((r.get(0)?, r.get::<_, String>(1)?.into()))
                })?
                .collect()
            })?;
            if names.is_empty() {
                return Ok(());
            }
            for (&id, name) in &names {
                for row in self.block_rows(id, span)? {
                    let broken = || self.damaged(format!("{name} at {} s", row.from / 1_000_000_000));
                    let template = self.template(row.template)?;
                    let block = Block::open(&row.body).ok_or_else(broken)?;
                    let all: Vec<usize> = (0..template.slots().len()).collect();
                    let columns = self.block_columns(&row, &block, &all)?.ok_or_else(broken)?;
                    for (i, (tick, at)) in row.moments().ok_or_else(broken)?.into_iter().enumerate() {
                        if span.contains(UnixNanos(tick)) {
                            let values: Vec<u64> = columns.iter().filter_map(|c| c.get(i).copied()).collect();
                            see(name, at, &template, &values);
                        }
                    }
                }
            }
            let mut trouble = Ok(());
            self.hot_readings(span, &mut |_, tick, reading| {
                let Some(name) = names.get(&reading.source) else {
                    return;
                };
                let at = UnixNanos(tick.saturating_add(reading.offset.saturating_mul(OFFSET_UNIT)));
                match self.template(reading.template) {
                    Ok(template) => see(name, at, &template, reading.values),
                    Err(error) => trouble = Err(error),
                }
            })?;
            trouble
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::{Reader, Writer};
    use model::{Boot, Reading, Run, RunOrigin, Template, Tick, TimeSpan, UnixNanos};
    use std::sync::Arc;

    const SECOND: i64 = 1_000_000_000;

    #[test]
    fn compacted_or_not_each_reading_is_shown_once_and_only_those_of_the_prefix() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        let mut writer = Writer::open(&path).unwrap();
        let boot = Boot {
            boot_id: "b".into(),
            hostname: "h".into(),
            kernel: "k".into(),
            machine: "m".into(),
            cpus: 1,
            page_size: 4096,
            clk_tck: 100,
            memory_bytes: None,
            cmdline: String::new(),
            tz: "UTC".into(),
        };
        let run = Run {
            origin: RunOrigin::Collector,
            interval: SECOND,
            started: UnixNanos(SECOND),
            import_key: None,
        };
        let run = writer.begin_run(&boot, &run).unwrap().unwrap();
        for i in 1..=20i64 {
            let mut readings = Vec::new();
            // Before its tick, and the second only now and then.
            let files = [
                ("cgroup/a/x", true),
                ("cgroup/b/x", i % 5 == 0),
                ("meminfo", true),
            ];
            for (name, _) in files.into_iter().filter(|(_, is_read)| *is_read) {
                let (template, values) = Template::parse(format!("n {i}\n").as_bytes(), None);
                readings.push(Reading {
                    source: name.into(),
                    offset: -SECOND / 10,
                    template: Arc::new(template),
                    values,
                });
            }
            let at = UnixNanos(i * SECOND);
            let tick = Tick {
                at,
                monotonic: at.0,
                readings,
            };
            writer.append(run, &tick).unwrap();
            if i == 12 {
                while writer.compact(true).unwrap() {}
            }
        }
        let span = TimeSpan::new(UnixNanos(5 * SECOND), UnixNanos(15 * SECOND));
        let mut shown = Vec::new();
        let reader = Reader::open(&path).unwrap();
        let see: &mut super::SeeReading<'_> = &mut |source, at, template, values| {
            let text = String::from_utf8(template.render(values)).unwrap();
            shown.push(format!("{source} {} {}", at.0 / (SECOND / 10), text.trim_end()));
        };
        reader.readings("cgroup/", span, see).unwrap();
        let b = ["cgroup/b/x 49 n 5", "cgroup/b/x 99 n 10", "cgroup/b/x 149 n 15"];
        let mut expected: Vec<String> = (5..=15)
            .map(|i| format!("cgroup/a/x {} n {i}", 10 * i - 1))
            .collect();
        expected.extend(b.map(String::from));
        shown.sort();
        expected.sort();
        assert_eq!(shown, expected);
        let mut none = 0;
        reader
            .readings("nothing/", span, &mut |_, _, _, _| none += 1)
            .unwrap();
        assert_eq!(none, 0);
    }
}
