//! The row of one look at the processes, and blocks of them.
//!
//! ```text
//! row:    crc32 of the rest, complete?, rows, then for each: process id, state, wait channel, mask of the counters known, each against the last known
//!         value of that counter of that process; then, in a key row, what else is known of the living, in the same form
//! block:  crc32 of the rest, zstd of (time, key?, length, row)…, 1 (or not compressed, and 0); the first row is a key row
//! ```

use crate::bytes::{put, put_bytes, put_signed, seal, sealed, take, take_bytes, take_signed, unsealed};
use model::ProcessCounter;
use std::collections::BTreeMap;

const COUNTERS: usize = ProcessCounter::ALL.len();

/// Looks from one key row to the next.
pub(crate) const KEY_EVERY: u64 = 60;

/// A process of one instant, its identity as an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HotProcess {
    pub(crate) process: i64,
    pub(crate) state: char,
    pub(crate) wchan: Option<String>,
    pub(crate) counters: [Option<u64>; COUNTERS],
}

/// The last known state of each process that has not ended.
#[derive(Debug, Clone, Default)]
pub(crate) struct Live {
    last: BTreeMap<i64, HotProcess>,
    /// Counters told so far since the last key row.
    told: BTreeMap<i64, [u64; COUNTERS]>,
}

impl Live {
    /// Writes a row into `out`; `key` makes it readable by itself.
    pub(crate) fn encode(&mut self, complete: bool, samples: &[HotProcess], key: bool, out: &mut Vec<u8>) {
        if key {
            self.told.clear();
        }
        if complete {
            let listed: std::collections::BTreeSet<i64> = samples.iter().map(|s| s.process).collect();
            self.last.retain(|id, _| listed.contains(id));
        }
        out.clear();
        out.extend([0; 4]);
        out.push(u8::from(complete));
        put(out, samples.len() as u64);
        for sample in samples {
            self.put(sample, out);
        }
        if key {
            // Also those listed of whom more is known than is listed.
            let listed: BTreeMap<i64, &HotProcess> = samples.iter().map(|s| (s.process, s)).collect();
            let is_told = |kept: &HotProcess, now: &HotProcess| {
                kept.counters
                    .iter()
                    .zip(&now.counters)
                    .all(|(kept, now)| kept.is_none() || now.is_some())
            };
            let carried: Vec<HotProcess> = self
                .last
                .values()
                .filter(|kept| listed.get(&kept.process).is_none_or(|now| !is_told(kept, now)))
                .cloned()
                .collect();
            put(out, carried.len() as u64);
            for sample in &carried {
                self.put(sample, out);
            }
        }
        for sample in samples {
            self.keep(sample);
        }
        seal(out);
    }

    /// Whether a process is alive, as far as is known.
    pub(crate) fn has(&self, process: i64) -> bool {
        self.last.contains_key(&process)
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = i64> {
        self.last.keys().copied()
    }

    /// Forgets processes whose ids hold no more.
    pub(crate) fn forget(&mut self, processes: &[i64]) {
        self.last.retain(|id, _| !processes.contains(id));
    }

    fn keep(&mut self, sample: &HotProcess) {
        if sample.state == 'X' {
            self.last.remove(&sample.process);
            return;
        }
        let kept = self.last.entry(sample.process).or_insert_with(|| sample.clone());
        kept.state = sample.state;
        kept.wchan.clone_from(&sample.wchan);
        for (kept, now) in kept.counters.iter_mut().zip(&sample.counters) {
            *kept = now.or(*kept);
        }
    }

    fn put(&mut self, sample: &HotProcess, out: &mut Vec<u8>) {
        put(out, sample.process as u64);
        put(out, u64::from(u32::from(sample.state)));
        put_bytes(out, sample.wchan.as_deref().unwrap_or("").as_bytes());
        let mask = sample
            .counters
            .iter()
            .enumerate()
            .filter(|(_, v)| v.is_some())
            .fold(0u64, |m, (i, _)| m | 1 << i);
        put(out, mask);
        let told = self.told.entry(sample.process).or_insert([0; COUNTERS]);
        for (told, value) in told.iter_mut().zip(&sample.counters) {
            if let Some(value) = value {
                put_signed(out, value.wrapping_sub(*told) as i64);
                *told = *value;
            }
        }
    }

    /// Reads a row: whether it is complete, and those it lists. `None`: damaged.
    pub(crate) fn decode(&mut self, body: &[u8], key: bool) -> Option<(bool, Vec<HotProcess>)> {
        let mut rest = unsealed(body)?;
        if key {
            self.told.clear();
            self.last.clear();
        }
        let (&complete, tail) = rest.split_first()?;
        rest = tail;
        let count = take(&mut rest)?;
        let mut samples = Vec::new();
        for _ in 0..count {
            samples.push(self.take(&mut rest)?);
        }
        if key {
            for _ in 0..take(&mut rest)? {
                let carried = self.take(&mut rest)?;
                self.keep(&carried);
            }
        }
        if complete == 1 {
            let listed: std::collections::BTreeSet<i64> = samples.iter().map(|s| s.process).collect();
            self.last.retain(|id, _| listed.contains(id));
        }
        for sample in &samples {
            self.keep(sample);
        }
        Some((complete == 1, samples))
    }

    fn take(&mut self, rest: &mut &[u8]) -> Option<HotProcess> {
        let process = take(rest)? as i64;
        let state = char::from_u32(take(rest)? as u32)?;
        let wchan = String::from_utf8_lossy(take_bytes(rest)?).into_owned();
        let mask = take(rest)?;
        let told = self.told.entry(process).or_insert([0; COUNTERS]);
        let mut counters = [None; COUNTERS];
        for (i, (told, value)) in told.iter_mut().zip(counters.iter_mut()).enumerate() {
            if mask >> i & 1 == 1 {
                *told = told.wrapping_add(take_signed(rest)? as u64);
                *value = Some(*told);
            }
        }
        Some(HotProcess {
            process,
            state,
            wchan: (!wchan.is_empty()).then_some(wchan),
            counters,
        })
    }

    /// Everybody alive, as last known.
    pub(crate) fn everybody(&self) -> Vec<HotProcess> {
        self.last.values().cloned().collect()
    }
}

/// A row as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Look {
    pub(crate) at: i64,
    /// Whether it can be decoded without those before it.
    pub(crate) key: bool,
    pub(crate) body: Vec<u8>,
}

/// Packs rows into a block.
pub(crate) fn pack(looks: &[Look]) -> Vec<u8> {
    let mut plain = Vec::new();
    let mut before = 0i64;
    for look in looks {
        put_signed(&mut plain, look.at.wrapping_sub(before));
        before = look.at;
        plain.push(u8::from(look.key));
        put_bytes(&mut plain, &look.body);
    }
    // Where there is no memory to compress, it is stored as it is.
    let (kind, mut stored) = zstd::bulk::compress(&plain, 6).map_or((PLAIN, plain), |packed| (ZSTD, packed));
    stored.push(kind);
    sealed(&stored)
}

const PLAIN: u8 = 0;
const ZSTD: u8 = 1;

/// The reverse of [`pack`]; `None`: damaged.
pub(crate) fn unpack(block: &[u8]) -> Option<Vec<Look>> {
    let (&kind, stored) = unsealed(block)?.split_last()?;
    let plain = match kind {
        PLAIN => stored.to_vec(),
        ZSTD => zstd::stream::decode_all(stored).ok()?,
        _ => return None,
    };
    let mut rest = plain.as_slice();
    let mut looks = Vec::new();
    let mut at = 0i64;
    while !rest.is_empty() {
        at = at.wrapping_add(take_signed(&mut rest)?);
        let (&key, tail) = rest.split_first()?;
        rest = tail;
        looks.push(Look {
            at,
            key: key == 1,
            body: take_bytes(&mut rest)?.to_vec(),
        });
    }
    Some(looks)
}
