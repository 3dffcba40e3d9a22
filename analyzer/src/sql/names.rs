//! `SELECT min(x), max(x)`: polars calls both `x` and then complains. As elsewhere, each is called what it is: `min(x)`, `max(x)`.

use sqlparser::ast::{Expr, Ident, SelectItem, SetExpr, Statement};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;

/// The query with names for the functions in its result; the query itself where there is none, or where it is wrong.
pub(super) fn named(query: String) -> String {
    let Ok(mut statements) = Parser::parse_sql(&GenericDialect {}, &query) else {
        return query;
    };
    let [Statement::Query(parsed)] = statements.as_mut_slice() else {
        return query;
    };
    let SetExpr::Select(select) = &mut *parsed.body else {
        return query;
    };
    let mut is_changed = false;
    for item in &mut select.projection {
        if let SelectItem::UnnamedExpr(expression @ Expr::Function(_)) = item {
            *item = SelectItem::ExprWithAlias {
                alias: Ident::with_quote('"', expression.to_string().replace('"', "")),
                expr: expression.clone(),
            };
            is_changed = true;
        }
    }
    if is_changed { parsed.to_string() } else { query }
}
