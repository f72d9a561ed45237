//! nexus-dkg against recorded ceremonies of real operators, against damage, and against operators of our own.

mod archive;
mod bulk;
mod folders;
mod http;
mod operator_lists;
mod puppets;
mod replay;
mod requests;
mod server;
mod tampering;
mod transcript;
mod wire_bytes;
mod wire_known_answers;
mod wire_laws;
