//! A condition over signals, as an SQL expression: `disk.read_wait > 20 AND disk.busy > 80`.
//!
//! SQL's own logic of three values fits: what is not known makes a comparison unknown, and an unknown condition is not met.

use crate::signals::{NAMES, Signals};
use model::Subject;
use sqlparser::ast::{
    BinaryOperator, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, UnaryOperator, Value,
};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;
use std::collections::BTreeSet;

/// A checked expression.
#[derive(Debug, Clone)]
pub(super) struct Expression {
    root: Node,
    signals: BTreeSet<&'static str>,
}

#[derive(Debug, Clone)]
enum Node {
    Number(f64),
    Signal(&'static str),
    /// Median of the signal over the ten minutes before: the node's own quiet.
    Baseline(&'static str),
    Negate(Box<Node>),
    Not(Box<Node>),
    IsNull(Box<Node>),
    Binary(Operator, Box<Node>, Box<Node>),
    Call(Function, Vec<Node>),
}

#[derive(Debug, Clone, Copy)]
enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    Equal,
    NotEqual,
    And,
    Or,
}

#[derive(Debug, Clone, Copy)]
enum Function {
    Abs,
    Greatest,
    Least,
    Coalesce,
}

/// Where a value is looked for.
pub(super) struct Place<'a> {
    pub(super) signals: &'a Signals,
    pub(super) subject: &'a Subject,
    pub(super) tick: usize,
}

const HELP: &str = "a condition has signals, numbers, + - * /, comparisons, BETWEEN, IS NULL, AND, OR, NOT, abs(), greatest(), \
                    least(), coalesce() and baseline(signal)";

impl Expression {
    /// Reads and checks a text; the error says what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Expression, String> {
        let mut parser = Parser::new(&GenericDialect {})
            .try_with_sql(text)
            .map_err(|e| e.to_string())?;
        let tree = parser.parse_expr().map_err(|e| e.to_string())?;
        let rest = parser.peek_token();
        if rest.token != sqlparser::tokenizer::Token::EOF {
            return Err(format!("{rest} is not expected here; {HELP}"));
        }
        let mut signals = BTreeSet::new();
        let root = node(&tree, &mut signals)?;
        if signals.is_empty() {
            return Err(format!("it names no signal; {HELP}"));
        }
        Ok(Expression { root, signals })
    }

    /// The signals it reads.
    pub(super) fn signals(&self) -> impl Iterator<Item = &'static str> {
        self.signals.iter().copied()
    }

    /// Whether it is met; `None`: not known.
    pub(super) fn holds(&self, place: &Place) -> Option<bool> {
        let value = self.root.value(place);
        (!value.is_nan()).then_some(value != 0.0)
    }
}

fn node(tree: &Expr, signals: &mut BTreeSet<&'static str>) -> Result<Node, String> {
    let boxed = |tree: &Expr, signals: &mut BTreeSet<&'static str>| node(tree, signals).map(Box::new);
    Ok(match tree {
        Expr::Nested(inner) => node(inner, signals)?,
        Expr::Value(value) => match &value.value {
            Value::Number(text, _) => {
                Node::Number(text.parse().map_err(|_| format!("{text} is not a number"))?)
            }
            other => return Err(format!("{other} is not a number")),
        },
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) => Node::Signal(signal(tree, signals)?),
        Expr::UnaryOp { op, expr } => match op {
            UnaryOperator::Minus => Node::Negate(boxed(expr, signals)?),
            UnaryOperator::Plus => node(expr, signals)?,
            UnaryOperator::Not => Node::Not(boxed(expr, signals)?),
            other => return Err(format!("{other} is not known here; {HELP}")),
        },
        Expr::IsNull(inner) => Node::IsNull(boxed(inner, signals)?),
        Expr::IsNotNull(inner) => Node::Not(Box::new(Node::IsNull(boxed(inner, signals)?))),
        Expr::Between {
            expr,
            negated,
            low,
            high,
        } => {
            let above = Node::Binary(
                Operator::GreaterOrEqual,
                boxed(expr, signals)?,
                boxed(low, signals)?,
            );
            let below = Node::Binary(
                Operator::LessOrEqual,
                boxed(expr, signals)?,
                boxed(high, signals)?,
            );
            let between = Node::Binary(Operator::And, Box::new(above), Box::new(below));
            if *negated {
                Node::Not(Box::new(between))
            } else {
                between
            }
        }
        Expr::BinaryOp { left, op, right } => {
            Node::Binary(operator(op)?, boxed(left, signals)?, boxed(right, signals)?)
        }
        Expr::Function(call) => function(call, signals)?,
        other => return Err(format!("{other} is not known here; {HELP}")),
    })
}

fn operator(op: &BinaryOperator) -> Result<Operator, String> {
    Ok(match op {
        BinaryOperator::Plus => Operator::Add,
        BinaryOperator::Minus => Operator::Subtract,
        BinaryOperator::Multiply => Operator::Multiply,
        BinaryOperator::Divide => Operator::Divide,
        BinaryOperator::Gt => Operator::Greater,
        BinaryOperator::GtEq => Operator::GreaterOrEqual,
        BinaryOperator::Lt => Operator::Less,
        BinaryOperator::LtEq => Operator::LessOrEqual,
        BinaryOperator::Eq => Operator::Equal,
        BinaryOperator::NotEq => Operator::NotEqual,
        BinaryOperator::And => Operator::And,
        BinaryOperator::Or => Operator::Or,
        other => return Err(format!("{other} is not known here; {HELP}")),
    })
}

fn function(call: &sqlparser::ast::Function, signals: &mut BTreeSet<&'static str>) -> Result<Node, String> {
    let name = call.name.to_string().to_lowercase();
    let FunctionArguments::List(list) = &call.args else {
        return Err(format!("{name} wants arguments in parentheses"));
    };
    let mut arguments = Vec::new();
    for argument in &list.args {
        match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(tree)) => arguments.push(tree),
            other => return Err(format!("{name} cannot take {other}")),
        }
    }
    let function = match (name.as_str(), arguments.as_slice()) {
        ("baseline", [tree]) => return Ok(Node::Baseline(signal(tree, signals)?)),
        ("abs", [_]) => Function::Abs,
        ("greatest", [_, ..]) => Function::Greatest,
        ("least", [_, ..]) => Function::Least,
        ("coalesce", [_, ..]) => Function::Coalesce,
        ("baseline" | "abs", _) => return Err(format!("{name} takes one argument")),
        _ => return Err(format!("there is no function {name}; {HELP}")),
    };
    let arguments: Result<Vec<Node>, String> = arguments.iter().map(|tree| node(tree, signals)).collect();
    Ok(Node::Call(function, arguments?))
}

fn signal(tree: &Expr, signals: &mut BTreeSet<&'static str>) -> Result<&'static str, String> {
    let written = match tree {
        Expr::Identifier(name) => name.value.clone(),
        Expr::CompoundIdentifier(parts) => {
            let parts: Vec<&str> = parts.iter().map(|p| p.value.as_str()).collect();
            parts.join(".")
        }
        other => return Err(format!("{other} is not a signal")),
    };
    let known = NAMES
        .iter()
        .find(|name| **name == written)
        .copied()
        .ok_or_else(|| {
            let family = written.split('.').next().unwrap_or_default();
            let near: Vec<&str> = NAMES
                .iter()
                .filter(|n| n.split('.').next() == Some(family))
                .copied()
                .collect();
            let hint = if near.is_empty() {
                NAMES.join(", ")
            } else {
                near.join(", ")
            };
            format!("there is no signal {written}; there are {hint}")
        })?;
    signals.insert(known);
    Ok(known)
}

impl Node {
    fn value(&self, place: &Place) -> f64 {
        match self {
            Node::Number(number) => *number,
            Node::Signal(name) => found(place, name).map_or(f64::NAN, |s| s.values[place.tick]),
            Node::Baseline(name) => {
                found(place, name).map_or(f64::NAN, |s| baseline(&s.values[..place.tick]))
            }
            Node::Negate(inner) => -inner.value(place),
            Node::Not(inner) => not(inner.value(place)),
            Node::IsNull(inner) => f64::from(u8::from(inner.value(place).is_nan())),
            Node::Binary(operator, left, right) => operator.of(left.value(place), right.value(place)),
            Node::Call(function, arguments) => {
                let mut values = arguments.iter().map(|a| a.value(place));
                match function {
                    Function::Abs => values.next().map_or(f64::NAN, f64::abs),
                    Function::Greatest => values.fold(f64::NAN, f64::max),
                    Function::Least => values.fold(f64::NAN, f64::min),
                    Function::Coalesce => values.find(|v| !v.is_nan()).unwrap_or(f64::NAN),
                }
            }
        }
    }
}

/// Median of the ten minutes before; unknown where fewer than five ticks are known.
fn baseline(before: &[f64]) -> f64 {
    const TICKS: usize = 600;
    const LEAST: usize = 5;
    let before = &before[before.len().saturating_sub(TICKS)..];
    match before.iter().filter(|v| !v.is_nan()).count() {
        known if known < LEAST => f64::NAN,
        _ => crate::onset::median(before),
    }
}

/// The subject's own, else the host's.
fn found<'a>(place: &'a Place, name: &str) -> Option<&'a crate::signals::Signal> {
    let own = place.signals.of(name, place.subject);
    own.or_else(|| place.signals.host(name))
}

fn not(value: f64) -> f64 {
    if value.is_nan() {
        value
    } else {
        f64::from(u8::from(value == 0.0))
    }
}

impl Operator {
    fn of(self, left: f64, right: f64) -> f64 {
        let compared = |holds: bool| {
            if left.is_nan() || right.is_nan() {
                f64::NAN
            } else {
                f64::from(u8::from(holds))
            }
        };
        match self {
            Operator::Add => left + right,
            Operator::Subtract => left - right,
            Operator::Multiply => left * right,
            // SQL: a division by zero is unknown.
            Operator::Divide if right == 0.0 => f64::NAN,
            Operator::Divide => left / right,
            Operator::Greater => compared(left > right),
            Operator::GreaterOrEqual => compared(left >= right),
            Operator::Less => compared(left < right),
            Operator::LessOrEqual => compared(left <= right),
            Operator::Equal => compared(left == right),
            Operator::NotEqual => compared(left != right),
            Operator::And if left == 0.0 || right == 0.0 => 0.0,
            Operator::Or if (left != 0.0 && !left.is_nan()) || (right != 0.0 && !right.is_nan()) => 1.0,
            Operator::And | Operator::Or if left.is_nan() || right.is_nan() => f64::NAN,
            Operator::And => 1.0,
            Operator::Or => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Expression;
    use expect_test::expect;

    #[test]
    fn what_is_wrong_is_said() {
        let mut told = String::new();
        for text in [
            "disk.busy > 80 AND disk.wait BETWEEN 5 AND 10",
            "disk.wait > 5 * baseline(disk.wait) OR mem.free IS NULL",
            "disk.bussy > 80",
            "disk.busy >",
            "disk.busy > 80 80",
            "1 > 2",
            "disk.busy = 'full'",
            "sum(disk.busy) > 1",
            "baseline(1) > 1",
            "disk.busy > (SELECT 1)",
            "",
        ] {
            let result = match Expression::parse(text) {
                Ok(_) => "good".to_string(),
                Err(why) => why.chars().take(110).collect(),
            };
            told += &format!("{text}\n    {result}\n");
        }
        expect![[r#"
            disk.busy > 80 AND disk.wait BETWEEN 5 AND 10
                good
            disk.wait > 5 * baseline(disk.wait) OR mem.free IS NULL
                good
            disk.bussy > 80
                there is no signal disk.bussy; there are disk.busy, disk.discards, disk.flushes, disk.in_flight, disk.leaf_rea
            disk.busy >
                sql parser error: Expected: an expression, found: EOF
            disk.busy > 80 80
                80 is not expected here; a condition has signals, numbers, + - * /, comparisons, BETWEEN, IS NULL, AND, OR, NO
            1 > 2
                it names no signal; a condition has signals, numbers, + - * /, comparisons, BETWEEN, IS NULL, AND, OR, NOT, ab
            disk.busy = 'full'
                'full' is not a number
            sum(disk.busy) > 1
                there is no function sum; a condition has signals, numbers, + - * /, comparisons, BETWEEN, IS NULL, AND, OR, N
            baseline(1) > 1
                1 is not a signal
            disk.busy > (SELECT 1)
                (SELECT 1) is not known here; a condition has signals, numbers, + - * /, comparisons, BETWEEN, IS NULL, AND, O

                sql parser error: Expected: an expression, found: EOF
        "#]].assert_eq(&told);
    }
}
