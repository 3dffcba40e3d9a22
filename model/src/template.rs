//! A file's fixed text with numbered slots.
//!
//! /proc files are fixed text in which only numbers change. [`Template::parse`] cuts a text into fixed text
//! and slots, [`Template::read`] reads the next text of the same shape without allocating, and
//! [`Template::render`] gives the text back byte for byte. Anything that is not clearly a number stays text:
//! then the template is less useful, but nothing is lost.
//!
//! ```
//! use model::Template;
//! let (template, values) = Template::parse(b"MemFree:   123456 kB\n", None);
//! assert_eq!(values, [123456]);
//! assert_eq!(template.render(&[7]), b"MemFree:        7 kB\n");
//! ```

/// What fills a slot up to its width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fill {
    /// `%7lu`
    Space,
    /// `%02lu`
    Zero,
}

/// A place where a number stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Slot {
    /// Offset in the fixed text before which the number is printed.
    pub at: usize,
    /// Least number of bytes printed, sign-free; 0 when the number is printed bare.
    pub width: u16,
    /// Digits after a decimal point; the stored value is the number times 10^scale.
    pub scale: u8,
    /// What the width is filled with.
    pub fill: Fill,
}

/// A stretch of a template: fixed text, or a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Fixed bytes.
    Text(&'a [u8]),
    /// The slot with this index.
    Slot(usize, &'a Slot),
}

/// A file's fixed text with numbered slots. See the module's text.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Template {
    text: Vec<u8>,
    slots: Vec<Slot>,
}

/// The bytes are not a template that [`Template::to_bytes`] wrote.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("malformed template: {0}")]
pub struct MalformedTemplate(&'static str);

/// A number after one of these words names a thing (a node, a CPU) and stays text, so that a template says
/// by itself what its slots are about.
const NAMING_WORDS: [&[u8]; 2] = [b"Node", b"cpu:"];

/// 10^18 fits in a u64; longer runs of digits are cut into groups of so many.
const GROUP_DIGITS: usize = 18;

impl Template {
    /// Cuts `text` into a template and the values of its slots; `render` of the two is `text`.
    ///
    /// `prior` is the template that the same source had before: where `text` allows it, its widths are kept, so
    /// that numbers which grow past their padding and shrink again do not alternate between two templates.
    pub fn parse(text: &[u8], prior: Option<&Template>) -> (Template, Vec<u64>) {
        let mut parser = Parser {
            input: text,
            ..Parser::default()
        };
        parser.run();
        let Parser {
            mut template, values, ..
        } = parser;
        if let Some(prior) = prior {
            template.adopt_widths(prior, &values);
        }
        if template.render(&values) == text {
            (template, values)
        } else {
            // No input is known that comes here, but losing bytes is not an option: keep it whole.
            (
                Template {
                    text: text.to_vec(),
                    slots: Vec::new(),
                },
                Vec::new(),
            )
        }
    }

    /// Settles, with the help of the template before, what one text alone cannot tell: whether spaces before a number are
    /// padding (`%8lu`) or stand for themselves (`free     %lu`).
    fn adopt_widths(&mut self, prior: &Template, values: &[u64]) {
        if prior.slots.len() != self.slots.len() {
            return;
        }
        // Two different widths for one slot: nothing is padded there, and a file is printed in one style throughout.
        let differ =
            |(mine, theirs): (&Slot, &Slot)| mine.width > 0 && theirs.width > 0 && mine.width != theirs.width;
        if prior.has_spaces_of_its_own() || self.slots.iter().zip(&prior.slots).any(differ) {
            self.take_padding_as_text(values);
            return;
        }
        for ((mine, theirs), &value) in self.slots.iter_mut().zip(&prior.slots).zip(values) {
            let bare = mine.width == 0 && mine.fill == Fill::Space && theirs.fill == Fill::Space;
            if bare
                && mine.scale == theirs.scale
                && printed_len(value, mine.scale) >= usize::from(theirs.width)
            {
                mine.width = theirs.width;
            }
        }
    }

    /// Whether some number is printed bare behind two spaces or more: only [`Self::take_padding_as_text`] makes such.
    fn has_spaces_of_its_own(&self) -> bool {
        self.slots
            .iter()
            .any(|s| s.width == 0 && self.text[..s.at].ends_with(b"  "))
    }

    fn take_padding_as_text(&mut self, values: &[u64]) {
        let mut text = Vec::with_capacity(self.text.len() + 8 * self.slots.len());
        let mut from = 0;
        for (slot, &value) in self.slots.iter_mut().zip(values) {
            text.extend_from_slice(&self.text[from..slot.at]);
            from = slot.at;
            if slot.fill == Fill::Space {
                let pad = usize::from(slot.width).saturating_sub(printed_len(value, slot.scale));
                text.resize(text.len() + pad, b' ');
                slot.width = 0;
            }
            slot.at = text.len();
        }
        text.extend_from_slice(&self.text[from..]);
        self.text = text;
    }

    /// Reads a text of exactly this shape: its values go to `values`, and the answer is whether it fits.
    /// When it does not, `values` holds rubbish.
    pub fn read(&self, text: &[u8], values: &mut Vec<u64>) -> bool {
        values.clear();
        let mut rest = text;
        let mut fixed_from = 0;
        for (i, slot) in self.slots.iter().enumerate() {
            let Some(after) = rest.strip_prefix(&self.text[fixed_from..slot.at]) else {
                return false;
            };
            fixed_from = slot.at;
            // Groups of one long number stand side by side: each but the last has exactly its width.
            let joined = self.slots.get(i + 1).is_some_and(|next| next.at == slot.at);
            let field = if joined {
                &after[..after.len().min(usize::from(slot.width))]
            } else {
                after
            };
            let Some((value, len)) = slot.read(field) else {
                return false;
            };
            values.push(value);
            rest = &after[len..];
        }
        rest == &self.text[fixed_from..]
    }

    /// The text with these values, appended to `out`. Missing values print as 0: the caller has counted them.
    pub fn render_into(&self, values: &[u64], out: &mut Vec<u8>) {
        let mut fixed_from = 0;
        for (i, slot) in self.slots.iter().enumerate() {
            out.extend_from_slice(&self.text[fixed_from..slot.at]);
            fixed_from = slot.at;
            slot.print(values.get(i).copied().unwrap_or(0), out);
        }
        out.extend_from_slice(&self.text[fixed_from..]);
    }

    /// The text with these values.
    pub fn render(&self, values: &[u64]) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.text.len() + self.slots.len() * 8);
        self.render_into(values, &mut out);
        out
    }

    /// The slots, in the order of the text.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// Fixed text and slots in turn; empty stretches of text are left out.
    pub fn pieces(&self) -> impl Iterator<Item = Piece<'_>> {
        let ends = self.slots.iter().map(|s| s.at).chain([self.text.len()]);
        let mut from = 0;
        ends.enumerate().flat_map(move |(i, end)| {
            let text = (from < end).then(|| Piece::Text(&self.text[from..end]));
            from = end;
            text.into_iter()
                .chain(self.slots.get(i).map(|slot| Piece::Slot(i, slot)))
        })
    }

    /// A form to store; equal templates have equal bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.text.len() + self.slots.len() * 4 + 8);
        put_varint(&mut out, self.slots.len() as u64);
        let mut at = 0;
        for slot in &self.slots {
            put_varint(&mut out, (slot.at - at) as u64);
            at = slot.at;
            put_varint(
                &mut out,
                u64::from(slot.width) << 1 | u64::from(slot.fill == Fill::Zero),
            );
            out.push(slot.scale);
        }
        out.extend_from_slice(&self.text);
        out
    }

    /// The reverse of [`Template::to_bytes`]; any bytes at all are answered, not panicked at.
    pub fn from_bytes(bytes: &[u8]) -> Result<Template, MalformedTemplate> {
        let mut rest = bytes;
        let count = take_varint(&mut rest).ok_or(MalformedTemplate("no slot count"))? as usize;
        if count > rest.len() / 3 {
            return Err(MalformedTemplate("more slots than bytes"));
        }
        let mut slots = Vec::with_capacity(count);
        let mut at = 0usize;
        for _ in 0..count {
            let step = take_varint(&mut rest).ok_or(MalformedTemplate("cut short"))?;
            let width = take_varint(&mut rest).ok_or(MalformedTemplate("cut short"))?;
            let (&scale, tail) = rest.split_first().ok_or(MalformedTemplate("cut short"))?;
            rest = tail;
            at = usize::try_from(step)
                .ok()
                .and_then(|s| at.checked_add(s))
                .ok_or(MalformedTemplate("offset"))?;
            let fill = if width & 1 == 1 { Fill::Zero } else { Fill::Space };
            let width = u16::try_from(width >> 1).map_err(|_| MalformedTemplate("width"))?;
            if usize::from(scale) > GROUP_DIGITS {
                return Err(MalformedTemplate("scale"));
            }
            slots.push(Slot {
                at,
                width,
                scale,
                fill,
            });
        }
        if at > rest.len() {
            return Err(MalformedTemplate("slot past the text"));
        }
        Ok(Template {
            text: rest.to_vec(),
            slots,
        })
    }
}

impl Slot {
    fn print(&self, value: u64, out: &mut Vec<u8>) {
        let mut digits = [0u8; 24];
        let mut at = digits.len();
        let mut left = value;
        let mut printed = 0;
        // At least one digit before the point: 5 at scale 2 is `0.05`.
        while left > 0 || printed <= usize::from(self.scale) {
            if printed == usize::from(self.scale) && self.scale > 0 {
                at -= 1;
                digits[at] = b'.';
            }
            at -= 1;
            digits[at] = b'0' + (left % 10) as u8;
            left /= 10;
            printed += 1;
        }
        let digits = &digits[at..];
        let fill = if self.fill == Fill::Zero { b'0' } else { b' ' };
        out.resize(
            out.len() + usize::from(self.width).saturating_sub(digits.len()),
            fill,
        );
        out.extend_from_slice(digits);
    }

    /// The value at the start of `text` and how many bytes it took, if `print` would print just those.
    fn read(&self, text: &[u8]) -> Option<(u64, usize)> {
        let pad = if self.fill == Fill::Space {
            text.iter().take_while(|&&b| b == b' ').count()
        } else {
            0
        };
        let mut value: u64 = 0;
        let mut len = pad;
        let mut point = None;
        for &byte in &text[pad..] {
            match byte {
                b'0'..=b'9' => value = value.checked_mul(10)?.checked_add(u64::from(byte - b'0'))?,
                b'.' if self.scale > 0 && point.is_none() => point = Some(len),
                _ => break,
            }
            len += 1;
            if point.is_some_and(|p| len - p == usize::from(self.scale) + 1) {
                break;
            }
        }
        let width = usize::from(self.width);
        let shape_fits = match point {
            Some(p) => self.scale > 0 && len - p == usize::from(self.scale) + 1 && p > pad,
            None => self.scale == 0 && len > pad,
        };
        let printed = len - pad;
        let lead_fits = match self.fill {
            Fill::Space => {
                (pad == width.saturating_sub(printed)) && printed == printed_len(value, self.scale)
            }
            Fill::Zero => printed == width.max(printed_len(value, self.scale)),
        };
        (shape_fits && lead_fits).then_some((value, len))
    }
}

/// Bytes that `value` takes without any filling.
fn printed_len(value: u64, scale: u8) -> usize {
    let digits = value.checked_ilog10().unwrap_or(0) as usize + 1;
    match usize::from(scale) {
        0 => digits,
        scale => digits.max(scale + 1) + 1,
    }
}

#[derive(Default)]
struct Parser<'a> {
    input: &'a [u8],
    at: usize,
    template: Template,
    values: Vec<u64>,
}

impl Parser<'_> {
    fn run(&mut self) {
        while self.at < self.input.len() {
            if !self.input[self.at].is_ascii_digit() {
                self.template.text.push(self.input[self.at]);
                self.at += 1;
                continue;
            }
            let end = self.end_of_digits(self.at);
            if let Some(end) = self.end_of_device(end) {
                self.template.text.extend_from_slice(&self.input[self.at..end]);
                self.at = end;
            } else if self.is_part_of_word(self.at, end) || self.follows_naming_word() {
                self.template.text.extend_from_slice(&self.input[self.at..end]);
                self.at = end;
            } else {
                self.number(end);
            }
        }
    }

    fn end_of_digits(&self, from: usize) -> usize {
        from + self.input[from..]
            .iter()
            .take_while(|b| b.is_ascii_digit())
            .count()
    }

    /// `sda1`, `0x1f`, `dm-0`, `pmem0.1`, `é5`: digits that belong to a name.
    fn is_part_of_word(&self, from: usize, end: usize) -> bool {
        let before = from.checked_sub(1).map(|i| self.input[i]);
        let two_before = from.checked_sub(2).map(|i| self.input[i]);
        before.is_some_and(is_word)
            || self.input.get(end).copied().is_some_and(is_word)
            || (before == Some(b'-') && two_before.is_some_and(|b| is_word(b) && !b.is_ascii_digit()))
            || (before == Some(b'.') && self.ends_in_name(from - 1))
    }

    /// Whether the word that ends at `end` is a name, such as the `pmem0` of `pmem0.1`, and not a number.
    fn ends_in_name(&self, end: usize) -> bool {
        self.input[..end]
            .iter()
            .rev()
            .take_while(|&&b| is_word(b))
            .any(|b| !b.is_ascii_digit())
    }

    /// Where the device ends that `259:0 rbytes=1` at the start of a line names by its numbers; `end` is that of the first.
    fn end_of_device(&self, end: usize) -> Option<usize> {
        let starts_line = self.at == 0 || self.input[self.at - 1] == b'\n';
        if !starts_line || self.input.get(end) != Some(&b':') {
            return None;
        }
        let device_end = self.end_of_digits(end + 1);
        (device_end > end + 1 && self.input.get(device_end) == Some(&b' ')).then_some(device_end)
    }

    fn follows_naming_word(&self) -> bool {
        let before = self.input[..self.at].trim_ascii_end();
        // `Percpu: 928 kB` is a number: the word must stand alone.
        let alone = |rest: &[u8]| !rest.last().copied().is_some_and(is_word);
        before.len() < self.at
            && NAMING_WORDS
                .iter()
                .any(|word| before.strip_suffix(*word).is_some_and(alone))
    }

    fn number(&mut self, end: usize) {
        let digits = &self.input[self.at..end];
        if let Some(scale) = self.decimals_after(end) {
            let fraction = &self.input[end + 1..end + 1 + scale];
            let value = digits
                .iter()
                .chain(fraction)
                .fold(0, |v, d| v * 10 + u64::from(d - b'0'));
            self.push_padded(value, digits.len() + 1 + scale, scale as u8);
            self.at = end + 1 + scale;
            return;
        }
        let canonical = digits.len() == 1 || digits[0] != b'0';
        match std::str::from_utf8(digits)
            .ok()
            .and_then(|d| d.parse::<u64>().ok())
        {
            Some(value) if canonical => self.push_padded(value, digits.len(), 0),
            _ => self.push_groups(digits.to_vec()),
        }
        self.at = end;
    }

    /// How many digits stand behind a point at `end`, if digits and point are a plain decimal number (not `1.2.3`, `1.5x`, `00.1`).
    fn decimals_after(&self, end: usize) -> Option<usize> {
        let whole = &self.input[self.at..end];
        if self.input.get(end) != Some(&b'.') || (whole.len() > 1 && whole[0] == b'0') {
            return None;
        }
        let fraction_end = self.end_of_digits(end + 1);
        let scale = fraction_end - end - 1;
        let next = self.input.get(fraction_end).copied();
        let goes_on = next == Some(b'.') && self.input.get(fraction_end + 1).is_some_and(u8::is_ascii_digit);
        let plain = !next.is_some_and(is_word)
            && !goes_on
            && self.at.checked_sub(1).is_none_or(|i| self.input[i] != b'.');
        (scale > 0 && whole.len() + scale <= GROUP_DIGITS && plain).then_some(scale)
    }

    /// A number whose padding is the spaces before it. One space after other text separates; more are padding.
    fn push_padded(&mut self, value: u64, printed: usize, scale: u8) {
        let text = &mut self.template.text;
        let floor = self.template.slots.last().map_or(0, |s| s.at);
        let spaces = text[floor..].iter().rev().take_while(|&&b| b == b' ').count();
        let starts_line =
            matches!(text[..text.len() - spaces].last(), None | Some(b'\n')) && text.len() - spaces >= floor;
        let after_slot = text.len() - spaces == floor && !self.template.slots.is_empty();
        let pad = if starts_line && !after_slot {
            spaces
        } else {
            spaces.saturating_sub(1)
        };
        // u16 is far beyond any padding of /proc; what is beyond it stays text.
        let width = if pad == 0 { 0 } else { pad + printed };
        let (pad, width) = if width > usize::from(u16::MAX) {
            (0, 0)
        } else {
            (pad, width)
        };
        text.truncate(text.len() - pad);
        self.template.slots.push(Slot {
            at: text.len(),
            width: width as u16,
            scale,
            fill: Fill::Space,
        });
        self.values.push(value);
    }

    /// Digits with leading zeros or too many for 64 bits: zero-filled groups from the right.
    fn push_groups(&mut self, digits: Vec<u8>) {
        let head = digits.len() % GROUP_DIGITS;
        let (first, rest) = digits.split_at(head);
        for group in std::iter::once(first)
            .chain(rest.chunks(GROUP_DIGITS))
            .filter(|g| !g.is_empty())
        {
            let value = group.iter().fold(0, |v, d| v * 10 + u64::from(d - b'0'));
            let at = self.template.text.len();
            self.template.slots.push(Slot {
                at,
                width: group.len() as u16,
                scale: 0,
                fill: Fill::Zero,
            });
            self.values.push(value);
        }
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests;
