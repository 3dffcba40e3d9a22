//! Bad input: whatever the text, every slot gets exactly one column and no two columns have one name and subject.

mod common;

use common::{ERAS, fixture};
use model::{Column, Template};
use proptest::prelude::*;
use std::collections::HashSet;

fn check(columns: &[Column], template: &Template) {
    let slots: Vec<usize> = columns.iter().map(|c| c.slot).collect();
    assert_eq!(
        slots,
        Vec::from_iter(0..template.slots().len()),
        "every slot once and in order"
    );
    let names: HashSet<_> = columns.iter().map(|c| (&c.metric.name, &c.subject)).collect();
    assert_eq!(
        names.len(),
        columns.len(),
        "two columns with one name and subject: {columns:?}"
    );
    for column in columns {
        assert_eq!(column.scale, template.slots()[column.slot].scale);
    }
}

fn check_all(text: &[u8]) {
    check_template(&Template::parse(text, None).0);
}

fn check_template(template: &Template) {
    for source in sources::all().iter().chain(sources::cgroup_files()) {
        check(&(source.decode)(template), template);
    }
}

#[test]
fn files_cut_at_every_byte() {
    for source in sources::all() {
        let Some(text) = ERAS.iter().rev().find_map(|era| fixture(era, source.name)) else {
            continue;
        };
        // zoneinfo and vmstat repeat one shape; their first part has all there is to cut.
        for end in 0..text.len().min(3000) {
            let (template, _) = Template::parse(&text[..end], None);
            check(&(source.decode)(&template), &template);
        }
    }
}

#[test]
fn a_long_line_does_not_grow_into_gigabytes_of_names() {
    let line = "word 5 ".repeat(20_000);
    let (template, _) = Template::parse(line.as_bytes(), None);
    for source in sources::all() {
        let columns = (source.decode)(&template);
        check(&columns, &template);
        assert!(columns.iter().all(|c| c.metric.name.len() < 120));
    }
}

/// Text made of what kernel files are made of, in any order.
fn kernel_like() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just("Node 0, zone Normal".to_owned()),
        Just("Node 1, zone DMA32".to_owned()),
        Just("per-node stats".to_owned()),
        Just("pages free".to_owned()),
        Just("high".to_owned()),
        Just("cpu: 3".to_owned()),
        Just("cpu".to_owned()),
        Just("cpu7".to_owned()),
        Just("protection: (".to_owned()),
        Just("vm stats threshold:".to_owned()),
        Just("nr_dirty".to_owned()),
        Just("MemFree:".to_owned()),
        Just("kB".to_owned()),
        Just("some avg10=".to_owned()),
        Just("total=".to_owned()),
        Just("intr".to_owned()),
        Just("softirq".to_owned()),
        Just("sda".to_owned()),
        Just("pmem0.1".to_owned()),
        Just("259:0 rbytes=".to_owned()),
        Just("anon".to_owned()),
        Just("/".to_owned()),
        Just("-".to_owned()),
        Just("\n".to_owned()),
        Just("\n".to_owned()),
        "[ ,():=é]{1,3}",
        "[0-9]{1,22}(\\.[0-9]{1,3})?",
    ];
    prop::collection::vec((piece, prop::bool::ANY), 0..80).prop_map(|pieces| {
        pieces
            .into_iter()
            .flat_map(|(piece, blank)| (piece + if blank { " " } else { "" }).into_bytes())
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(text in prop::collection::vec(any::<u8>(), 0..400)) {
        check_all(&text);
    }

    #[test]
    fn any_order_of_known_words(text in kernel_like()) {
        check_all(&text);
    }

    #[test]
    fn any_stored_template(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(template) = Template::from_bytes(&bytes) {
            check_template(&template);
        }
    }
}
