//! A query's words: which tables and changes it names, and what is said in our way and not in SQL's.
//!
//! `rate(x)` is the column `x_per_s`. A text that is compared with `at` may be any time that people write (`'10:53'`,
//! `'-1h'`). `user` is a word of SQL and a column of `/proc/stat`; nobody means the former.

use super::names::named;
use crate::tables::PER_SECOND;
use crate::time_grammar::{self, Context};
use chrono::DateTime;
use sqlparser::dialect::GenericDialect;
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, Tokenizer, Word};
use std::collections::BTreeSet;

/// A query, ready to be run.
pub(super) struct Words {
    query: String,
    words: BTreeSet<String>,
    first_table: String,
}

impl Words {
    pub(super) fn of(query: &str, context: &Context) -> Result<Words, String> {
        let tokens = Tokenizer::new(&GenericDialect {}, query).tokenize();
        let mut tokens = tokens.map_err(|error| format!("{error}"))?;
        let first = tokens.iter().find(|token| !is_space(token));
        if !first.is_some_and(is_question) {
            return Err("a query begins with SELECT, WITH or SHOW TABLES".into());
        }
        name_users(&mut tokens);
        let tokens = name_rates(tokens);
        let tokens = tell_times(tokens, context)?;
        let mut words = BTreeSet::new();
        let mut first_table = None;
        let mut is_after_from = false;
        for token in &tokens {
            let Token::Word(word) = token else { continue };
            if is_after_from {
                first_table.get_or_insert(word.value.clone());
            }
            is_after_from = word.keyword == Keyword::FROM;
            words.insert(word.value.clone());
        }
        Ok(Words {
            query: named(tokens.iter().map(Token::to_string).collect()),
            words,
            first_table: first_table.unwrap_or_default(),
        })
    }

    /// The query as polars is to read it.
    pub(super) fn query(&self) -> &str {
        &self.query
    }

    /// Whether this word stands in the query.
    pub(super) fn names(&self, word: &str) -> bool {
        self.words.contains(word)
    }

    /// Whether it asks which tables there are.
    pub(super) fn lists_tables(&self) -> bool {
        self.words.iter().any(|word| word.eq_ignore_ascii_case("show"))
    }

    /// Words that may be changes per second.
    pub(super) fn rates(&self) -> impl Iterator<Item = &str> {
        self.words
            .iter()
            .map(String::as_str)
            .filter(|word| word.ends_with(PER_SECOND))
    }

    /// The table after the first FROM.
    pub(super) fn first_table(&self) -> &str {
        &self.first_table
    }
}

fn name_of(token: &Token) -> Option<&str> {
    match token {
        Token::Word(word) => Some(&word.value),
        _ => None,
    }
}

/// Nothing can be changed here, only asked.
fn is_question(token: &Token) -> bool {
    let begins = [
        Keyword::SELECT,
        Keyword::WITH,
        Keyword::SHOW,
        Keyword::EXPLAIN,
        Keyword::FROM,
    ];
    match token {
        Token::Word(word) => begins.contains(&word.keyword),
        other => *other == Token::LParen,
    }
}

fn is_space(token: &Token) -> bool {
    matches!(token, Token::Whitespace(_))
}

fn quoted(name: String) -> Token {
    Token::Word(Word {
        value: name,
        quote_style: Some('"'),
        keyword: Keyword::NoKeyword,
    })
}

fn name_users(tokens: &mut [Token]) {
    for token in tokens {
        if matches!(token, Token::Word(word) if word.value == "user" && word.quote_style.is_none()) {
            *token = quoted("user".into());
        }
    }
}

/// `rate(x)` and `rate(t.x)`, spaces or not.
fn name_rates(tokens: Vec<Token>) -> Vec<Token> {
    let mut out: Vec<Token> = Vec::with_capacity(tokens.len());
    let mut i = 0;
    while i < tokens.len() {
        if name_of(&tokens[i]).is_some_and(|name| name.eq_ignore_ascii_case("rate"))
            && let Some((inside, end)) = in_brackets(&tokens, i + 1)
            && let Some(name) = inside.last().and_then(|token| name_of(token))
        {
            let rate = quoted(format!("{name}{PER_SECOND}"));
            out.extend(inside[..inside.len() - 1].iter().map(|&token| token.clone()));
            out.push(rate);
            i = end;
        } else {
            out.push(tokens[i].clone());
            i += 1;
        }
    }
    out
}

/// The tokens inside of the brackets that begin here, without spaces, if it is a name or a name of a table; and where they end.
fn in_brackets(tokens: &[Token], begin: usize) -> Option<(Vec<&Token>, usize)> {
    let open = (begin..tokens.len()).find(|&i| !is_space(&tokens[i]))?;
    if tokens[open] != Token::LParen {
        return None;
    }
    let close = (open..tokens.len()).find(|&i| tokens[i] == Token::RParen)?;
    let inside: Vec<&Token> = tokens[open + 1..close]
        .iter()
        .filter(|token| !is_space(token))
        .collect();
    let is_name = match inside.as_slice() {
        [name] => name_of(name).is_some(),
        [table, dot, name] => name_of(table).is_some() && **dot == Token::Period && name_of(name).is_some(),
        _ => false,
    };
    is_name.then_some((inside, close + 1))
}

/// Texts that are compared with `at`, as SQL writes times.
fn tell_times(mut tokens: Vec<Token>, context: &Context) -> Result<Vec<Token>, String> {
    let mut is_time = false;
    for token in &mut tokens {
        match token {
            Token::Whitespace(_) => {}
            Token::Word(word) if word.value == "at" => is_time = true,
            Token::Word(word) => {
                is_time &= matches!(word.keyword, Keyword::BETWEEN | Keyword::AND | Keyword::NOT);
            }
            Token::Gt | Token::GtEq | Token::Lt | Token::LtEq | Token::Eq | Token::Neq => {}
            Token::SingleQuotedString(text) if is_time => {
                let at = time_grammar::parse(text, context).map_err(|error| error.to_string())?;
                let local = DateTime::from_timestamp_nanos(at.0).with_timezone(&context.tz);
                *text = local.format("%Y-%m-%d %H:%M:%S%.9f").to_string();
            }
            _ => is_time = false,
        }
    }
    Ok(tokens)
}
