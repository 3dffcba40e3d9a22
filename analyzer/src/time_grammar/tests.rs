//! What people type for a time, in zones with odd changes of clock.

use super::*;
use chrono_tz::{America::New_York, Australia::Lord_Howe, Europe::Berlin, Pacific::Apia, UTC};
use expect_test::{Expect, expect};
use proptest::prelude::*;

fn at(text: &str) -> UnixNanos {
    UnixNanos(
        DateTime::parse_from_rfc3339(text)
            .unwrap()
            .timestamp_nanos_opt()
            .unwrap(),
    )
}

/// It is a Monday afternoon in New York; the data ended on Saturday, 2016-09-10, at 11:10.
fn context() -> Context {
    Context {
        now: at("2016-09-12T15:30:00-04:00"),
        data_end: Some(at("2016-09-10T11:10:00-04:00")),
        tz: New_York,
    }
}

fn show(at: UnixNanos, tz: Tz) -> String {
    DateTime::from_timestamp_nanos(at.0)
        .with_timezone(&tz)
        .to_rfc3339()
}

#[track_caller]
fn check(context: &Context, texts: &str, expected: Expect) {
    let answers = texts.split('|').map(|text| match parse(text, context) {
        Ok(at) => format!("{text:32} {}\n", show(at, context.tz)),
        Err(error) => format!("{text:32} {}\n", without_forms(error)),
    });
    expected.assert_eq(&answers.collect::<String>());
}

#[track_caller]
fn check_windows(context: &Context, windows: &[(&str, &str)], expected: Expect) {
    let answers = windows.iter().map(|&(from, to)| {
        let given = |text| (text != "–").then_some(text);
        match parse_window(given(from), given(to), 600_000_000_000, context) {
            Ok(span) => {
                format!(
                    "{from:20} {to:20} {} … {}\n",
                    show(span.from, context.tz),
                    show(span.to, context.tz)
                )
            }
            Err(error) => format!("{from:20} {to:20} {}\n", without_forms(error)),
        }
    });
    expected.assert_eq(&answers.collect::<String>());
}

/// The list of forms that ends each message is the same every time.
fn without_forms(error: TimeError) -> String {
    error
        .to_string()
        .split("; expected 10:50")
        .next()
        .unwrap_or_default()
        .to_owned()
}

#[test]
fn every_form() {
    check(
        &context(),
        "10:50|9:05|10:50:13|10:53:32.92709|11:10|11:10:01|23:59| 10:50 |2016-09-10|2016-09-10 10:50|\
2016-09-10T10:50|2016-09-10 10:50:13.5|2016-09-10T10:50:13Z|2016-09-10t10:50:13.25+02:00|\
2016-09-10 10:50 -0700|@1473504612|@1473504612.92709|@0|now|NOW|-1h|-90s|1h ago|2 hours ago|\
1 day 3 hr ago|-1h30m|-1.5h|-250ms|today|yesterday|today 10:50|yesterday 10:50:13",
        expect![[r#"
            10:50                            2016-09-10T10:50:00-04:00
            9:05                             2016-09-10T09:05:00-04:00
            10:50:13                         2016-09-10T10:50:13-04:00
            10:53:32.92709                   2016-09-10T10:53:32.927090-04:00
            11:10                            2016-09-10T11:10:00-04:00
            11:10:01                         2016-09-09T11:10:01-04:00
            23:59                            2016-09-09T23:59:00-04:00
             10:50                           2016-09-10T10:50:00-04:00
            2016-09-10                       2016-09-10T00:00:00-04:00
            2016-09-10 10:50                 2016-09-10T10:50:00-04:00
            2016-09-10T10:50                 2016-09-10T10:50:00-04:00
            2016-09-10 10:50:13.5            2016-09-10T10:50:13.500-04:00
            2016-09-10T10:50:13Z             2016-09-10T06:50:13-04:00
            2016-09-10t10:50:13.25+02:00     2016-09-10T04:50:13.250-04:00
            2016-09-10 10:50 -0700           2016-09-10T13:50:00-04:00
            @1473504612                      2016-09-10T06:50:12-04:00
            @1473504612.92709                2016-09-10T06:50:12.927090-04:00
            @0                               1969-12-31T19:00:00-05:00
            now                              2016-09-12T15:30:00-04:00
            NOW                              2016-09-12T15:30:00-04:00
            -1h                              2016-09-12T14:30:00-04:00
            -90s                             2016-09-12T15:28:30-04:00
            1h ago                           2016-09-12T14:30:00-04:00
            2 hours ago                      2016-09-12T13:30:00-04:00
            1 day 3 hr ago                   2016-09-11T12:30:00-04:00
            -1h30m                           2016-09-12T14:00:00-04:00
            -1.5h                            2016-09-12T14:00:00-04:00
            -250ms                           2016-09-12T15:29:59.750-04:00
            today                            2016-09-12T00:00:00-04:00
            yesterday                        2016-09-11T00:00:00-04:00
            today 10:50                      2016-09-12T10:50:00-04:00
            yesterday 10:50:13               2016-09-11T10:50:13-04:00
        "#]],
    );
}

#[test]
fn errors_say_what_was_expected() {
    check(
        &context(),
        "|noon|10|10:|:50|10:5x|25:00|10:60|10:50:60|10:50:13.1234567891|+1:50|010:50|2016-13-10|\
2016-02-30 10:50|2016-9-1|2016-09-10 10:50+2|2016-09-10 10:50+02:99|2016-09-10T|9999-01-01|\
@|@x|@-5|@99999999999999999999|@9999999999999|-|-1|-1y|ago|1h later|now 10:50|\
yesterday noon|-99999999999999d|１０:５０",
        expect![[r#"
                                             cannot read "" as a time: it is empty
            noon                             cannot read "noon" as a time: no form of time looks like this
            10                               cannot read "10" as a time: no form of time looks like this
            10:                              cannot read "10:" as a time: a clock time is hours:minutes in digits
            :50                              cannot read ":50" as a time: a clock time is hours:minutes in digits
            10:5x                            cannot read "10:5x" as a time: a clock time is hours:minutes in digits
            25:00                            cannot read "25:00" as a time: hours go to 23
            10:60                            cannot read "10:60" as a time: minutes go to 59
            10:50:60                         cannot read "10:50:60" as a time: seconds go to 59
            10:50:13.1234567891              cannot read "10:50:13.1234567891" as a time: a fraction has at most nine digits
            +1:50                            cannot read "+1:50" as a time: a clock time is hours:minutes in digits
            010:50                           cannot read "010:50" as a time: a clock time is hours:minutes in digits
            2016-13-10                       cannot read "2016-13-10" as a time: there is no such day
            2016-02-30 10:50                 cannot read "2016-02-30 10:50" as a time: there is no such day
            2016-9-1                         cannot read "2016-9-1" as a time: a date is year-month-day, as in 2016-09-10
            2016-09-10 10:50+2               cannot read "2016-09-10 10:50+2" as a time: an offset from UTC is written +02:00
            2016-09-10 10:50+02:99           cannot read "2016-09-10 10:50+02:99" as a time: an offset from UTC is written +02:00
            2016-09-10T                      cannot read "2016-09-10T" as a time: a clock time is hours:minutes in digits
            9999-01-01                       cannot read "9999-01-01" as a time: it lies outside the years 1678 to 2261
            @                                cannot read "@" as a time: after @ stand seconds since 1970
            @x                               cannot read "@x" as a time: after @ stand seconds since 1970
            @-5                              cannot read "@-5" as a time: after @ stand seconds since 1970
            @99999999999999999999            cannot read "@99999999999999999999" as a time: it lies outside the years 1678 to 2261
            @9999999999999                   cannot read "@9999999999999" as a time: it lies outside the years 1678 to 2261
            -                                cannot read "-" as a time: a length is numbers with units
            -1                               cannot read "-1" as a time: the unit is missing
            -1y                              cannot read "-1y" as a time: units are ms, s, m, h, d and w
            ago                              cannot read "ago" as a time: a length is numbers with units
            1h later                         cannot read "1h later" as a time: no form of time looks like this
            now 10:50                        cannot read "now 10:50" as a time: a clock time is hours:minutes in digits
            yesterday noon                   cannot read "yesterday noon" as a time: a clock time is hours:minutes in digits
            -99999999999999d                 cannot read "-99999999999999d" as a time: it lies outside the years 1678 to 2261
            １０:５０                            cannot read "１０:５０" as a time: a clock time is hours:minutes in digits
        "#]],
    );
}

#[test]
fn two_clock_times_are_one_window() {
    check_windows(
        &context(),
        &[
            ("10:50", "11:00"),
            ("11:00", "11:30"),
            ("11:30", "11:40"),
            ("23:50", "00:10"),
            ("11:00", "10:50"),
            ("10:50", "–"),
            ("11:30", "–"),
            ("–", "11:00"),
            ("–", "–"),
            ("10:50", "2016-09-09 11:00"),
            ("2016-09-08 10:50", "11:00"),
            ("2016-09-08 23:50", "00:10"),
            ("yesterday 10:50", "11:00"),
            ("-1h", "now"),
            ("-1h", "–"),
            ("now", "-1h"),
            ("2016-09-10 11:00", "2016-09-10 10:50:00.5"),
            ("10:50", "11:xx"),
        ],
        expect![[r#"
            10:50                11:00                2016-09-10T10:50:00-04:00 … 2016-09-10T11:00:00-04:00
            11:00                11:30                2016-09-10T11:00:00-04:00 … 2016-09-10T11:30:00-04:00
            11:30                11:40                2016-09-09T11:30:00-04:00 … 2016-09-09T11:40:00-04:00
            23:50                00:10                2016-09-09T23:50:00-04:00 … 2016-09-10T00:10:00-04:00
            11:00                10:50                --from 2016-09-10 11:00:00 is after --to 2016-09-10 10:50:00
            10:50                –                    2016-09-10T10:50:00-04:00 … 2016-09-10T11:10:00-04:00
            11:30                –                    2016-09-09T11:30:00-04:00 … 2016-09-10T11:10:00-04:00
            –                    11:00                2016-09-10T10:50:00-04:00 … 2016-09-10T11:00:00-04:00
            –                    –                    2016-09-10T11:00:00-04:00 … 2016-09-10T11:10:00-04:00
            10:50                2016-09-09 11:00     2016-09-09T10:50:00-04:00 … 2016-09-09T11:00:00-04:00
            2016-09-08 10:50     11:00                2016-09-08T10:50:00-04:00 … 2016-09-08T11:00:00-04:00
            2016-09-08 23:50     00:10                2016-09-08T23:50:00-04:00 … 2016-09-09T00:10:00-04:00
            yesterday 10:50      11:00                2016-09-11T10:50:00-04:00 … 2016-09-11T11:00:00-04:00
            -1h                  now                  2016-09-12T14:30:00-04:00 … 2016-09-12T15:30:00-04:00
            -1h                  –                    2016-09-12T14:30:00-04:00 … 2016-09-12T14:30:00-04:00
            now                  -1h                  --from 2016-09-12 15:30:00 is after --to 2016-09-12 14:30:00
            2016-09-10 11:00     2016-09-10 10:50:00.5 --from 2016-09-10 11:00:00 is after --to 2016-09-10 10:50:00.500
            10:50                11:xx                cannot read "11:xx" as a time: a clock time is hours:minutes in digits
        "#]],
    );
}

#[test]
fn clocks_that_jump() {
    // Berlin skips 02:00–03:00 on 2016-03-27 and has 02:00–03:00 twice on 2016-10-30. Lord Howe's change is half an hour.
    // Samoa had no 2011-12-30 at all.
    let spring = Context {
        now: at("2016-03-28T12:00:00Z"),
        data_end: Some(at("2016-03-27T12:00:00Z")),
        tz: Berlin,
    };
    check(
        &spring,
        "02:30|2016-03-27 02:30|01:59:59|03:00|2016-03-26 02:30",
        expect![[r#"
        02:30                            2016-03-27T03:00:00+02:00
        2016-03-27 02:30                 2016-03-27T03:00:00+02:00
        01:59:59                         2016-03-27T01:59:59+01:00
        03:00                            2016-03-27T03:00:00+02:00
        2016-03-26 02:30                 2016-03-26T02:30:00+01:00
    "#]],
    );
    check_windows(
        &spring,
        &[("02:15", "02:45"), ("01:30", "03:30"), ("02:30", "03:30")],
        expect![[r#"
        02:15                02:45                2016-03-27T03:00:00+02:00 … 2016-03-27T03:00:00+02:00
        01:30                03:30                2016-03-27T01:30:00+01:00 … 2016-03-27T03:30:00+02:00
        02:30                03:30                2016-03-27T03:00:00+02:00 … 2016-03-27T03:30:00+02:00
    "#]],
    );
    let autumn = Context {
        data_end: Some(at("2016-10-30T12:00:00Z")),
        ..spring
    };
    check(
        &autumn,
        "02:30|2016-10-30 02:30|2016-10-30T02:30+02:00|2016-10-30T02:30+01:00",
        expect![[r#"
        02:30                            2016-10-30T02:30:00+01:00
        2016-10-30 02:30                 2016-10-30T02:30:00+01:00
        2016-10-30T02:30+02:00           2016-10-30T02:30:00+02:00
        2016-10-30T02:30+01:00           2016-10-30T02:30:00+01:00
    "#]],
    );
    check_windows(
        &autumn,
        &[("02:15", "02:45"), ("–", "02:30"), ("02:30", "–")],
        expect![[r#"
        02:15                02:45                2016-10-30T02:15:00+02:00 … 2016-10-30T02:45:00+01:00
        –                    02:30                2016-10-30T02:20:00+01:00 … 2016-10-30T02:30:00+01:00
        02:30                –                    2016-10-30T02:30:00+02:00 … 2016-10-30T13:00:00+01:00
    "#]],
    );
    let between = Context {
        data_end: Some(at("2016-10-30T02:40:00+02:00")),
        ..spring
    };
    check(
        &between,
        "02:30|02:45",
        expect![[r#"
        02:30                            2016-10-30T02:30:00+02:00
        02:45                            2016-10-29T02:45:00+02:00
    "#]],
    );
    let island = Context {
        tz: Lord_Howe,
        ..spring
    };
    check(
        &island,
        "2016-10-02 02:15|2016-04-03 01:45",
        expect![[r#"
        2016-10-02 02:15                 2016-10-02T02:30:00+11:00
        2016-04-03 01:45                 2016-04-03T01:45:00+10:30
    "#]],
    );
    let samoa = Context {
        tz: Apia,
        data_end: Some(at("2011-12-31T00:30:00+14:00")),
        ..spring
    };
    check(
        &samoa,
        "10:50|2011-12-30 10:50|2011-12-29 10:50",
        expect![[r#"
        10:50                            2011-12-31T00:00:00+14:00
        2011-12-30 10:50                 2011-12-31T00:00:00+14:00
        2011-12-29 10:50                 2011-12-29T10:50:00-10:00
    "#]],
    );
}

#[test]
fn last_and_around() {
    let show = |answer: Result<TimeSpan, TimeError>| match answer {
        Ok(span) => format!("{} … {}\n", show(span.from, New_York), show(span.to, New_York)),
        Err(error) => format!("{error}\n"),
    };
    let context = context();
    let mut out = String::new();
    for text in ["30m", "1h30m", "30", "", "m"] {
        out += &show(parse_last(text, &context));
    }
    for text in [
        "10:52±5m",
        "10:52 +- 30s",
        "@1473504612+/-1s",
        "10:52",
        "10:52±",
        "±5m",
    ] {
        out += &show(parse_around(text, &context));
    }
    expect![[r#"
        2016-09-10T10:40:00-04:00 … 2016-09-10T11:10:00-04:00
        2016-09-10T09:40:00-04:00 … 2016-09-10T11:10:00-04:00
        cannot read "30" as a length of time: the unit is missing; expected 30m, 90s, 1h30m or 1.5h
        cannot read "" as a length of time: a length is numbers with units; expected 30m, 90s, 1h30m or 1.5h
        cannot read "m" as a length of time: a length is numbers with units; expected 30m, 90s, 1h30m or 1.5h
        2016-09-10T10:47:00-04:00 … 2016-09-10T10:57:00-04:00
        2016-09-10T10:51:30-04:00 … 2016-09-10T10:52:30-04:00
        2016-09-10T06:50:11-04:00 … 2016-09-10T06:50:13-04:00
        cannot read "10:52": expected a time and a length, such as 10:52±5m or 10:52+-5m
        cannot read "" as a length of time: a length is numbers with units; expected 30m, 90s, 1h30m or 1.5h
        cannot read "" as a time: it is empty; expected 10:50, 10:50:13, "2016-09-10 10:50", RFC 3339, @1473504612.9, -1h, "1h ago", now, today, yesterday or "yesterday 10:50"
    "#]].assert_eq(&out);
}

#[test]
fn without_data_the_present_stands_in() {
    let context = Context {
        data_end: None,
        ..context()
    };
    check(
        &context,
        "15:30|15:31",
        expect![[r#"
        15:30                            2016-09-12T15:30:00-04:00
        15:31                            2016-09-11T15:31:00-04:00
    "#]],
    );
}

fn zones() -> impl Strategy<Value = Tz> {
    prop::sample::select(vec![
        UTC,
        Berlin,
        New_York,
        Lord_Howe,
        chrono_tz::Asia::Kathmandu,
        chrono_tz::America::Sao_Paulo,
    ])
}

fn instants() -> impl Strategy<Value = UnixNanos> {
    (1_000_000_000i64..1_900_000_000, 0i64..1_000_000_000).prop_map(|(s, n)| UnixNanos(s * 1_000_000_000 + n))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn nothing_panics(text in "\\PC{0,24}", digits in "[-0-9:.@hmsdTZ+ ±]{0,24}", now in instants(), tz in zones()) {
        let context = Context { now, data_end: None, tz };
        for text in [text, digits] {
            let _ = parse(&text, &context);
            let _ = parse_around(&text, &context);
            let _ = parse_window(Some(&text), Some("10:50"), 1, &context);
            let _ = parse_window(Some("10:50"), Some(&text), 1, &context);
        }
    }

    #[test]
    fn an_instant_written_out_comes_back(instant in instants(), tz in zones()) {
        let context = Context { now: UnixNanos(0), data_end: None, tz };
        let local = DateTime::from_timestamp_nanos(instant.0).with_timezone(&tz);
        prop_assert_eq!(parse(&local.to_rfc3339(), &context), Ok(instant));
        let (seconds, nanos) = (instant.0 / 1_000_000_000, instant.0 % 1_000_000_000);
        prop_assert_eq!(parse(&format!("@{seconds}.{nanos:09}"), &context), Ok(instant));
        let again = parse(&local.format("%Y-%m-%d %H:%M:%S%.9f").to_string(), &context).unwrap();
        let naive = |at: UnixNanos| super::local(at, tz);
        prop_assert_eq!(naive(again), naive(instant), "the same clock, though maybe the other side of a fold");
    }

    #[test]
    fn a_bare_clock_time_is_the_latest_before_the_end(end in instants(), tz in zones(), second in 0u32..86_400) {
        let context = Context { now: UnixNanos(0), data_end: Some(end), tz };
        let time = NaiveTime::from_num_seconds_from_midnight_opt(second, 0).unwrap();
        let found = parse(&time.format("%H:%M:%S").to_string(), &context).unwrap();
        prop_assert!(found <= end);
        // A day with an hour too many is the longest way back.
        prop_assert!(end.seconds_since(found) < 25.5 * 3600.0);
        let shown = local(found, tz).time();
        let skipped = tz.from_local_datetime(&local(found, tz).date().and_time(time)).earliest().is_none();
        prop_assert!(shown == time || skipped, "{shown} for {time}");
    }

    #[test]
    fn windows_are_in_order_and_begin_in_the_data(end in instants(), tz in zones(), from in 0u32..1440, to in 0u32..1440) {
        let context = Context { now: UnixNanos(0), data_end: Some(end), tz };
        let clock = |minute: u32| format!("{:02}:{:02}", minute / 60, minute % 60);
        let Ok(window) = parse_window(Some(&clock(from)), Some(&clock(to)), 1, &context) else {
            prop_assert!(from > to, "only the wrong order is an error");
            return Ok(());
        };
        prop_assert!(window.from <= window.to);
        prop_assert!(window.from <= end);
        let (first, last) = (local(window.from, tz).date(), local(window.to, tz).date());
        if from <= to {
            prop_assert_eq!(first, last);
        } else {
            prop_assert_eq!(first.succ_opt().unwrap(), last);
            prop_assert!(window.to <= end);
        }
    }
}
