//! The units of a result's columns, where they follow from the query for certain.
//!
//! A column of a table keeps its unit, and so do its least, greatest, mean and sum. Whatever else is worked out has none: a
//! wrong unit is worse than none.

use crate::tables::Catalog;
use polars_core::prelude::DataFrame;
use sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Query, Select, SelectItem, SetExpr, Statement,
    TableFactor,
};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;
use std::collections::HashMap;

/// Functions whose result is in the unit of what they are given.
const KEEP: [&str; 10] = [
    "min", "max", "avg", "mean", "sum", "median", "first", "last", "abs", "round",
];

/// One for each column of the result.
pub(super) fn of(query: &str, catalog: &Catalog, frame: &DataFrame) -> Vec<String> {
    let known = Parser::parse_sql(&GenericDialect {}, query).ok();
    let known = known.as_deref().and_then(|statements| match statements {
        [Statement::Query(query)] => known_units(query, catalog, frame),
        _ => None,
    });
    let known = known.unwrap_or_default();
    let names = frame.get_column_names();
    names
        .iter()
        .map(|name| known.get(name.as_str()).cloned().unwrap_or_default())
        .collect()
}

/// By the name of the result's column.
fn known_units(query: &Query, catalog: &Catalog, frame: &DataFrame) -> Option<HashMap<String, String>> {
    // A name that WITH gives may hide a table's.
    if query.with.is_some() {
        return None;
    }
    let SetExpr::Select(select) = &*query.body else {
        return None;
    };
    let tables = tables(select)?;
    let unit = |column: &str| {
        let mut units = tables
            .iter()
            .filter_map(|table| Some(catalog.find(table)?.field(column)?.unit));
        let unit = units.next()?;
        units.all(|other| other == unit).then_some(unit)
    };
    let mut known = HashMap::new();
    for item in &select.projection {
        match item {
            SelectItem::UnnamedExpr(expression) => {
                let column = column_of(expression);
                known.extend(column.and_then(|column| Some((column.to_owned(), unit(column)?))));
            }
            SelectItem::ExprWithAlias { expr, alias } => {
                let column = column_of(expr);
                known.extend(column.and_then(|column| Some((alias.value.clone(), unit(column)?))));
            }
            SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..) => {
                // Changes per second that the query names elsewhere are among them.
                for name in frame.get_column_names() {
                    known.extend(unit(name).map(|unit| (name.to_string(), unit)));
                }
            }
            _ => return None,
        }
    }
    Some(known)
}

/// The recorded tables that a query reads, if it reads nothing else.
fn tables(select: &Select) -> Option<Vec<String>> {
    let name = |factor: &TableFactor| match factor {
        TableFactor::Table { name, .. } => Some(name.0.last()?.as_ident()?.value.clone()),
        _ => None,
    };
    let mut tables = Vec::new();
    for from in &select.from {
        tables.push(name(&from.relation)?);
        for join in &from.joins {
            tables.push(name(&join.relation)?);
        }
    }
    Some(tables)
}

/// The column that an expression is, or is the least, greatest … of.
fn column_of(expression: &Expr) -> Option<&str> {
    match expression {
        Expr::Identifier(name) => Some(&name.value),
        Expr::CompoundIdentifier(names) => Some(&names.last()?.value),
        Expr::Nested(inside) => column_of(inside),
        Expr::Function(function) => {
            let name = function.name.0.last()?.as_ident()?.value.to_lowercase();
            let FunctionArguments::List(list) = &function.args else {
                return None;
            };
            let first = list.args.first().filter(|_| KEEP.contains(&name.as_str()))?;
            match first {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) => column_of(expression),
                _ => None,
            }
        }
        _ => None,
    }
}
