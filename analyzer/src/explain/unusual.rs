//! What else moved: the most unusual series of a span by robust score, for the causes that no rule knows.

use super::document::Incident;
use crate::onset::{median, quantile};
use crate::rules::Scene;
use crate::units;

/// Ticks of quiet needed on each side to call anything unusual.
const LEAST_TICKS: usize = 10;
/// Robust scores below this are noise.
const LEAST_SCORE: f64 = 20.0;

/// A note about the signals that moved most and that no event of any incident is about.
pub(super) fn note(scene: &Scene, incidents: &[Incident]) -> Option<String> {
    let first = incidents.first()?;
    let from = scene.window.ticks.partition_point(|t| *t < first.from.0);
    let to = scene.window.ticks.partition_point(|t| *t <= first.to.0);
    if from < LEAST_TICKS || to < from + LEAST_TICKS {
        return None;
    }
    let told: Vec<&str> = incidents
        .iter()
        .flat_map(|i| &i.timeline)
        .flat_map(|e| &e.evidence)
        .map(|e| e.signal.as_str())
        .collect();
    let mut scored: Vec<(f64, String)> = scene
        .signals
        .all()
        .filter(|s| !told.contains(&s.name) && !s.name.starts_with("identity."))
        .filter_map(|signal| {
            let (before, during) = (&signal.values[..from], &signal.values[from..to]);
            let center = median(before);
            let spread = (quantile(before, 0.75) - quantile(before, 0.25))
                .max(0.01 * center.abs())
                .max(1e-9);
            let now = median(during);
            // A signal that was always nearly zero makes any value unusual: ask for a change of scale too.
            let score = ((now - center) / spread).abs();
            let plain = score.is_finite() && (now - center).abs() > 0.5 * center.abs().max(1.0);
            plain.then(|| {
                let text = format!(
                    "{} ({}) {} → {}",
                    signal.name,
                    signal.subject,
                    units::value(center, signal.unit),
                    units::value(now, signal.unit)
                );
                (score.min(1e6), text)
            })
        })
        .filter(|(score, _)| *score >= LEAST_SCORE)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    let moved: Vec<String> = scored.into_iter().take(4).map(|(_, text)| text).collect();
    (!moved.is_empty()).then(|| format!("what else moved: {}", moved.join("; ")))
}
