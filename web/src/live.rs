//! `live`: the newest values as server-sent events, for however many who look, from one reading of the database.
//!
//! Nothing is read while nobody looks. Ticks that were stored in a lump, after a stall of the disk, are told one by one. Each stream
//! takes them from one list that all share, so who is slow costs no memory and holds nobody up; who is later than the list is long
//! misses ticks, sees so by their times, and asks for `series`.

use crate::database::{Version, ask};
use crate::incidents::{Listed, listed};
use crate::problem::Problem;
use crate::processes::{Row, table};
use crate::query::{Clock, Params, SECOND, now, stamp};
use crate::server::Shared;
use crate::windows::Loaded;
use analyzer::rules::rounded;
use analyzer::window::Window;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream::{self, Stream};
use model::{TimeSpan, UnixNanos};
use serde::Serialize;
use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::Reader;
use tokio::sync::{Notify, watch};

/// The file is looked at this often while anybody looks.
const LOOK: Duration = Duration::from_millis(200);
/// What is going on is explained anew this often, over the last [`STATE_SPAN`].
const STATE_EVERY: Duration = Duration::from_secs(10);
const STATE_SPAN: i64 = 600 * SECOND;
/// Processes shown of each kind of doing.
const PROCESSES: usize = 4;

/// Ticks that are kept for streams that are late, and read at a time after a stall.
const KEPT: usize = 64;

/// What all streams look at: counted, so that each knows what is new to it.
#[derive(Debug, Default)]
struct Now {
    /// Ticks that were ever told; the last of them are in `kept`.
    ticks: u64,
    kept: VecDeque<Arc<str>>,
    states: u64,
    state: Option<Arc<str>>,
}

/// The newest, and who waits for it.
pub(crate) struct Live {
    now: watch::Sender<Now>,
    /// Somebody came.
    came: Notify,
    /// Streams that may be open at a time.
    most: usize,
}

impl Live {
    /// For at most so many streams.
    pub(crate) fn new(most: usize) -> Live {
        Live {
            now: watch::Sender::new(Now::default()),
            came: Notify::new(),
            most,
        }
    }

    /// Keeps it new until the server stops.
    pub(crate) fn keep(shared: Arc<Shared>) {
        tokio::spawn(async move {
            let mut seen = Seen::default();
            loop {
                if shared.live.now.receiver_count() > 0 {
                    seen.look(&shared).await;
                } else {
                    seen.rest(&shared.live);
                }
                tokio::select! {
                    () = shared.stopping.cancelled() => return,
                    () = tokio::time::sleep(LOOK) => {}
                    () = shared.live.came.notified() => {}
                }
            }
        });
    }
}

/// What was sent last.
#[derive(Default)]
struct Seen {
    version: Option<Version>,
    tick: Option<UnixNanos>,
    stated: Option<Instant>,
}

impl Seen {
    async fn look(&mut self, shared: &Arc<Shared>) {
        let version = Version::of(&shared.path);
        if version != self.version || version.is_none() {
            self.version = version;
            let after = self.tick;
            match ask(shared, move |reader, _| newer(reader, after)).await {
                Ok(ticks) => {
                    if let Some((at, _)) = ticks.last() {
                        self.tick = Some(*at);
                        shared.live.now.send_modify(|now| now.tell(ticks));
                    }
                }
                // It is said by the state, which asks again and again.
                Err(_) => self.tick = None,
            }
        }
        if self.stated.is_none_or(|when| when.elapsed() >= STATE_EVERY) {
            self.stated = Some(Instant::now());
            let state = ask(shared, state).await.unwrap_or_else(|problem| {
                serde_json::json!({ "status": "unavailable", "detail": problem.detail() }).to_string()
            });
            shared.live.now.send_modify(|now| {
                now.states += 1;
                now.state = Some(state.into());
            });
        }
    }

    /// Nobody looks: who comes next is told what holds then, not what held now.
    fn rest(&mut self, live: &Live) {
        self.tick = None;
        self.version = None;
        let stale = self.stated.is_some_and(|when| when.elapsed() >= STATE_EVERY);
        live.now.send_if_modified(|now| {
            now.kept.clear();
            if stale {
                now.state = None;
            }
            false
        });
    }
}

impl Now {
    fn tell(&mut self, ticks: Vec<(UnixNanos, String)>) {
        for (_, text) in ticks {
            self.ticks += 1;
            self.kept.push_back(text.into());
        }
        while self.kept.len() > KEPT {
            self.kept.pop_front();
        }
    }

    /// The tick after the first `told` ones, or the oldest after it that is kept; to who was told none, the newest. With how many were
    /// told by then.
    fn after(&self, told: Option<u64>) -> Option<(u64, Arc<str>)> {
        let oldest = self.ticks - self.kept.len() as u64;
        let next = told.unwrap_or(self.ticks.saturating_sub(1)).max(oldest);
        let tick = self.kept.get((next - oldest) as usize)?;
        Some((next + 1, tick.clone()))
    }
}

/// One tick: signals by `name@subject`, and with the newest one who does most.
#[derive(Serialize)]
struct Tick {
    at: f64,
    values: BTreeMap<String, f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    processes: Option<Vec<Row>>,
}

/// Signals that are of use second by second; the rest is asked for with `series`.
fn is_shown(name: &str) -> bool {
    let family = name.split('.').next().unwrap_or("");
    match family {
        "mem" => !name.ends_with("_growth"),
        "reclaim" | "io" | "refault" | "fault" | "swap" | "psi" | "cpu" | "run" | "load" | "task"
        | "zone" => true,
        "disk" => ["disk.read", "disk.write", "disk.busy", "disk.queue", "disk.wait"].contains(&name),
        _ => false,
    }
}

/// The ticks that are newer than `after`, the last [`KEPT`] of them; without `after` the newest one.
fn newer(reader: &Reader, after: Option<UnixNanos>) -> Result<Vec<(UnixNanos, String)>, Problem> {
    let clock = Clock::of(reader)?;
    let end = clock.extent.to;
    if after == Some(end) {
        return Ok(Vec::new());
    }
    let interval = reader
        .ticks(TimeSpan::new(end, end))?
        .last()
        .map_or(SECOND, |t| t.interval)
        .max(SECOND / 100);
    // Three ticks at least: a rate wants two, and one may be missing.
    let from = (end - 2 * interval).min(after.unwrap_or(end));
    let span = TimeSpan::new(from.max(end - KEPT as i64 * interval), end);
    let lead = (2 * interval / SECOND).max(2);
    let Some(window) = Window::load_with_lead(reader, span, lead)? else {
        return Ok(Vec::new());
    };
    let loaded = Loaded::new(window);
    let ticks = &loaded.window.ticks;
    // An older database in the place of the one before: what it has is new, though its time is not.
    let after = after.filter(|&after| after < end);
    let first = match after {
        Some(after) => ticks.partition_point(|&at| at <= after),
        None => ticks.len() - 1,
    };
    let shown: Vec<_> = loaded.signals.all().filter(|s| is_shown(s.name)).collect();
    let mut told = Vec::new();
    for k in first..ticks.len() {
        let values = shown.iter().filter_map(|s| {
            let value = *s.values.get(k)?;
            value
                .is_finite()
                .then(|| (format!("{}@{}", s.name, s.subject), rounded(value)))
        });
        let tick = Tick {
            at: ticks[k].seconds(),
            values: values.collect(),
            processes: (k + 1 == ticks.len()).then(|| table(&loaded.window, PROCESSES)),
        };
        let text = serde_json::to_string(&tick).map_err(|e| Problem::internal(e.to_string()))?;
        told.push((ticks[k], text));
    }
    Ok(told)
}

/// Whether anything is wrong, and since when.
#[derive(Serialize)]
struct Condition {
    status: &'static str,
    /// The last tick, by which a reader sees that nothing comes any more.
    to: String,
    /// Our clock when this was asked.
    now: String,
    /// Seconds from one tick to the next.
    interval_s: f64,
    incidents: Vec<Listed>,
}

fn state(reader: &Reader, shared: &Shared) -> Result<String, Problem> {
    let clock = Clock::of(reader)?;
    let end = clock.extent.to;
    let span = TimeSpan::new((end - STATE_SPAN).max(clock.extent.from), end);
    let document = shared.windows.explain(reader, span, &clock)?;
    let incidents = document
        .incidents
        .iter()
        .map(|i| listed(i, span, &clock))
        .collect();
    let state = Condition {
        status: "recorded",
        to: stamp(end),
        now: now(),
        interval_s: document.window.interval_s,
        incidents,
    };
    serde_json::to_string(&state).map_err(|e| Problem::internal(e.to_string()))
}

/// `GET /api/v1/live`: events `tick` and `state`, each with a JSON object.
pub(crate) async fn live(
    State(shared): State<Arc<Shared>>,
    params: Params,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    params.only(&[])?;
    let live = &shared.live;
    if live.now.receiver_count() >= live.most {
        return Err(Problem::busy(format!(
            "{} streams are open already, which is as many as there may be",
            live.most
        )));
    }
    let from = Looker {
        receiver: live.now.subscribe(),
        ticks: None,
        states: 0,
        first: true,
        shared: shared.clone(),
    };
    live.came.notify_one();
    let events = stream::unfold(from, |mut from| async move {
        from.next().await.map(|event| (Ok(event), from))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))))
}

/// Where one reader's stream stands.
struct Looker {
    receiver: watch::Receiver<Now>,
    ticks: Option<u64>,
    states: u64,
    first: bool,
    shared: Arc<Shared>,
}

impl Looker {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if std::mem::take(&mut self.first) {
                // So that a proxy and the page know at once that they are connected.
                return Some(Event::default().comment("connected"));
            }
            if let Some(event) = self.untold() {
                return Some(event);
            }
            tokio::select! {
                () = self.shared.stopping.cancelled() => return None,
                changed = self.receiver.changed() => changed.ok()?,
            }
        }
    }

    /// What was not told yet, if there is anything.
    fn untold(&mut self) -> Option<Event> {
        let (kind, data) = {
            let now = self.receiver.borrow_and_update();
            match &now.state {
                Some(state) if now.states > self.states => {
                    self.states = now.states;
                    ("state", state.clone())
                }
                _ => {
                    let (ticks, tick) = now.after(self.ticks)?;
                    self.ticks = Some(ticks);
                    ("tick", tick)
                }
            }
        };
        Some(Event::default().event(kind).data(&*data))
    }
}

#[cfg(test)]
mod tests {
    use super::{KEPT, Now};
    use model::UnixNanos;

    /// What a stream is told that was told so many before.
    fn told(now: &Now, before: Option<u64>) -> Vec<String> {
        let mut at = before;
        std::iter::from_fn(|| {
            let (next, tick) = now.after(at)?;
            at = Some(next);
            Some(tick.to_string())
        })
        .collect()
    }

    #[test]
    fn each_is_told_all_that_is_new_to_it_once() {
        let mut now = Now::default();
        assert_eq!(told(&now, None), [""; 0]);
        let some = |range: std::ops::Range<usize>| range.map(|k| (UnixNanos(0), k.to_string())).collect();
        now.tell(some(0..1));
        now.tell(some(1..4));
        assert_eq!(told(&now, None), ["3"]);
        assert_eq!(told(&now, Some(1)), ["1", "2", "3"]);
        assert_eq!(told(&now, Some(4)), [""; 0]);
        // Who is too late goes on with the oldest that is kept.
        now.tell(some(4..4 + KEPT));
        assert_eq!(told(&now, Some(1)).len(), KEPT);
        assert_eq!(told(&now, Some(1))[0], "4");
        now.kept.clear();
        assert_eq!(told(&now, None), [""; 0]);
        assert_eq!(told(&now, Some(1)), [""; 0]);
        now.tell(some(90..92));
        assert_eq!(told(&now, None), ["91"]);
        assert_eq!(told(&now, Some(4 + KEPT as u64)), ["90", "91"]);
    }
}
