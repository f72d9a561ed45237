//! The embedded world through its public API and real sockets.

mod execution;
