//! Explanations as people read them. Only here is anything formatted.

pub mod chart;
mod markdown;
mod text;

pub use markdown::markdown;
pub use text::{Style, text};
