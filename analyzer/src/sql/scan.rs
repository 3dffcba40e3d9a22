//! A table as polars reads it: which columns and which times are needed is known before anything is decoded.

use super::frame::{dtype, frame};
use super::words::Words;
use crate::tables::{Field, Table};
use chrono_tz::Tz;
use model::{TimeSpan, UnixNanos};
use polars_core::prelude::*;
use polars_lazy::prelude::*;
use std::any::Any;
use std::sync::{Arc, Mutex};
use store::Reader;

/// A table of a span.
pub(super) struct Scan {
    reader: Arc<Mutex<Reader>>,
    table: Table,
    span: TimeSpan,
    tz: Tz,
    fields: Vec<Field>,
}

impl Scan {
    /// Of the changes per second it has those that the query names: with all of them `*` would be twice as wide.
    pub(super) fn new(
        reader: Arc<Mutex<Reader>>,
        table: &Table,
        span: TimeSpan,
        tz: Tz,
        words: &Words,
    ) -> Scan {
        let mut fields = table.fields.clone();
        for rate in words.rates() {
            if !fields.iter().any(|field| *field.name == *rate) {
                fields.extend(table.field(rate));
            }
        }
        Scan {
            reader,
            table: table.clone(),
            span,
            tz,
            fields,
        }
    }

    pub(super) fn schema(&self) -> SchemaRef {
        let column = |field: &Field| (PlSmallStr::from_str(&field.name), dtype(field.values, self.tz));
        Arc::new(self.fields.iter().map(column).collect())
    }

    /// Rows of a span, `most` of them at least if there are so many.
    fn read(&self, span: TimeSpan, names: &[&str], most: Option<usize>) -> PolarsResult<DataFrame> {
        let reader = self
            .reader
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        let read = |span| {
            let batch = self.table.read(&reader, span, names);
            batch.map_err(|error| polars_err!(ComputeError: "{error}"))
        };
        let Some(most) = most.filter(|_| self.table.is_split_by_time()) else {
            return frame(read(span)?, self.tz);
        };
        // The first rows are all that is asked for: read until they are there.
        let mut out = frame(read(TimeSpan::new(span.from, span.from))?, self.tz)?;
        let (mut from, mut length) = (span.from + 1, 60_000_000_000);
        while out.height() < most && from <= span.to {
            let to = (from + length).min(span.to);
            out.vstack_mut(&frame(read(TimeSpan::new(from, to))?, self.tz)?)?;
            (from, length) = (to + 1, length.saturating_mul(4));
        }
        Ok(out)
    }
}

impl AnonymousScan for Scan {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn scan(&self, asked: AnonymousScanArgs) -> PolarsResult<DataFrame> {
        let mut names: Vec<PlSmallStr> = match &asked.with_columns {
            Some(columns) => columns.to_vec(),
            None => self
                .fields
                .iter()
                .map(|field| PlSmallStr::from_str(&field.name))
                .collect(),
        };
        let shown = names.len();
        let mut span = self.span;
        let predicate = asked.predicate.and_then(lasting);
        if let Some(predicate) = &predicate {
            narrow(predicate, &mut span);
            for name in predicate.clone().meta().root_names() {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        if span.from > span.to {
            (span.from, span.to) = (UnixNanos(i64::MAX - 1), UnixNanos(i64::MAX));
        }
        let asked_for: Vec<&str> = names.iter().map(PlSmallStr::as_str).collect();
        let mut rows = self.read(span, &asked_for, asked.n_rows)?;
        if let Some(most) = asked.n_rows {
            rows = rows.head(Some(most));
        }
        match predicate {
            Some(predicate) => {
                let shown: Vec<Expr> = names[..shown].iter().cloned().map(col).collect();
                rows.lazy().filter(predicate).select(shown).collect()
            }
            None => Ok(rows),
        }
    }

    fn schema(&self, _: Option<usize>) -> PolarsResult<SchemaRef> {
        Ok(Scan::schema(self))
    }

    fn allows_predicate_pushdown(&self) -> bool {
        true
    }

    fn allows_projection_pushdown(&self) -> bool {
        true
    }
}

/// A condition without what is no condition: for the first rows of an order polars hands down a bound that moves while it sorts, and
/// which no expression can say. It is a shortcut, and the order's own limit follows.
fn lasting(condition: Expr) -> Option<Expr> {
    match condition {
        Expr::Display { .. } => None,
        Expr::BinaryExpr {
            left,
            op: op @ (Operator::And | Operator::LogicalAnd),
            right,
        } => match (lasting((*left).clone()), lasting((*right).clone())) {
            (Some(left), Some(right)) => Some(Expr::BinaryExpr {
                left: left.into(),
                op,
                right: right.into(),
            }),
            (left, right) => left.or(right),
        },
        other => Some(other),
    }
}

/// Cuts a span to what a condition leaves of it. The condition is still to be held against each row.
fn narrow(condition: &Expr, span: &mut TimeSpan) {
    let Expr::BinaryExpr { left, op, right } = condition else {
        return;
    };
    if matches!(op, Operator::And | Operator::LogicalAnd) {
        narrow(left, span);
        narrow(right, span);
        return;
    }
    let is_at = |side: &Expr| matches!(side, Expr::Column(name) if name == "at");
    let (time, op) = if is_at(left) {
        (right, *op)
    } else if is_at(right) {
        let Some(op) = op.swap_operands() else { return };
        (left, op)
    } else {
        return;
    };
    let Some(time) = instant(time) else { return };
    if matches!(op, Operator::Gt | Operator::GtEq | Operator::Eq) {
        span.from = span.from.max(time);
    }
    if matches!(op, Operator::Lt | Operator::LtEq | Operator::Eq) {
        span.to = span.to.min(time);
    }
}

/// The instant that an expression without columns stands for.
fn instant(expression: &Expr) -> Option<UnixNanos> {
    if !expression.clone().meta().root_names().is_empty() {
        return None;
    }
    let value = DataFrame::empty_with_height(1)
        .lazy()
        .select([expression.clone().alias("at")])
        .collect()
        .ok()?;
    let value = value.column("at").ok()?;
    let DataType::Datetime(_, zone) = value.dtype() else {
        return None;
    };
    let value = value
        .cast(&DataType::Datetime(TimeUnit::Nanoseconds, zone.clone()))
        .ok()?;
    let value = value.to_physical_repr();
    let value = value.as_materialized_series().i64().ok()?.get(0)?;
    Some(UnixNanos(value))
}
