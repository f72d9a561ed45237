//! The controller over the embedded world, through real sockets.

mod bot;
mod life;
