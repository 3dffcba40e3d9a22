//! A template as lines of words and numbers, which is how a person reads a /proc file.
//!
//! The decoders see fixed text only: a word is a run of text without blanks, a number is a slot whose value is not
//! known here. `Node 0`, `cpu: 3` and `sda1` are words, because templates keep the digits of names as text.

use model::{Piece, Template};

/// A slot, as far as it is known without its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Number {
    /// Index in the template.
    pub(crate) slot: usize,
    /// Digits after the decimal point.
    pub(crate) scale: u8,
    /// A minus sign stands before it.
    pub(crate) negative: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Token {
    Word(String),
    Number(Number),
}

/// One line of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) tokens: Vec<Token>,
}

impl Line {
    /// The word at this place, if there is a word.
    pub(crate) fn word(&self, at: usize) -> Option<&str> {
        match self.tokens.get(at) {
            Some(Token::Word(word)) => Some(word),
            _ => None,
        }
    }

    /// The number at this place, if there is a number.
    pub(crate) fn number(&self, at: usize) -> Option<Number> {
        match self.tokens.get(at) {
            Some(Token::Number(number)) => Some(*number),
            _ => None,
        }
    }

    /// All numbers with their places.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = (usize, Number)> {
        self.tokens
            .iter()
            .enumerate()
            .filter_map(|(at, token)| match token {
                Token::Number(number) => Some((at, *number)),
                Token::Word(_) => None,
            })
    }

    /// `name value` and nothing else: the shape of most lines of /proc. A colon behind the name is not part of it.
    pub(crate) fn pair(&self) -> Option<(&str, Number)> {
        match self.tokens.as_slice() {
            [Token::Word(name), Token::Number(number)] => Some((name.trim_end_matches(':'), *number)),
            _ => None,
        }
    }
}

/// The lines of a template, empty ones left out.
pub(crate) fn lines(template: &Template) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut line = Line::default();
    let mut before: &[u8] = b"";
    for piece in template.pieces() {
        match piece {
            Piece::Text(text) => {
                before = text;
                for (i, part) in String::from_utf8_lossy(text).split('\n').enumerate() {
                    if i > 0 {
                        lines.push(std::mem::take(&mut line));
                    }
                    line.tokens
                        .extend(part.split_whitespace().map(|word| Token::Word(word.to_owned())));
                }
            }
            Piece::Slot(slot, shape) => {
                // The file may begin with it.
                let negative = ends_in_sign(before) || (slot == 0 && before == b"-");
                if negative {
                    take_sign(&mut line);
                }
                line.tokens.push(Token::Number(Number {
                    slot,
                    scale: shape.scale,
                    negative,
                }));
                before = b"";
            }
        }
    }
    lines.push(line);
    lines.retain(|line| !line.tokens.is_empty());
    lines
}

/// Whether text ends in a minus that is a sign, as in `-5` or `(-5`, and not in a dash between two things, as in `1-5`.
fn ends_in_sign(text: &[u8]) -> bool {
    match text {
        [.., before, b'-'] => before.is_ascii_whitespace() || b"(=:,/".contains(before),
        _ => false,
    }
}

fn take_sign(line: &mut Line) {
    if let Some(Token::Word(word)) = line.tokens.last_mut() {
        word.pop();
        if word.is_empty() {
            line.tokens.pop();
        }
    }
}
