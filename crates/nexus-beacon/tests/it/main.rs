//! The client against servers that speak the beacon API, well and badly, and exits against a real tool's.

mod exits;
mod one_node;
mod server;
mod several_nodes;
