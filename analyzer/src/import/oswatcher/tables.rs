//! vmstat and iostat, as OSWatcher asks for them: some rows a second apart.

use super::Answers;
use crate::import::averages::{Averages, CPU, IOSTAT, Kind, Meaning, Table, VMSTAT, read_number};
use crate::import::text::Lines;
use crate::import::{Error, LogOptions, Place, Result};
use model::{Nanos, UnixNanos};

/// Between two rows: what OSWatcher asks for.
const STEP: Nanos = 1_000_000_000;

/// The tables of one kind of answer: all numbers, and those that are of the instant of the first row.
#[derive(Default)]
struct Tables {
    rates: Option<Table>,
    gauges: Option<Table>,
}

impl Tables {
    /// The tables with this header; the same ones as long as it is the same.
    fn header(&mut self, words: &[&str], key: Option<usize>, meanings: &[Meaning], averages: &mut Averages) {
        if self.rates.as_ref().is_some_and(|table| table.is(words)) {
            return;
        }
        self.rates = Some(Table::with(words, key, meanings, averages));
        let gauges: Vec<Meaning> = meanings
            .iter()
            .copied()
            .filter(|meaning| meaning.kind == Kind::Gauge)
            .collect();
        let gauges = (!gauges.is_empty()).then(|| Table::with(words, key, &gauges, averages));
        self.gauges = gauges;
    }

    /// Row `row` (from 0) of the answer that was asked for at `asked`.
    fn row(
        &mut self,
        asked: UnixNanos,
        row: i64,
        words: &[&str],
        averages: &mut Averages,
    ) -> std::result::Result<(), &'static str> {
        // The average since the machine was started is of no time that is looked at.
        let table = if row == 0 {
            &mut self.gauges
        } else {
            &mut self.rates
        };
        let Some(table) = table else { return Ok(()) };
        if words.len() != table.width() {
            return Err("more or fewer columns than the header names");
        }
        let key = table.key();
        let number = |(i, word): (usize, &&str)| {
            if Some(i) == key {
                Some(f64::NAN)
            } else {
                read_number(word)
            }
        };
        let numbers: Option<Vec<f64>> = words.iter().enumerate().map(number).collect();
        let numbers = numbers.ok_or("not a number in a column of numbers")?;
        let at = asked + row * STEP;
        table.interrupt();
        table.begin(at - STEP);
        table.add(at, key.map_or("", |key| words[key]), &numbers, averages);
        Ok(())
    }
}

/// Reads a file of vmstat's answers; when each was asked for.
pub(super) fn vmstat(
    lines: &mut Lines,
    options: &LogOptions,
    averages: &mut Averages,
) -> Result<Vec<UnixNanos>> {
    let mut tables = Tables::default();
    read(lines, options, averages, &mut |asked, line, row, averages| {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        match words.as_slice() {
            [] => Ok(()),
            ["procs", ..] => Ok(()),
            ["r", "b", ..] => {
                tables.header(&words, None, &VMSTAT, averages);
                Ok(())
            }
            _ if tables.rates.is_none() => Err("a row without a header before it"),
            words => {
                *row += 1;
                tables.row(asked, *row - 1, words, averages)
            }
        }
    })
}

/// Reads a file of iostat's answers, likewise. A row is a whole report: the processors, then a row a device.
pub(super) fn iostat(
    lines: &mut Lines,
    options: &LogOptions,
    averages: &mut Averages,
) -> Result<Vec<UnixNanos>> {
    let (mut devices, mut processors) = (Tables::default(), Tables::default());
    let mut is_of_processors = false;
    // Reports of devices and of processors so far in this answer.
    let (mut device_reports, mut processor_reports) = (0, 0);
    read(lines, options, averages, &mut |asked, line, row, averages| {
        if *row == 0 {
            (device_reports, processor_reports) = (0, 0);
            *row = 1;
        }
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        match words.as_slice() {
            [] | ["Linux", ..] => Ok(()),
            ["avg-cpu:", words @ ..] => {
                processors.header(words, None, &CPU, averages);
                processor_reports += 1;
                is_of_processors = true;
                Ok(())
            }
            ["Device" | "Device:", ..] => {
                devices.header(&words, Some(0), &IOSTAT, averages);
                device_reports += 1;
                is_of_processors = false;
                Ok(())
            }
            words if is_of_processors => processors.row(asked, processor_reports - 1, words, averages),
            words if device_reports > 0 => devices.row(asked, device_reports - 1, words, averages),
            // The date, where somebody asked for it.
            _ => Ok(()),
        }
    })
}

type TakeLine<'a> =
    &'a mut dyn FnMut(UnixNanos, &str, &mut i64, &mut Averages) -> std::result::Result<(), &'static str>;

fn read(
    lines: &mut Lines,
    options: &LogOptions,
    averages: &mut Averages,
    take: TakeLine,
) -> Result<Vec<UnixNanos>> {
    let file = lines.file.clone();
    let mut answers = Answers::new(lines, options);
    let mut asked = Vec::new();
    while let Some(answer) = answers.next()? {
        let mut row = 0;
        for (text, line) in answer.text.lines().zip(answer.line + 1..) {
            if let Err(reason) = take(answer.at, text, &mut row, averages) {
                if options.strict {
                    return Err(Error::at(&file, line, reason));
                }
                let place = Place {
                    file: file.clone(),
                    line: Some(line),
                };
                averages.broken(place, reason);
            }
        }
        asked.push(answer.at);
    }
    answers.head(averages);
    averages.check_size(lines)?;
    Ok(asked)
}
