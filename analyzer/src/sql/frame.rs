//! Between our columns and polars' ones.

use crate::tables::{Batch, Field, Known, Type, Values};
use chrono_tz::Tz;
use polars_core::prelude::*;
use std::sync::Arc as StdArc;

/// The type of a column. Times carry the zone in which a query's own times are meant.
pub(super) fn dtype(values: Type, tz: Tz) -> DataType {
    match values {
        Type::Time => {
            let zone = TimeZone::opt_try_new(Some(tz.name())).ok().flatten();
            DataType::Datetime(TimeUnit::Nanoseconds, zone)
        }
        Type::Int => DataType::Int64,
        Type::Float => DataType::Float64,
        Type::Text => DataType::String,
        Type::Bool => DataType::Boolean,
    }
}

/// Rows as a data frame.
///
/// # Errors
/// When two columns have one name.
pub fn frame(batch: Batch, tz: Tz) -> PolarsResult<DataFrame> {
    let len = batch.len;
    let column = |(field, values): (Field, Values)| {
        let name = PlSmallStr::from_str(&field.name);
        let series = match values {
            Values::Time(known) => {
                let DataType::Datetime(unit, zone) = dtype(Type::Time, tz) else {
                    unreachable!("a time is a Datetime")
                };
                numbers::<Int64Type>(name, known)
                    .into_datetime(unit, zone)
                    .into_series()
            }
            Values::Int(known) => numbers::<Int64Type>(name, known).into_series(),
            Values::Float(known) => numbers::<Float64Type>(name, known).into_series(),
            Values::Bool(known) => {
                let values = (0..len).map(|row| known.get(row));
                BooleanChunked::from_iter_options(name, values).into_series()
            }
            Values::Text(texts) => StringChunked::from_iter_options(name, texts.into_iter()).into_series(),
        };
        Column::from(series)
    };
    DataFrame::new(
        len,
        batch.fields.into_iter().zip(batch.columns).map(column).collect(),
    )
}

fn numbers<T: PolarsNumericType>(name: PlSmallStr, known: Known<T::Native>) -> ChunkedArray<T>
where
    T::Native: Default,
    ChunkedArray<T>: NewChunkedArray<T, T::Native>,
{
    match known.known {
        None => ChunkedArray::from_vec(name, known.values),
        Some(flags) => {
            let values = known.values.into_iter().zip(flags);
            ChunkedArray::from_iter_options(name, values.map(|(value, known)| known.then_some(value)))
        }
    }
}

/// A data frame as rows to print. `units` are those of its columns.
///
/// # Errors
/// A column of lists or the like, which is no one value a row.
pub fn batch(frame: &DataFrame, units: &[String]) -> PolarsResult<Batch> {
    let mut fields = Vec::new();
    let mut columns = Vec::new();
    for (i, column) in frame.columns().iter().enumerate() {
        let mut unit = units.get(i).cloned().unwrap_or_default();
        let values = match column.dtype() {
            DataType::Datetime(..) | DataType::Date => {
                Values::Time(whole(&column.cast(&dtype(Type::Time, Tz::UTC))?)?)
            }
            DataType::Duration(_) => {
                unit = "s".into();
                let whole = whole(&column.cast(&DataType::Duration(TimeUnit::Nanoseconds))?)?;
                Values::Float(Known {
                    values: whole.values.iter().map(|&ns| ns as f64 / 1e9).collect(),
                    known: whole.known,
                })
            }
            DataType::Float32 | DataType::Float64 => floats(column)?,
            // A sum of large numbers may be beyond 63 bits.
            dtype if dtype.is_integer() => match column.strict_cast(&DataType::Int64) {
                Ok(column) => Values::Int(whole(&column)?),
                Err(_) => floats(column)?,
            },
            DataType::Boolean => {
                let series = column.as_materialized_series();
                Values::Bool(known(series.bool()?.iter()))
            }
            DataType::Null => Values::Text(vec![None; column.len()]),
            DataType::List(_) | DataType::Struct(_) | DataType::Array(..) => {
                polars_bail!(ComputeError: "column {} holds several values a row, which cannot be printed", column.name())
            }
            _ => {
                let texts = column.strict_cast(&DataType::String)?;
                let texts = texts.as_materialized_series().str()?;
                Values::Text(texts.iter().map(|text| text.map(StdArc::from)).collect())
            }
        };
        fields.push(Field::result(column.name(), &values, unit));
        columns.push(values);
    }
    Ok(Batch {
        fields,
        columns,
        len: frame.height(),
    })
}

fn whole(column: &Column) -> PolarsResult<Known<i64>> {
    let physical = column.to_physical_repr();
    Ok(known(physical.as_materialized_series().i64()?.iter()))
}

fn floats(column: &Column) -> PolarsResult<Values> {
    let column = column.cast(&DataType::Float64)?;
    Ok(Values::Float(known(
        column.as_materialized_series().f64()?.iter(),
    )))
}

fn known<T: Copy + Default>(values: impl Iterator<Item = Option<T>>) -> Known<T> {
    let mut out = Known::default();
    values.for_each(|value| out.push(value));
    out
}
