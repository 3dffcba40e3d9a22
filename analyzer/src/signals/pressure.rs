//! Pressure stall information: the share of time in which some task, or every task, waited.
//!
//! | signal | unit | derivation |
//! |---|---|---|
//! | `psi.{cpu,io,memory}_some`, `psi.{io,memory}_full` | % of time | Δtotal / Δt, 100 at most; the averages are ignored (kernel.md §5.5) |

use super::{Signals, rate};
use crate::window::Window;

pub(super) fn derive(window: &Window, signals: &mut Signals) {
    for (name, metric) in [
        ("psi.cpu_some", "pressure/cpu.some_total"),
        ("psi.io_some", "pressure/io.some_total"),
        ("psi.io_full", "pressure/io.full_total"),
        ("psi.memory_some", "pressure/memory.some_total"),
        ("psi.memory_full", "pressure/memory.full_total"),
    ] {
        // µs a second → percent. The kernel adds up stalls when it next looks: what belongs to the second before can come in this one.
        let share = rate(window, name, "%", &[metric], 1e-4).map(|mut signal| {
            signal
                .values
                .iter_mut()
                .filter(|v| **v > 100.0)
                .for_each(|v| *v = 100.0);
            signal
        });
        signals.extend(share);
    }
}
