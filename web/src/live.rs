//! `live`: the newest values as server-sent events, for however many who look, from one reading of the database.
//!
//! Nothing is read while nobody looks. Who is slow misses ticks and never holds anybody up: each stream sees the newest only.

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
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::Reader;
use tokio::sync::watch;

/// The file is looked at this often while anybody looks.
const LOOK: Duration = Duration::from_millis(200);
/// What is going on is explained anew this often, over the last [`STATE_SPAN`].
const STATE_EVERY: Duration = Duration::from_secs(10);
const STATE_SPAN: i64 = 600 * SECOND;
/// Processes shown of each kind of doing.
const PROCESSES: usize = 4;

/// What all streams look at: counted, so that each knows what is new.
#[derive(Debug, Clone, Default)]
struct Now {
    ticks: u64,
    tick: Arc<str>,
    states: u64,
    state: Arc<str>,
}

/// The newest, and who waits for it.
pub(crate) struct Live(watch::Sender<Now>);

impl Live {
    pub(crate) fn new() -> Live {
        Live(watch::Sender::new(Now::default()))
    }

    /// Keeps it new until the server stops.
    pub(crate) fn keep(shared: Arc<Shared>) {
        tokio::spawn(async move {
            let mut seen = Seen::default();
            loop {
                tokio::select! {
                    () = shared.stopping.cancelled() => return,
                    () = tokio::time::sleep(LOOK) => {}
                }
                if shared.live.0.receiver_count() > 0 {
                    seen.look(&shared).await;
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
            match ask(shared, move |reader, _| newest(reader, after)).await {
                Ok(Some((at, text))) => {
                    self.tick = Some(at);
                    shared.live.0.send_modify(|now| {
                        now.ticks += 1;
                        now.tick = text.into();
                    });
                }
                Ok(None) => {}
                // It is said by the state, which asks again and again.
                Err(_) => self.tick = None,
            }
        }
        if self.stated.is_none_or(|when| when.elapsed() >= STATE_EVERY) {
            self.stated = Some(Instant::now());
            let state = ask(shared, state).await.unwrap_or_else(|problem| {
                serde_json::json!({ "status": "unavailable", "detail": problem.detail() }).to_string()
            });
            shared.live.0.send_modify(|now| {
                now.states += 1;
                now.state = state.into();
            });
        }
    }
}

/// One tick: signals by `name@subject`, and who does most.
#[derive(Serialize)]
struct Tick {
    at: f64,
    values: BTreeMap<String, f64>,
    processes: Vec<Row>,
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

/// The newest tick, if it is newer than `after`.
fn newest(reader: &Reader, after: Option<UnixNanos>) -> Result<Option<(UnixNanos, String)>, Problem> {
    let clock = Clock::of(reader)?;
    let end = clock.extent.to;
    if after == Some(end) {
        return Ok(None);
    }
    // Three ticks: a rate wants two, and one may be missing.
    let interval = reader
        .ticks(TimeSpan::new(end, end))?
        .last()
        .map_or(SECOND, |t| t.interval);
    let span = TimeSpan::new(end - 2 * interval.max(SECOND / 100), end);
    let lead = (2 * interval / SECOND).max(2);
    let Some(window) = Window::load_with_lead(reader, span, lead)? else {
        return Ok(None);
    };
    let loaded = Loaded::new(window);
    let shown = loaded.signals.all().filter(|s| is_shown(s.name));
    let values = shown.filter_map(|s| {
        let value = *s.values.last()?;
        value
            .is_finite()
            .then(|| (format!("{}@{}", s.name, s.subject), rounded(value)))
    });
    let tick = Tick {
        at: end.seconds(),
        values: values.collect(),
        processes: table(&loaded.window, PROCESSES),
    };
    let text = serde_json::to_string(&tick).map_err(|e| Problem::internal(e.to_string()))?;
    Ok(Some((end, text)))
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
    let from = Looker {
        receiver: shared.live.0.subscribe(),
        ticks: 0,
        states: 0,
        first: true,
        shared,
    };
    let events = stream::unfold(from, |mut from| async move {
        from.next().await.map(|event| (Ok(event), from))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))))
}

/// Where one reader's stream stands.
struct Looker {
    receiver: watch::Receiver<Now>,
    ticks: u64,
    states: u64,
    first: bool,
    shared: Arc<Shared>,
}

impl Looker {
    async fn next(&mut self) -> Option<Event> {
        loop {
            let now = self.receiver.borrow_and_update().clone();
            if now.states > self.states {
                self.states = now.states;
                return Some(Event::default().event("state").data(&*now.state));
            }
            if now.ticks > self.ticks {
                self.ticks = now.ticks;
                return Some(Event::default().event("tick").data(&*now.tick));
            }
            if std::mem::take(&mut self.first) {
                // So that a proxy and the page know at once that they are connected.
                return Some(Event::default().comment("connected"));
            }
            tokio::select! {
                () = self.shared.stopping.cancelled() => return None,
                changed = self.receiver.changed() => changed.ok()?,
            }
        }
    }
}
