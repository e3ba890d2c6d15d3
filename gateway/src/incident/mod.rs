//! Incidents: one real-world happening each, from the first finding to its end.
//!
//! [`Incidents`] is a state machine without clock, disk or network: findings, pictures, dispositions and evidence go in,
//! changes to be told come out, and what has changed itself ([`Incidents::changed`]) is written to disk together with them,
//! so that a restart at any moment goes on where it was.
//!
//! | file | decides |
//! |---|---|
//! | `life` | what one incident is |
//! | `book` | all incidents, and what may come in |
//! | `arrival` | which incident a finding belongs to |
//! | `ending` | when it is over, and what time does to it |
//! | `happening`, [`fusion`] | what is the same happening at the same place |
//! | `look`, `sight` | what cameras and sensors say about one another's alarms |
//! | `flood` | when too many are one |
//! | `escalation` | when nobody has answered for too long |
//! | `handling` | what the centre's answer does |
//! | [`orders`] | what the centre has muted or put into another mode for a while |
//! | `saved` | what survives a restart |
//! | [`tell`] | the event that tells a change |

mod arrival;
mod book;
mod ending;
mod escalation;
mod flood;
pub mod fusion;
mod handling;
mod happening;
mod life;
mod look;
mod mark;
pub mod orders;
pub mod saved;
mod sight;
pub mod tell;
#[cfg(test)]
mod tests;

pub use book::{Incidents, NewId};
pub use life::{Change, Incident, Member};
