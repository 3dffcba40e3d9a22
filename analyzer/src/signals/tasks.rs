//! What the table of processes says as a whole.
//!
//! | signal | unit | derivation |
//! |---|---|---|
//! | `task.uninterruptible` | tasks | processes seen in D, kernel threads left out |

use super::{Signal, Signals};
use crate::processes::is_kernel_thread;
use crate::window::Window;
use model::Subject;

pub(super) fn derive(window: &Window, signals: &mut Signals) {
    let mut at = vec![f64::NAN; window.len()];
    let mut waiting = vec![f64::NAN; window.len()];
    for tick in &window.processes {
        let Some(i) = window.ticks.partition_point(|&t| t <= tick.at).checked_sub(1) else {
            continue;
        };
        at[i] = tick.at.seconds_since(window.origin);
        let count = tick
            .samples
            .iter()
            .filter(|s| s.state == 'D' && !is_kernel_thread(s))
            .count();
        waiting[i] = count as f64;
    }
    signals.add(Signal {
        name: "task.uninterruptible",
        unit: "tasks",
        subject: Subject::Host,
        at: at.into(),
        values: waiting,
    });
}
