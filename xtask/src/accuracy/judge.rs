//! An explanation against the truth: is the first cause right, the device, the process, the onset; do links run backwards.

use chrono::DateTime;
use serde_json::Value;

/// What an answer is worth. `None`: the truth does not say, or there is no answer to ask.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Row {
    pub(super) case: String,
    pub(super) truth: String,
    /// The first cause that was named, or `none`.
    pub(super) said: String,
    /// Whether it is right.
    pub(super) first: bool,
    /// Whether the true cause is among the first three.
    pub(super) among_three: bool,
    pub(super) device: Option<bool>,
    pub(super) process: Option<bool>,
    /// Seconds late (negative: early).
    pub(super) onset_error: Option<f64>,
    pub(super) onset_inside: Option<bool>,
    /// Seconds between the kernel's tracepoint and the event `kswapd-scan`.
    pub(super) kswapd_error: Option<f64>,
    /// Links whose cause begins after its effect.
    pub(super) links_backward: Option<usize>,
    pub(super) true_cause_ruled_out: Option<bool>,
}

impl Row {
    /// No answer at all.
    pub(super) fn failed(truth: &Value, why: String) -> Row {
        Row {
            case: word(&truth["case"]),
            truth: word(&truth["cause"]),
            said: format!("FAILED {why}"),
            ..Row::default()
        }
    }

    /// One line.
    pub(super) fn text(&self) -> String {
        let yes = |value: Option<bool>| value.map_or("–", |yes| if yes { "yes" } else { "NO" });
        let seconds = |value: Option<f64>| value.map_or("–".to_owned(), |s| format!("{s:+.2} s"));
        format!(
            "{:<32} {} {:<20} device {:<3} process {:<3} onset {:<8} inside {:<3} kswapd {:<8} backward {}{}",
            self.case,
            if self.first { "right" } else { "WRONG" },
            self.said,
            yes(self.device),
            yes(self.process),
            seconds(self.onset_error),
            yes(self.onset_inside),
            seconds(self.kswapd_error),
            self.links_backward
                .map_or("–".to_owned(), |links| links.to_string()),
            if self.true_cause_ruled_out == Some(true) {
                " TRUE CAUSE RULED OUT"
            } else {
                ""
            }
        )
    }
}

/// Scores a document of `analyzer explain --json`.
pub(super) fn judge(document: &Value, truth: &Value) -> Row {
    let mut row = Row {
        case: word(&truth["case"]),
        truth: word(&truth["cause"]),
        ..Row::default()
    };
    let incidents = items(&document["incidents"]);
    if row.truth == "none" {
        let alarm = incidents.iter().find(|incident| incident["severity"] != "info");
        row.first = alarm.is_none();
        row.among_three = row.first;
        row.said = match alarm.map(|alarm| &alarm["causes"][0]["cause"]) {
            None => "none".into(),
            Some(Value::String(cause)) => cause.clone(),
            Some(_) => "incident".into(),
        };
        return row;
    }
    let incident = overlapping(incidents, truth);
    let causes = incident.map_or(&[][..], |incident| items(&incident["causes"]));
    let accepted: Vec<String> = std::iter::once(row.truth.clone())
        .chain(items(&truth["also_right"]).iter().map(word))
        .collect();
    let right = |cause: &Value| accepted.contains(&word(&cause["cause"]));
    row.said = causes
        .first()
        .map_or("none".into(), |cause| word(&cause["cause"]));
    row.first = causes.first().is_some_and(right);
    row.among_three = causes.iter().take(3).any(right);
    let best = causes.first().filter(|_| row.first);
    let names_first = |list: &str, key: Option<&str>, wanted: &Value| {
        let named = best.and_then(|best| items(&best[list]).first());
        named.is_some_and(|named| key.map_or(named, |key| &named[key]) == wanted)
    };
    row.device = truth["device"]
        .is_string()
        .then(|| names_first("devices", None, &truth["device"]));
    row.process = truth["process"]
        .is_string()
        .then(|| names_first("processes", Some("comm"), &truth["process"]));
    if let (Some(best), Some(begun)) = (best, truth["begun"].as_f64()) {
        let onset = &best["onset"];
        row.onset_error = unix(&onset["best"]).map(|at| at - begun);
        row.onset_inside = unix(&onset["earliest"])
            .zip(unix(&onset["latest"]))
            .map(|(earliest, latest)| earliest - 0.05 <= begun && begun <= latest + 0.05);
    }
    let Some(incident) = incident else { return row };
    let timeline = items(&incident["timeline"]);
    let wake = &truth["events"]["mm_vmscan_kswapd_wake"];
    // Only where the kernel woke it for this, and not for other things before.
    if wake["before"] == 0 && wake["count"].as_u64() > Some(20) {
        let scan = timeline.iter().find(|event| event["event"] == "kswapd-scan");
        row.kswapd_error = scan
            .and_then(|scan| unix(&scan["onset"]["best"]))
            .zip(wake["first"].as_f64())
            .map(|(a, b)| a - b);
    }
    let event = |id: &Value| timeline.iter().find(|event| event["id"] == *id);
    let backward = items(&incident["links"])
        .iter()
        .filter(|link| {
            let earliest = event(&link["from"]).and_then(|event| unix(&event["onset"]["earliest"]));
            let latest = event(&link["to"]).and_then(|event| unix(&event["onset"]["latest"]));
            // A link to an event that is not there is no better.
            earliest.zip(latest).is_none_or(|(cause, effect)| cause > effect)
        })
        .count();
    row.links_backward = Some(backward);
    row.true_cause_ruled_out = Some(items(&incident["ruled_out"]).iter().any(right));
    row
}

/// The incident that overlaps the trouble most.
fn overlapping<'a>(incidents: &'a [Value], truth: &Value) -> Option<&'a Value> {
    let (begun, ended) = (truth["begun"].as_f64()?, truth["ended"].as_f64()?);
    let shared = |incident: &Value| -> f64 {
        let (Some(from), Some(to)) = (unix(&incident["from"]), unix(&incident["to"])) else {
            return f64::NEG_INFINITY;
        };
        to.min(ended + 20.0) - from.max(begun - 5.0)
    };
    // Of several equal ones the first.
    incidents
        .iter()
        .filter(|incident| shared(incident) > 0.0)
        .rev()
        .max_by(|a, b| shared(a).total_cmp(&shared(b)))
}

/// The summary of the explainer and of each rival, one column a method.
pub(super) fn table(name: &str, rows: &[Row], rivals: &[(&str, Vec<Row>)]) -> String {
    let methods: Vec<(&str, &[Row])> = std::iter::once((name, rows))
        .chain(rivals.iter().map(|(name, rows)| (*name, &rows[..])))
        .collect();
    let mut text = format!("{:<32}", "");
    for (name, _) in &methods {
        text += &format!(" {name:>20}");
    }
    type Measure = (&'static str, fn(&[Row]) -> String);
    let measures: [Measure; 10] = [
        ("first cause right (AC@1)", |rows| {
            of(rows.iter().filter(|r| r.truth != "none").map(|r| Some(r.first)))
        }),
        ("among the first three (AC@3)", |rows| {
            of(rows
                .iter()
                .filter(|r| r.truth != "none")
                .map(|r| Some(r.among_three)))
        }),
        ("false incidents", |rows| {
            of(rows.iter().filter(|r| r.truth == "none").map(|r| Some(!r.first)))
        }),
        ("device right", |rows| of(rows.iter().map(|r| r.device))),
        ("process right", |rows| of(rows.iter().map(|r| r.process))),
        ("median error of the onset", |rows| {
            median(rows.iter().filter_map(|r| r.onset_error))
        }),
        ("truth inside the bounds", |rows| {
            of(rows.iter().map(|r| r.onset_inside))
        }),
        ("median error of kswapd's onset", |rows| {
            median(rows.iter().filter_map(|r| r.kswapd_error))
        }),
        ("links that run backwards", |rows| {
            let known: Vec<usize> = rows.iter().filter_map(|r| r.links_backward).collect();
            if known.is_empty() {
                "–".into()
            } else {
                known.iter().sum::<usize>().to_string()
            }
        }),
        ("true cause ruled out", |rows| {
            of(rows.iter().map(|r| r.true_cause_ruled_out))
        }),
    ];
    for (what, measure) in measures {
        text += &format!("\n{what:<32}");
        for (_, rows) in &methods {
            text += &format!(" {:>20}", measure(rows));
        }
    }
    text + "\n"
}

/// `5/6`: how many of those that can be asked.
fn of(answers: impl Iterator<Item = Option<bool>>) -> String {
    let known: Vec<bool> = answers.flatten().collect();
    match known.len() {
        0 => "–".into(),
        all => format!("{}/{all}", known.iter().filter(|yes| **yes).count()),
    }
}

fn median(values: impl Iterator<Item = f64>) -> String {
    let mut values: Vec<f64> = values.map(f64::abs).collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => "–".into(),
        n => format!("{:.2} s", (values[(n - 1) / 2] + values[n / 2]) / 2.0),
    }
}

/// Seconds since 1970 of an RFC 3339 time.
fn unix(time: &Value) -> Option<f64> {
    let time = DateTime::parse_from_rfc3339(time.as_str()?).ok()?;
    Some(time.timestamp() as f64 + f64::from(time.timestamp_subsec_nanos()) / 1e9)
}

fn items(list: &Value) -> &[Value] {
    list.as_array().map_or(&[], Vec::as_slice)
}

fn word(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;
    use serde_json::json;

    fn truth() -> Value {
        json!({"case": "c", "cause": "page_cache_flood", "device": "vda", "process": "scanner", "begun": 100.0, "ended": 160.0,
               "events": {"mm_vmscan_kswapd_wake": {"before": 0, "count": 30, "first": 115.5}}})
    }

    fn incident(from: u32, to: u32, cause: &str) -> Value {
        let time = |seconds: f64| {
            format!(
                "1970-01-01T00:{:02}:{:06.3}Z",
                seconds as u32 / 60,
                seconds % 60.0
            )
        };
        let onset = |at: f64| json!({"earliest": time(at - 0.3), "best": time(at), "latest": time(at + 0.3)});
        json!({"from": time(f64::from(from)), "to": time(f64::from(to)), "severity": "critical",
               "causes": [{"cause": cause, "devices": ["vda", "loop1"], "processes": [{"comm": "scanner"}], "onset": onset(100.2)}],
               "timeline": [{"event": "device-read-rise", "id": "e1", "onset": onset(100.2)},
                            {"event": "kswapd-scan", "id": "e2", "onset": onset(115.75)}],
               "links": [{"from": "e1", "to": "e2"}], "ruled_out": [{"cause": "anon_growth"}]})
    }

    #[test]
    fn a_right_answer() {
        let document =
            json!({"incidents": [incident(10, 101, "anon_growth"), incident(100, 165, "page_cache_flood")]});
        let row = judge(&document, &truth());
        expect![[r#"c                                right page_cache_flood     device yes process yes onset +0.20 s  inside yes kswapd +0.25 s  backward 0"#]]
            .assert_eq(&row.text());
    }

    #[test]
    fn a_wrong_answer_is_wrong_in_each_way() {
        let mut wrong = incident(100, 165, "anon_growth");
        wrong["links"] = json!([{"from": "e2", "to": "e1"}]);
        wrong["ruled_out"] = json!([{"cause": "page_cache_flood"}]);
        let row = judge(&json!({"incidents": [wrong]}), &truth());
        expect![[r#"c                                WRONG anon_growth          device NO  process NO  onset –        inside –   kswapd +0.25 s  backward 1 TRUE CAUSE RULED OUT"#]]
            .assert_eq(&row.text());
        assert_eq!(judge(&json!({"incidents": []}), &truth()).said, "none");
    }

    #[test]
    fn where_nothing_was_wrong_an_incident_is_false_unless_it_only_informs() {
        let truth = json!({"case": "quiet", "cause": "none"});
        let mut informs = incident(1, 2, "anon_growth");
        informs["severity"] = json!("info");
        assert!(judge(&json!({"incidents": [informs]}), &truth).first);
        let row = judge(&json!({"incidents": [incident(1, 2, "anon_growth")]}), &truth);
        assert_eq!((row.first, &*row.said), (false, "anon_growth"));
    }
}
