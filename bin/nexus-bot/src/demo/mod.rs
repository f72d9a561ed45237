//! `demo`: the whole story in one process, judged by the chains.
//!
//! The world and the bot are those of `devnet` and `run`: the bot is wired by `compose` from a configuration file and
//! talks to the world over sockets. Only time and randomness come from elsewhere, so that a seed replays the story, but
//! for the keys that operators make and the ports they are at.
//! What is checked is read from contracts, beacon state, receipts and the SSV operators, never from the bot.

mod ceremonies;
mod checks;
mod crash;
mod inspection;
mod pacer;
mod scene;
mod secrecy;
mod story;
mod table;
mod wire;
mod witness;

use std::{sync::Arc, time::Duration};

use crate::{
    cli::DemoArgs,
    demo::{checks::Ledger, pacer::Pacer, scene::Scene},
    exit_code::Exit,
    failure,
    http_status::{self, Health},
    interrupt::Interrupt,
    output::print_text,
};

/// Real time between slots once the story is told.
const SLOT: Duration = Duration::from_secs(1);

/// Runs the command.
pub(crate) async fn run(args: &DemoArgs) -> anyhow::Result<Exit> {
    let mut interrupt = Interrupt::install()?;
    let mut ledger = Ledger::new();
    let told = tokio::select! {
        told = story::tell(args.seed, &mut ledger) => told,
        () = interrupt.raised() => return Ok(Exit::Interrupted),
    };
    if let Err(error) = &told {
        ledger.holds("the story goes on to its end", false, format!("{error:#}"));
    }
    print_text(&format!("\n{}", ledger.summary()));
    match told {
        Ok(mut scene) if !args.headless => stay(&mut scene, args, interrupt).await?,
        _ => {}
    }
    Ok(ledger.exit())
}

/// Leaves the world and the bot running until somebody asks to stop.
async fn stay(scene: &mut Scene, args: &DemoArgs, mut interrupt: Interrupt) -> anyhow::Result<()> {
    let bot = scene.bot()?;
    let health = Arc::new(Health::new(Arc::clone(&bot.clock), SLOT.as_secs()));
    let status = http_status::start(args.listen, Arc::clone(&health), Arc::clone(&bot.state)).await?;
    print_text(&format!(
        "\nThe world goes on, one slot a second, and the bot with it. Ctrl-C ends both.\n\
         \x20 execution node  {}\n\
         \x20 beacon node     {}\n\
         \x20 bot             http://{status}/api/v1/status\n\
         \x20 files           {}\n",
        scene.devnet.rpc_url(),
        scene.devnet.beacon_url(),
        scene.files.dir.display(),
    ));
    let _time = Pacer::start(scene.devnet.world(), SLOT);
    while !interrupt.is_raised() {
        match scene.watch().await {
            Ok(_) => health.succeeded(),
            Err(error) => {
                health.failed(error.to_string());
                failure::report(&error, false);
            }
        }
        let _ = tokio::time::timeout(SLOT, interrupt.raised()).await;
    }
    Ok(())
}
