//! `collector run`: the beat.

use crate::clock::{Grid, Instant, monotonic};
use crate::recorder::{Message, Recorder};
use crate::sampler::Sampler;
use crate::{cli, node, say};
use model::{Gap, Nanos, Run, RunOrigin};
use std::future::poll_fn;
use std::process::ExitCode;
use std::task::Poll;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Records until it is told to end.
pub(crate) fn run(arguments: &cli::Run) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(record(arguments))?;
    Ok(ExitCode::SUCCESS)
}

async fn record(arguments: &cli::Run) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let proc = &arguments.common.proc;
    let interval = arguments.interval.as_nanos() as Nanos;
    let begun = Instant::now();
    let run = Run {
        origin: RunOrigin::Collector,
        interval,
        started: begun.wall,
        import_key: None,
    };
    let database = arguments.common.database();
    let mut recorder = Recorder::start(&database, node::boot(proc, begun.wall), run)?;
    let mut sampler = Sampler::new(proc);
    say(&format!(
        "recording {} every {:?} to {}",
        proc.display(),
        arguments.interval,
        database.display()
    ));

    let mut grid = Grid::new(monotonic(), interval);
    let mut before: Option<Instant> = None;
    while wait_until(grid.due(), &mut terminate, &mut interrupt).await {
        let now = Instant::now();
        let late = grid.keep(now.monotonic);
        for gap in before.iter().flat_map(|before| missed(before, &now, late)) {
            say(&gap.why);
            recorder.send(Message::Gap(gap))?;
        }
        let (tick, gaps) = sampler.tick(&now);
        recorder.tick(tick)?;
        for gap in gaps {
            recorder.send(Message::Gap(gap))?;
        }
        before = Some(now);
    }
    for gap in sampler.open_gaps(Instant::now().wall) {
        recorder.send(Message::Gap(gap))?;
    }
    recorder.finish()
}

/// What happened between two ticks that a reader of the data must know.
fn missed(before: &Instant, now: &Instant, late: Option<Nanos>) -> Vec<Gap> {
    let late = late.map(|late| format!("late by {:.1} s", late as f64 / 1e9));
    let (from, to) = (before.wall.min(now.wall), before.wall.max(now.wall));
    let gap = |why| Gap {
        from,
        to,
        source: None,
        why,
    };
    late.into_iter().chain(now.steps_since(before)).map(gap).collect()
}

/// Waits for a point on the monotonic clock; `false` when told to end before.
async fn wait_until(due: Nanos, terminate: &mut Signal, interrupt: &mut Signal) -> bool {
    let rest = Duration::from_nanos(u64::try_from(due - monotonic()).unwrap_or(0));
    let told = poll_fn(|context| {
        let signals = [terminate.poll_recv(context), interrupt.poll_recv(context)];
        if signals.iter().any(Poll::is_ready) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    });
    tokio::time::timeout(rest, told).await.is_err()
}
