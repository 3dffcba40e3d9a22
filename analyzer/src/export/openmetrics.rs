//! OpenMetrics text with timestamps, as `promtool tsdb create-blocks-from openmetrics` takes it.
//!
//! The format wants each series in one piece and in order of time, so a group of series is read over the whole span before the
//! next one: as many at a time as a bounded number of samples allows, and a series that is too long by itself piece by piece.

use super::openmetrics_names::{Exposed, Shape, exposed};
use super::{Error, pieces};
use crate::tables::Catalog;
use model::{Column, Subject, Template, TimeSpan};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Write;
use std::sync::Arc;
use store::{Reader, Slots};

/// Samples held at a time: 16 bytes each.
const HELD: usize = 4_000_000;

/// A series, with where it is read from: its file, or rows of averages, or now one and now the other.
struct Series {
    sources: Vec<Arc<str>>,
    metric: Arc<str>,
    subject: Subject,
    exposed: Exposed,
}

/// Writes the numbers of a span of those tables whose name is wanted.
///
/// # Errors
/// When the database cannot be read, or the text cannot be written.
pub fn write(
    reader: &Reader,
    span: TimeSpan,
    wanted: &dyn Fn(&str) -> bool,
    out: &mut dyn Write,
) -> Result<(), Error> {
    reader.snapshot(|reader| {
        let series = series(reader, span, wanted)?;
        let ticks = reader.ticks(span)?.len().max(1);
        let mut known = Decoded::default();
        let mut family: Option<String> = None;
        for group in series.chunks((HELD / ticks).max(1)) {
            if let [only] = group {
                head(&only.exposed, &mut family, out)?;
                for piece in pieces(reader, span)? {
                    let values = read(reader, piece, group, &mut known)?;
                    samples(&only.exposed, values.into_iter().flatten(), out)?;
                }
                continue;
            }
            let values = read(reader, span, group, &mut known)?;
            for (series, values) in group.iter().zip(values) {
                head(&series.exposed, &mut family, out)?;
                samples(&series.exposed, values.into_iter(), out)?;
            }
        }
        out.write_all(b"# EOF\n")?;
        Ok(())
    })
}

/// All series of a span, those of a family together.
fn series(reader: &Reader, span: TimeSpan, wanted: &dyn Fn(&str) -> bool) -> Result<Vec<Series>, Error> {
    let boots = reader.boots()?;
    // USER_HZ has been 100 on every machine for twenty years; 0: an import that did not say.
    let hertz = boots
        .iter()
        .map(|boot| boot.clk_tck)
        .find(|&hertz| hertz > 0)
        .unwrap_or(100);
    let mut found: BTreeMap<(String, String), Series> = BTreeMap::new();
    let mut shapes: HashMap<String, (Shape, Arc<str>)> = HashMap::new();
    for (source, template) in reader.templates(span)? {
        for column in sources::decode(&source, &template).unwrap_or_default() {
            let table = Catalog::table_of(&source, &column);
            if !wanted(&table) {
                continue;
            }
            let mut exposed = exposed(&table, &column, hertz);
            // Two names that differ in what the format does not allow, or one that changed its unit between kernels.
            let metric = &column.metric.name;
            while shapes
                .get(&exposed.family)
                .is_some_and(|(shape, of)| *shape != exposed.shape || (of != metric && !exposed.is_shared))
            {
                exposed.rename();
            }
            shapes.insert(exposed.family.clone(), (exposed.shape, metric.clone()));
            let key = (exposed.family.clone(), exposed.labels.clone());
            let series = found.entry(key).or_insert_with(|| Series {
                sources: Vec::new(),
                metric: metric.clone(),
                subject: column.subject.clone(),
                exposed,
            });
            if !series.sources.contains(&source) {
                series.sources.push(source.clone());
            }
        }
    }
    Ok(found.into_values().collect())
}

/// The columns of each template, decoded once.
type Decoded = HashMap<*const Template, (Arc<Template>, Arc<Vec<Column>>)>;

/// Milliseconds since 1970 and value, in order of time, of each series.
fn read(
    reader: &Reader,
    span: TimeSpan,
    group: &[Series],
    known: &mut Decoded,
) -> Result<Vec<Vec<(i64, f64)>>, Error> {
    let mut values: Vec<Vec<(i64, f64)>> = vec![Vec::new(); group.len()];
    let sources: BTreeSet<&Arc<str>> = group.iter().flat_map(|series| &series.sources).collect();
    for source in sources {
        // For each template: which series of the group its chosen slots are.
        let mut chosen: HashMap<*const Template, Vec<(usize, Column)>> = HashMap::new();
        let stretches = reader.stretches(source, span, &mut |template| {
            let (_, columns) = known.entry(Arc::as_ptr(template)).or_insert_with(|| {
                let columns = sources::decode(source, template).unwrap_or_default();
                (template.clone(), Arc::new(columns))
            });
            let of = |column: &Column| {
                let is_it = |s: &Series| {
                    s.sources.contains(source)
                        && s.metric == column.metric.name
                        && s.subject == column.subject
                };
                group.iter().position(is_it).map(|place| (place, column.clone()))
            };
            let found: Vec<(usize, Column)> = columns.iter().filter_map(of).collect();
            let slots = found.iter().map(|(_, column)| column.slot).collect();
            chosen.insert(Arc::as_ptr(template), found);
            Slots::Some(slots)
        })?;
        for stretch in &stretches {
            let Some(chosen) = chosen.get(&Arc::as_ptr(&stretch.template)) else {
                continue;
            };
            for ((place, column), raw) in chosen.iter().zip(&stretch.columns) {
                let (times, by) = group[*place].exposed.factor;
                let at = stretch.at.iter().map(|at| at.0.div_euclid(1_000_000));
                let of = raw.iter().map(|&raw| column.value(raw) * times / by);
                values[*place].extend(at.zip(of));
            }
        }
    }
    for values in &mut values {
        values.sort_by_key(|&(at, _)| at);
        // Two runs at once: a series has one value at a time.
        values.dedup_by_key(|&mut (at, _)| at);
    }
    Ok(values)
}

fn head(exposed: &Exposed, family: &mut Option<String>, out: &mut dyn Write) -> Result<(), Error> {
    if family.as_ref() != Some(&exposed.family) {
        let Exposed {
            family: name, shape, ..
        } = exposed;
        writeln!(out, "# TYPE {name} {}", shape.word())?;
        if let Some(unit) = exposed.unit() {
            writeln!(out, "# UNIT {name} {unit}")?;
        }
        *family = Some(exposed.family.clone());
    }
    Ok(())
}

fn samples(
    exposed: &Exposed,
    values: impl Iterator<Item = (i64, f64)>,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let name = exposed.sample_name();
    for (at, value) in values {
        let (seconds, millis) = (at.div_euclid(1000), at.rem_euclid(1000));
        writeln!(out, "{name} {value} {seconds}.{millis:03}")?;
    }
    Ok(())
}
