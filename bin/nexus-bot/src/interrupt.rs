//! Ctrl-C and SIGTERM: the first asks to stop, the second stops.

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

use crate::exit_code::Exit;

/// Tells whether somebody asked the process to stop.
#[derive(Clone)]
pub(crate) struct Interrupt(watch::Receiver<bool>);

impl Interrupt {
    /// Takes over both signals for the rest of the process's life.
    pub(crate) fn install() -> std::io::Result<Self> {
        let (mut interrupt, mut terminate) =
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let (sender, receiver) = watch::channel(false);
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                if sender.send_replace(true) {
                    std::process::exit(Exit::Interrupted.code().into());
                }
                tracing::info!("stopping after the step in hand; once more stops at once");
            }
        });
        Ok(Self(receiver))
    }

    /// Returns whether the process was asked to stop.
    pub(crate) fn is_raised(&self) -> bool {
        *self.0.borrow()
    }

    /// Completes once the process is asked to stop.
    pub(crate) async fn raised(&mut self) {
        // The sender lives as long as the process; were it gone, nobody could ask.
        if self.0.wait_for(|raised| *raised).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
