//! The words that begin a zone in zoneinfo and buddyinfo: `Node 0, zone   Normal`.

use crate::layout::Line;
use model::Subject;
use std::sync::Arc;

/// A memory zone of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Zone {
    pub(crate) node: u32,
    pub(crate) name: Arc<str>,
}

impl Zone {
    /// The zone that a line is about, and how many words said so.
    pub(crate) fn heading(line: &Line) -> Option<(Zone, usize)> {
        if line.word(0)? != "Node" || line.word(2)? != "zone" {
            return None;
        }
        let node = line.word(1)?.strip_suffix(',')?.parse().ok()?;
        Some((
            Zone {
                node,
                name: line.word(3)?.into(),
            },
            4,
        ))
    }

    pub(crate) fn subject(&self) -> Subject {
        Subject::Zone {
            node: self.node,
            zone: self.name.clone(),
        }
    }

    pub(crate) fn cpu(&self, cpu: u32) -> Subject {
        Subject::ZoneCpu {
            node: self.node,
            zone: self.name.clone(),
            cpu,
        }
    }

    pub(crate) fn order(&self, order: u32) -> Subject {
        Subject::Order {
            node: self.node,
            zone: self.name.clone(),
            order,
        }
    }
}
