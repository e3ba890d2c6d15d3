//! Evidence: stills and clips kept on the box for the incidents that they belong to.
//!
//! ```text
//!  desk ── still wanted ([`Wanted`]) ──▶ worker ──▶ desk ──▶ [`Store`] ─────────────▶ event
//!   └──── clip ordered ──▶ [`Recorder`] ──▶ worker's reel ──▶ film (fMP4) ─▶ [`Store`] ──┘
//!  centre ── command with a reason ──▶ [`Archive`]: ledger, holds, retention ──▶ parts of a file
//! ```
//!
//! Both are files `evidence/<incident>/<n>.jpg` and `.mp4` below the data directory, on disk for good before any event
//! speaks of them.
//!
//! The still that an event begins with is the first picture that showed it; [`best`] looks out for a better one.
//!
//! A still leaves the box with its masks filled and heads pixelated. A clip is the camera's own video, copied and not
//! decoded, so nothing in it is hidden (`masked` is false): it stays on the box until the centre fetches it by a command
//! that gives a reason, and each such access is written into the [`ledger`] before it happens.

pub mod archive;
pub mod best;
mod clip;
mod film;
pub mod hold;
pub mod ledger;
pub mod recorder;
mod shrink;
mod store;
mod wanted;

pub use archive::{Archive, ArchiveError};
pub use recorder::{ClipKept, Order, Recorder};
pub use shrink::shrink;
pub use store::{Class, Salvaged, Store, StoreError, Stored};
pub use wanted::{Purpose, Want, Wanted};
