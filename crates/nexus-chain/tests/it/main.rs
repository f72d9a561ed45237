//! Tests through the public interface only.

mod devnet_world;
mod faulty_nodes;
mod node_front;
mod pipeline;
mod scripted_chain;
mod snapshots;
mod transactions;
