//! What other threads read of files, kept until the next tick takes it along: the beat waits for none of them.

use crate::clock::Instant;
use model::{Nanos, Reading, Template};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// A file as another thread found it.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// CLOCK_MONOTONIC, the middle of the read.
    pub(crate) at: Nanos,
    pub(crate) template: Arc<Template>,
    pub(crate) values: Vec<u64>,
}

/// The shelf between them. It holds the newest of each source only, so it cannot grow.
#[derive(Debug, Clone, Default)]
pub(crate) struct Beside(Arc<Mutex<BTreeMap<Arc<str>, Found>>>);

impl Beside {
    /// Leaves what was found.
    pub(crate) fn put(&self, found: impl IntoIterator<Item = (Arc<str>, Found)>) {
        let found: Vec<_> = found.into_iter().collect();
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(found);
    }

    /// Whether something of this source has not been taken yet: what is left now would replace it.
    pub(crate) fn has(&self, source: &str) -> bool {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.contains_key(source)
    }

    /// Takes all of it, with times relative to a tick: before it.
    pub(crate) fn take(&self, tick: &Instant) -> Vec<Reading> {
        let found = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let reading = |(source, found): (Arc<str>, Found)| Reading {
            source,
            offset: found.at - tick.monotonic,
            template: found.template,
            values: found.values,
        };
        found.into_iter().map(reading).collect()
    }
}

/// Texts of one source to readings, with as few templates as possible.
#[derive(Debug, Default)]
pub(crate) struct Shape(Option<Arc<Template>>);

impl Shape {
    /// Template and values of a text.
    pub(crate) fn of(&mut self, text: &[u8]) -> (Arc<Template>, Vec<u64>) {
        let mut values = Vec::new();
        match &self.0 {
            Some(template) if template.read(text, &mut values) => (template.clone(), values),
            prior => {
                let (template, values) = Template::parse(text, prior.as_deref());
                let template = self.0.insert(Arc::new(template));
                (template.clone(), values)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::UnixNanos;

    #[test]
    fn the_newest_of_each_is_taken_once() {
        let (beside, mut shape) = (Beside::default(), Shape::default());
        let found = |text: &[u8], at, shape: &mut Shape| {
            let (template, values) = shape.of(text);
            [("a".into(), Found { at, template, values })]
        };
        beside.put(found(b"n 1\n", 5, &mut shape));
        beside.put(found(b"n 2\n", 7, &mut shape));
        let tick = Instant {
            wall: UnixNanos(1000),
            monotonic: 10,
            boottime: 10,
        };
        let taken = beside.take(&tick);
        let told: Vec<_> = taken
            .iter()
            .map(|r| (&*r.source, r.offset, r.values.clone()))
            .collect();
        assert_eq!(told, [("a", -3, vec![2])]);
        assert!(beside.take(&tick).is_empty());
        // One shape, one template; another shape, another.
        let first = taken[0].template.clone();
        assert!(Arc::ptr_eq(&first, &shape.of(b"n 7\n").0));
        let (other, values) = shape.of(b"n 7 8\n");
        assert_eq!(
            (other.render(&values).as_slice(), Arc::ptr_eq(&first, &other)),
            (&b"n 7 8\n"[..], false)
        );
    }
}
