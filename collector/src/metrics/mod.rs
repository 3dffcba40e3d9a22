//! The last tick as OpenMetrics, for those who scrape: node_exporter's names for what the kernel says, `highwater_…` about ourselves.
//!
//! The beat only leaves a copy of its tick here ([`Metrics::tick`]). Everything else, decoding included, is done when somebody asks,
//! on a thread of its own: who asks slowly, or too often, keeps nobody waiting but himself.

mod families;
mod node;
mod own;
mod server;

pub(crate) use own::OWN;

use crate::clock;
use crate::say;
use families::{Families, Format};
use model::{Nanos, Tick};
use node::Decoded;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// After this many intervals, and no less than [`STALE`], the last tick is no longer the present.
const STALE_INTERVALS: Nanos = 5;

/// As [`STALE_INTERVALS`], for short intervals.
const STALE: Nanos = 10_000_000_000;

/// What the beat and those who answer have in common.
pub(crate) struct Metrics {
    last: Mutex<Option<Arc<Tick>>>,
}

impl Metrics {
    /// Begins to answer at this address. Where that cannot be, it is said: recording does not depend on it.
    pub(crate) fn start(address: SocketAddr) -> Option<Arc<Metrics>> {
        let metrics = Arc::new(Metrics {
            last: Mutex::new(None),
        });
        match server::start(address, metrics.clone()) {
            Ok(bound) => {
                say(&format!("metrics at http://{bound}/metrics"));
                Some(metrics)
            }
            Err(error) => {
                say(&format!("no metrics at {address}: {error}"));
                None
            }
        }
    }

    /// Takes a copy of the tick that was just taken.
    pub(crate) fn tick(&self, tick: &Tick) {
        let copy = Arc::new(tick.clone());
        let before = self.lock().replace(copy);
        // What it held is freed here or by who still reads it, but not under the lock.
        drop(before);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Arc<Tick>>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last tick, unless it is too old: its numbers are not those of now.
    fn present(&self) -> Option<Arc<Tick>> {
        let patience = STALE.max(STALE_INTERVALS.saturating_mul(OWN.interval()));
        let tick = self.lock().clone();
        tick.filter(|tick| clock::monotonic() - tick.monotonic <= patience)
    }

    /// Whether ticks are being taken.
    fn is_present(&self) -> bool {
        self.present().is_some()
    }

    /// The answer.
    fn text(&self, decoded: &mut Decoded, format: Format) -> String {
        let mut families = Families::default();
        own::write(&mut families, self.lock().clone().as_deref());
        if let Some(tick) = self.present() {
            decoded.write(&mut families, &tick.readings);
        }
        families.text(format)
    }
}
