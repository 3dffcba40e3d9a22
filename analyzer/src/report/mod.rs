//! Explanations as people read them. Only here is anything formatted.

pub mod chart;
mod html;
mod markdown;
mod text;

pub use html::html;
pub use markdown::markdown;
pub use text::{Style, text};
