//! The controller over the embedded world, through real sockets.

mod bot;
mod crashes;
mod faults;
mod life;
mod recovery;
mod scene;
mod truth;
