//! Tests through the public interface only.

mod pipeline;
mod scripted_chain;
