//! The table of incidents: what `explain` says where somebody may have been hurt, one row an incident.

use super::rows::Rows;
use super::{Cell, Field, Origin, Table, Type, Values};
use crate::explain::document::Severity;
use crate::explain::{Options, explain};
use crate::incidents::{Cache, troubles};
use model::{Kind, TimeSpan};
use std::collections::BTreeSet;
use store::Reader;

pub(super) fn table() -> Table {
    let (time, text) = (
        |name| Field::plain(name, Type::Time),
        |name| Field::plain(name, Type::Text),
    );
    Table {
        name: "incidents".into(),
        about: "what went wrong, as explain sees it".into(),
        fields: vec![
            time("at"),
            time("until"),
            text("id"),
            text("severity"),
            text("headline"),
            text("cause"),
            text("variant"),
            text("confidence"),
            Field {
                values: Type::Float,
                ..Field::number("score", "", Kind::Gauge)
            },
            time("onset"),
            text("device"),
            text("comm"),
            Field::plain("pid", Type::Int),
            text("harm"),
        ],
        origin: Origin::Incidents,
    }
}

/// Number of rows, and the columns.
pub(super) fn read(reader: &Reader, span: TimeSpan, asked: &[Field]) -> store::Result<(usize, Vec<Values>)> {
    let mut rows = Rows::new(&table().fields, asked);
    let options = Options::new(chrono_tz::Tz::UTC);
    let mut told = BTreeSet::new();
    for (window, _) in troubles(reader, span, &options, &mut Cache::off(), &mut |_, _| {})? {
        for incident in explain(reader, window, &options)?.incidents {
            let is_inside = incident.from.0 <= span.to && span.from <= incident.to.0;
            if !is_inside || incident.severity == Severity::Info || !told.insert(incident.id.clone()) {
                continue;
            }
            let cause = incident.causes.first();
            let process = cause.and_then(|cause| cause.processes.first());
            let device = cause.and_then(|cause| cause.devices.first());
            let (severity, confidence) = (word(&incident.severity), cause.map(|c| word(&c.confidence)));
            rows.put(&[
                Cell::Time(incident.from.0.0),
                Cell::Time(incident.to.0.0),
                Cell::Text(&incident.id),
                Cell::Text(&severity),
                Cell::Text(&incident.headline),
                Cell::text(cause.map(|cause| cause.cause)),
                Cell::text(cause.and_then(|cause| cause.variant)),
                Cell::text(confidence.as_deref()),
                cause.map_or(Cell::Unknown, |cause| Cell::Float(cause.score)),
                cause.map_or(Cell::Unknown, |cause| Cell::Time(cause.onset.best.0.0)),
                Cell::text(device.map(String::as_str)),
                Cell::text(process.map(|process| process.comm.as_str())),
                process.map_or(Cell::Unknown, |process| Cell::Int(i64::from(process.pid))),
                Cell::text(incident.harm.as_deref()),
            ]);
        }
    }
    Ok(rows.finish())
}

/// As the JSON of an explanation spells it.
fn word(value: &impl serde::Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}
