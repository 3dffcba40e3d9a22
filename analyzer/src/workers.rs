//! Work over many things on all CPUs, with the answers in the things' order.

use std::sync::atomic::{AtomicUsize, Ordering};
use store::Reader;

/// What `work` answers for each item, on at most `most` threads, each with a reader of its own.
///
/// # Errors
/// The first error in the items' order of those that came up before all stopped.
pub fn each<I: Sync, T: Send, E: Send + From<store::Error>>(
    reader: &Reader,
    items: &[I],
    most: usize,
    work: impl Fn(&Reader, &I) -> Result<T, E> + Sync,
) -> Result<Vec<T>, E> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = threads.min(most).min(items.len());
    if threads < 2 {
        return items.iter().map(|item| work(reader, item)).collect();
    }
    let path = reader.path();
    let next = AtomicUsize::new(0);
    let some = || -> Vec<(usize, Result<T, E>)> {
        let reader = match Reader::open(path) {
            Ok(reader) => reader,
            Err(error) => return vec![(next.fetch_add(items.len(), Ordering::Relaxed), Err(error.into()))],
        };
        let mut mine = Vec::new();
        while let place = next.fetch_add(1, Ordering::Relaxed)
            && let Some(item) = items.get(place)
        {
            let answer = work(&reader, item);
            if answer.is_err() {
                // Nobody begins another one.
                next.fetch_add(items.len(), Ordering::Relaxed);
            }
            mine.push((place, answer));
        }
        mine
    };
    let mut all = Vec::with_capacity(items.len());
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(some)).collect();
        for worker in workers {
            match worker.join() {
                Ok(done) => all.extend(done),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    all.sort_by_key(|(place, _)| *place);
    all.into_iter().map(|(_, answer)| answer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_in_order_and_an_error_ends_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        drop(store::Writer::open(&path).unwrap());
        let reader = Reader::open(&path).unwrap();
        let items: Vec<u32> = (0..50).collect();
        let doubled = each(&reader, &items, 4, |_, item| Ok::<_, store::Error>(item * 2)).unwrap();
        assert_eq!(doubled, items.iter().map(|item| item * 2).collect::<Vec<_>>());
        let failed = each(&reader, &items, 4, |reader, item| match item {
            7 => Err(Reader::open(&reader.path().with_extension("none")).err().unwrap()),
            item => Ok(*item),
        });
        assert!(failed.is_err());
        let none: Vec<u32> = each(&reader, &[0u32; 0], 4, |_, item| Ok::<_, store::Error>(*item)).unwrap();
        assert!(none.is_empty());
    }
}
