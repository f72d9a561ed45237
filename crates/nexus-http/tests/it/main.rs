//! The client against servers that misbehave, over real sockets.

mod exchange;
mod server;
