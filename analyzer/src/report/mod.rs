//! Explanations as people read them. Only here is anything formatted.

pub mod chart;
mod differences;
mod html;
mod list;
mod markdown;
mod text;

pub use differences::differences;
pub use html::html;
pub(crate) use html::safe;
pub use list::list;
pub use markdown::markdown;
pub(crate) use text::plain;
pub use text::{Commands, Style, text};
