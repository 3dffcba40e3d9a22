//! Any text comes back byte for byte.

use super::{Fill, Piece, Template};
use proptest::prelude::*;

/// A template as text: `{7}` is a slot of width 7, `{07}` zero-filled, `{.2}` two decimals, `{}` bare.
fn show(template: &Template) -> String {
    template
        .pieces()
        .map(|piece| match piece {
            Piece::Text(text) => String::from_utf8_lossy(text).replace('\n', "\\n"),
            Piece::Slot(_, slot) => {
                let width = if slot.width == 0 {
                    String::new()
                } else {
                    slot.width.to_string()
                };
                let zero = if slot.fill == Fill::Zero { "0" } else { "" };
                let scale = if slot.scale == 0 {
                    String::new()
                } else {
                    format!(".{}", slot.scale)
                };
                format!("{{{zero}{width}{scale}}}")
            }
        })
        .collect()
}

#[track_caller]
fn check(text: &str, template: &str, values: &[u64]) {
    let (parsed, read) = Template::parse(text.as_bytes(), None);
    assert_eq!((show(&parsed).as_str(), read.as_slice()), (template, values));
    assert_eq!(parsed.render(&read), text.as_bytes());
    let mut again = Vec::new();
    assert!(parsed.read(text.as_bytes(), &mut again));
    assert_eq!(again, read);
}

#[test]
fn numbers_become_slots() {
    check("ctxt 12345\n", "ctxt {}\\n", &[12345]);
    check("MemFree:         8024 kB\n", "MemFree: {12} kB\\n", &[8024]);
    check(
        " 253       0 vda 17 0\n",
        "{4} {7} vda {} {}\\n",
        &[253, 0, 17, 0],
    );
    check(
        "some avg10=0.05 total=17\n",
        "some avg10={.2} total={}\\n",
        &[5, 17],
    );
    check(
        "0.42 10.00 3/412 999\n",
        "{.2} {.2} {}/{} {}\\n",
        &[42, 1000, 3, 412, 999],
    );
    check("delta -5\n", "delta -{}\\n", &[5]);
}

#[test]
fn digits_in_words_are_text() {
    check(
        "cpu0 sda1 dm-0 0x1f DMA32 4K _9 é5",
        "cpu0 sda1 dm-0 0x1f DMA32 4K _9 é5",
        &[],
    );
}

#[test]
fn digits_that_name_a_thing_are_text() {
    check(
        "Node 1, zone   Normal      7 \n",
        "Node 1, zone   Normal {6} \\n",
        &[7],
    );
    check("Percpu:        928 kB\n", "Percpu: {10} kB\\n", &[928]);
    check(" 259   1 pmem0.1 7\n", "{4} {3} pmem0.1 {}\\n", &[259, 1, 7]);
    check(
        "259:0 rbytes=5\n8:16 rbytes=7\n",
        "259:0 rbytes={}\\n8:16 rbytes={}\\n",
        &[5, 7],
    );
    check("10:50:13 12:5", "{}:{}:{} {}:{}", &[10, 50, 13, 12, 5]);
    check(
        "    cpu: 0\n              count: 377\n",
        "    cpu: 0\\n              count: {}\\n",
        &[377],
    );
}

#[test]
fn odd_numbers_still_come_back() {
    check("007", "{03}", &[7]);
    check("1.2.3", "{}.{}.{}", &[1, 2, 3]);
    check("00.1", "{02}.{}", &[0, 1]);
    check("18446744073709551615", "{}", &[u64::MAX]);
    check("18446744073709551616", "{02}{018}", &[18, 446744073709551616]);
    check("", "", &[]);
    check(
        "2016-09-10",
        "{}-{09}-{}".replace("{09}", "{02}").as_str(),
        &[2016, 9, 10],
    );
}

#[test]
fn a_width_that_overflows_is_kept_when_the_number_shrinks_again() {
    let (narrow, _) = Template::parse(b"zone  12345 x\n", None);
    let mut values = Vec::new();
    assert!(
        narrow.read(b"zone 1234567 x\n", &mut values),
        "a number may outgrow its padding"
    );
    let (wide, wide_values) = Template::parse(b"zone 1234567 x\n", Some(&narrow));
    assert_eq!((wide, wide_values), (narrow, values));
}

#[test]
fn spaces_that_stand_for_themselves_are_learnt_from_the_second_text() {
    let (first, _) = Template::parse(b"  pages free     9\n        low      20\n", None);
    let second = b"  pages free     10\n        low      20\n";
    let (settled, values) = Template::parse(second, Some(&first));
    assert_eq!(show(&settled), "  pages free     {}\\n        low      {}\\n");
    assert_eq!(settled.render(&values), second);
    let mut read = Vec::new();
    assert!(
        settled.read(b"  pages free     123456\n        low      7\n", &mut read),
        "and then fits for good"
    );
    let (third, _) = Template::parse(b"  pages free     5\n        low      6\n", Some(&settled));
    assert_eq!(third, settled);
}

#[test]
fn other_shapes_do_not_fit() {
    let (template, _) = Template::parse(b"a   12 b 0.50\n", None);
    let mut values = Vec::new();
    for text in [
        "",
        "a",
        "a   12 b",
        "a   12 b 0.50",
        "a   12 b 0.5\n",
        "a   12 b 0.500\n",
        "a  12 b 0.50\n",
        "a   012 b 0.50\n",
        "a   12 b 00.50\n",
        "a   12 b 0.50\n\n",
        "a    x b 0.50\n",
        "a   12 b 50\n",
        "a   12 b .50\n",
        "a 99999999999999999999999 b 0.50\n",
    ] {
        assert!(!template.read(text.as_bytes(), &mut values), "{text:?}");
    }
}

#[test]
fn malformed_bytes_are_refused() {
    let (template, _) = Template::parse(b"MemFree:  12 kB\nHuge 0.50 007\n", None);
    let bytes = template.to_bytes();
    assert_eq!(Template::from_bytes(&bytes), Ok(template));
    for cut in 0..bytes.len() {
        let _ = Template::from_bytes(&bytes[..cut]);
    }
    assert!(Template::from_bytes(&[]).is_err());
    assert!(Template::from_bytes(&[0xff; 12]).is_err());
    assert!(
        Template::from_bytes(&[1, 9, 0, 0, b'x']).is_err(),
        "slot past the text"
    );
}

/// Text that looks like /proc more often than random bytes do.
fn procish() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        "[a-zA-Z_]{1,6}[0-9]{0,2}".prop_map(String::into_bytes),
        " {1,12}".prop_map(String::into_bytes),
        "[0-9]{1,25}".prop_map(String::into_bytes),
        "[0-9]{1,3}\\.[0-9]{1,10}".prop_map(String::into_bytes),
        "0{1,3}[0-9]{0,3}".prop_map(String::into_bytes),
        "[-.:,()=/\\n\\t]".prop_map(String::into_bytes),
        any::<u64>().prop_map(|n| n.to_string().into_bytes()),
        Just(b"Node ".to_vec()),
        proptest::collection::vec(any::<u8>(), 0..4),
    ];
    proptest::collection::vec(word, 0..40).prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_text_comes_back(text in procish()) {
        let (template, values) = Template::parse(&text, None);
        prop_assert_eq!(template.render(&values), text.clone());
        let mut read = Vec::new();
        prop_assert!(template.read(&text, &mut read));
        prop_assert_eq!(read, values);
        prop_assert_eq!(Template::from_bytes(&template.to_bytes()), Ok(template));
    }

    #[test]
    fn any_bytes_come_back(text in proptest::collection::vec(any::<u8>(), 0..200)) {
        let (template, values) = Template::parse(&text, None);
        prop_assert_eq!(template.render(&values), text);
    }

    #[test]
    fn reading_is_exact(text in procish(), other in procish(), values in proptest::collection::vec(any::<u64>(), 40)) {
        // Whatever `read` accepts, `render` gives back: for another text, and for this template's own rendering of any values.
        let (template, _) = Template::parse(&text, None);
        let rendered = template.render(&values);
        let mut read = Vec::new();
        for candidate in [other, rendered] {
            if template.read(&candidate, &mut read) {
                prop_assert_eq!(template.render(&read), candidate);
            }
        }
    }

    #[test]
    fn a_prior_template_changes_nothing_of_the_text(text in procish(), prior in procish()) {
        let (prior, _) = Template::parse(&prior, None);
        let (template, values) = Template::parse(&text, Some(&prior));
        prop_assert_eq!(template.render(&values), text);
    }
}
