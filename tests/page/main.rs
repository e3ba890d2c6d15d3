//! The local page of the real gateway: over plain HTTP (`doors`, `contents`) and in a real browser (`seen`).

mod contents;
mod doors;
mod seen;
