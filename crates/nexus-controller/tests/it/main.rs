//! The controller over the embedded world, through real sockets.

mod bot;
mod ceremonies;
mod ceremony_crashes;
mod ceremony_exits;
mod ceremony_losses;
mod changes;
mod contracts;
mod crashes;
mod faults;
mod hazards;
mod holds;
mod hooked;
mod life;
mod losses;
mod recovery;
mod reorgs;
mod rivals;
mod scene;
mod truth;
mod walk;
