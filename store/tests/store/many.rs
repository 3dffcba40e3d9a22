//! Readings of many sources at once, as of control groups.

use crate::common::{SECOND, Scratch, begin};
use model::{Reading, Template, Tick, TimeSpan, UnixNanos};
use std::sync::Arc;
use store::SeeReading;

#[test]
fn compacted_or_not_each_reading_is_shown_once_and_only_those_of_the_prefix() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer();
    let run = begin(&mut writer);
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
    let reader = scratch.reader();
    let see: &mut SeeReading<'_> = &mut |source, at, template, values| {
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
