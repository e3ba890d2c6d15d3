//! Incidents: one real-world happening each, from the first finding to its end.
//!
//! [`Incidents`] is a state machine without clock, disk or network: findings and evidence go in, changes to be told come
//! out, and [`Incidents::save`] is written to disk together with those changes, so that a restart at any moment goes on
//! where it was. [`fusion`] says which findings belong together, [`tell`] turns a change into an event.

pub mod fusion;
mod life;
pub mod tell;
#[cfg(test)]
mod tests;

pub use life::{Change, Incident, Incidents, Member, NewId};
