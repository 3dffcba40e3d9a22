//! What a process did itself, and what its children did.
//!
//! The kernel adds what a child read and wrote to the process that waits for it (wait_task_zombie in kernel/exit.c): /proc/PID/io of a shell
//! jumps by all that a command did once that ends, and `make` seems to have read what every compiler read. Of a child that is in the
//! record that would be told twice, with the wrong name the second time. So what is known of a child that is gone is owed by who waited
//! for it, and taken out of its numbers once they rose by as much. A process that does not want to know of its children (SIGCHLD ignored)
//! gets nothing, so a debt that does not come in this look or the next is forgotten.

use crate::process_files::Counters;
use model::ProcessCounter::{self, *};
use std::collections::HashMap;

/// Counters that are added up that way: those of /proc/PID/io.
const INHERITED: [ProcessCounter; 7] = [
    ReadChars,
    WriteChars,
    ReadCalls,
    WriteCalls,
    ReadBytes,
    WriteBytes,
    CancelledWriteBytes,
];

/// Looks that a debt waits for: a child may go between the looks at its parent and at itself.
const PATIENCE: u64 = 2;

/// Amounts of [`INHERITED`].
pub(crate) type Amounts = [u64; INHERITED.len()];

/// What a process got from its children.
#[derive(Debug, Default)]
pub(crate) struct Reaped {
    /// Taken out of its numbers from now on.
    got: Amounts,
    /// What children that are gone did, and the look that missed them.
    owed: Vec<(u64, Amounts)>,
    /// Its own numbers before those that were read last.
    before: [Option<u64>; INHERITED.len()],
}

impl Reaped {
    /// Makes the process's own of what its file says; `known` is what was its own before.
    pub(crate) fn own(&mut self, known: &Counters, counters: &mut Counters) {
        self.before = INHERITED.map(|counter| known[counter as usize]);
        for (counter, got) in INHERITED.iter().zip(self.got) {
            let value = &mut counters[*counter as usize];
            *value = value.map(|value| value.saturating_sub(got));
        }
    }

    /// A child is gone.
    pub(crate) fn owe(&mut self, look: u64, amounts: Amounts) {
        self.owed.push((look, amounts));
    }

    /// Takes out of the numbers of this look what came from children: of each all or nothing. Whether something is still owed.
    pub(crate) fn settle(&mut self, look: u64, own: &mut Counters, told: Option<&mut Counters>) -> bool {
        if let Some(told) = told {
            let before = self.before;
            let got = &mut self.got;
            self.owed.retain(|(_, amounts)| {
                let is_in = INHERITED
                    .iter()
                    .zip(amounts)
                    .zip(before)
                    .all(|((counter, amount), before)| {
                        let rise = told[*counter as usize]
                            .zip(before)
                            .map(|(now, before)| now.saturating_sub(before));
                        rise.map_or(*amount == 0, |rise| rise >= *amount)
                    });
                if is_in {
                    for ((counter, amount), got) in INHERITED.iter().zip(amounts).zip(got.iter_mut()) {
                        *got += amount;
                        for counters in [&mut *told, &mut *own] {
                            let value = &mut counters[*counter as usize];
                            *value = value.map(|value| value.saturating_sub(*amount));
                        }
                    }
                }
                !is_in
            });
        }
        self.owed.retain(|(since, _)| look + 1 < since + PATIENCE);
        !self.owed.is_empty()
    }

    /// All that its parent gets: its own, and what it got or is about to get.
    pub(crate) fn total(&self, own: &Counters) -> Amounts {
        let mut total = amounts(own);
        for more in self.owed.iter().map(|(_, amounts)| amounts).chain([&self.got]) {
            add(&mut total, more);
        }
        total
    }
}

/// A process that is gone, who is to wait for it, and all that it did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Gone {
    pub(crate) pid: u32,
    pub(crate) parent: u32,
    pub(crate) total: Amounts,
}

/// The amounts of one process's counters; what is not known was not told of it, and is none.
pub(crate) fn amounts(counters: &Counters) -> Amounts {
    INHERITED.map(|counter| counters[counter as usize].unwrap_or(0))
}

fn add(sum: &mut Amounts, more: &Amounts) {
    for (sum, more) in sum.iter_mut().zip(more) {
        *sum = sum.saturating_add(*more);
    }
}

/// Who owes for those that are gone: of a whole family that is gone, the first that lives gets all that they did.
pub(crate) fn heirs(gone: &[Gone], lives: impl Fn(u32) -> bool) -> Vec<(u32, Amounts)> {
    let parents: HashMap<u32, u32> = gone.iter().map(|gone| (gone.pid, gone.parent)).collect();
    let mut owed = Vec::new();
    for one in gone
        .iter()
        .filter(|one| one.total.iter().any(|amount| *amount > 0))
    {
        let mut heir = one.parent;
        // Numbers may be given again: no chain is longer than there are links.
        for _ in 0..gone.len() {
            match parents.get(&heir) {
                Some(parent) if !lives(heir) => heir = *parent,
                _ => break,
            }
        }
        if lives(heir) {
            owed.push((heir, one.total));
        }
    }
    owed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counters(read: u64, written: u64) -> Counters {
        let mut counters = [None; ProcessCounter::ALL.len()];
        counters[ReadBytes as usize] = Some(read);
        counters[WriteBytes as usize] = Some(written);
        counters
    }

    fn amount(read: u64) -> Amounts {
        amounts(&counters(read, 0))
    }

    /// What is told of a parent whose file says `raw`, look by look; `owed`: what children that are missed after that look had read.
    fn told(looks: &[(u64, &[u64])]) -> Vec<u64> {
        let (mut reaped, mut own) = (Reaped::default(), counters(looks[0].0, 0));
        let look = |(i, (raw, owed)): (usize, &(u64, &[u64]))| {
            let i = i as u64;
            let mut sample = counters(*raw, 0);
            reaped.own(&own, &mut sample);
            own = sample;
            owed.iter().for_each(|read| reaped.owe(i, amount(*read)));
            reaped.settle(i, &mut own, Some(&mut sample));
            assert_eq!(own, sample);
            sample[ReadBytes as usize].unwrap()
        };
        looks.iter().enumerate().map(look).collect()
    }

    #[test]
    fn what_a_child_read_is_not_told_of_its_parent_again() {
        // In the same look; in the next; never, for it was not waited for; two at once; more than what is known of the child.
        assert_eq!(told(&[(10, &[]), (510, &[500]), (512, &[])]), [10, 10, 12]);
        assert_eq!(
            told(&[(10, &[]), (11, &[500]), (512, &[]), (513, &[])]),
            [10, 11, 12, 13]
        );
        assert_eq!(
            told(&[(10, &[]), (11, &[500]), (12, &[]), (900, &[])]),
            [10, 11, 12, 900]
        );
        assert_eq!(told(&[(10, &[]), (811, &[500, 300]), (811, &[])]), [10, 11, 11]);
        assert_eq!(told(&[(10, &[]), (610, &[500]), (610, &[])]), [10, 110, 110]);
    }

    #[test]
    fn a_family_that_is_gone_is_owed_for_by_who_lives() {
        let gone = |pid, parent, read| Gone {
            pid,
            parent,
            total: amount(read),
        };
        let all = [
            gone(9, 8, 5),
            gone(8, 7, 3),
            gone(7, 2, 0),
            gone(6, 99, 4),
            gone(5, 2, 1),
        ];
        assert_eq!(
            heirs(&all, |pid| pid <= 2),
            [(2, amount(5)), (2, amount(3)), (2, amount(1))]
        );
        // Numbers in a ring, as of garbage.
        assert_eq!(heirs(&[gone(1, 2, 5), gone(2, 1, 5)], |_| false), []);
        let mut reaped = Reaped::default();
        reaped.owe(1, amount(5));
        reaped.got = amount(7);
        assert_eq!(reaped.total(&counters(100, 1))[4..6], [112, 1]);
    }

    #[test]
    fn what_is_not_known_is_not_taken_out() {
        let (mut reaped, mut own) = (Reaped::default(), [None; ProcessCounter::ALL.len()]);
        let mut sample = counters(700, 0);
        reaped.own(&own, &mut sample);
        reaped.owe(1, amount(500));
        assert!(reaped.settle(1, &mut own, Some(&mut sample)));
        assert_eq!((sample, own[ReadBytes as usize]), (counters(700, 0), None));
        assert!(!reaped.settle(2, &mut own, None));
    }
}
