//! The store from outside: what is written comes back, in whatever form and after whatever happened between.

mod beside;
mod common;
mod crash;
mod damage;
mod extract;
mod imports;
mod many;
mod processes;
mod recordings;
mod refusals;
mod retention;
mod round_trip;
mod together;
