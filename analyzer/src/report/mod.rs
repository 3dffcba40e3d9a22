//! Explanations as people read them. Only here is anything formatted.

pub mod chart;
mod html;
mod markdown;
mod text;

pub use html::html;
pub(crate) use html::safe;
pub use markdown::markdown;
pub(crate) use text::plain;
pub use text::{Style, text};
