//! The local page of the real gateway: over plain HTTP (`doors`, `contents`, `clips`), over TLS (`encrypted`) and in a real
//! browser (`seen`, `watched`, `small`).

mod clips;
mod contents;
mod doors;
mod encrypted;
mod seen;
mod small;
mod watched;
