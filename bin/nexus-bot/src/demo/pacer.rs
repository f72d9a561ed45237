//! Slots that pass by themselves, for as long as somebody holds the pacer.

use std::{sync::Arc, time::Duration};

use nexus_devnet::World;
use tokio::{
    task::JoinHandle,
    time::{MissedTickBehavior, interval},
};

/// Lets a slot of the world pass in every period; dropping it stops time.
pub(super) struct Pacer(JoinHandle<()>);

impl Pacer {
    /// Starts the world's time.
    pub(super) fn start(world: Arc<World>, period: Duration) -> Self {
        Self(tokio::spawn(async move {
            let mut ticks = interval(period);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                let world = Arc::clone(&world);
                if tokio::task::spawn_blocking(move || world.advance_slots(1)).await.is_err() {
                    return;
                }
            }
        }))
    }
}

impl Drop for Pacer {
    fn drop(&mut self) {
        self.0.abort();
    }
}
