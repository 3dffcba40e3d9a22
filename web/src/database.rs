//! The database, opened anew for each question: it may be replaced, compacted or not there yet.

use crate::problem::Problem;
use crate::server::Shared;
use std::sync::Arc;
use store::Reader;

/// Asks a question of the database on a thread that may block, a few at a time.
pub(crate) async fn ask<T: Send + 'static>(
    shared: &Arc<Shared>,
    question: impl FnOnce(&Reader) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let _turn = shared
        .turns
        .acquire()
        .await
        .map_err(|_| Problem::unavailable("stopping"))?;
    let path = shared.path.clone();
    tokio::task::spawn_blocking(move || question(&Reader::open(&path)?))
        .await
        .unwrap_or_else(|_| Err(Problem::unavailable("the question could not be answered")))
}
