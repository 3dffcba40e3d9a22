//! Pressure stall information: the share of time in which some task, or every task, waited.
//!
//! | signal | unit | derivation |
//! |---|---|---|
//! | `psi.{cpu,io,memory}_some`, `psi.{io,memory}_full` | % of time | Δtotal / Δt; the averages are ignored (kernel.md §5.5) |

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
        // µs a second → percent
        signals.extend(rate(window, name, "%", &[metric], 1e-4));
    }
}
