//! `devnet`: the embedded world alone, for bots and hands from outside.

use std::{io::ErrorKind, net::SocketAddr, time::Duration};

use anyhow::Context as _;
use nexus_devnet::{
    ConfigDir, Devnet, DevnetConfig, Pace, StartError,
    deploy::{NexusVersion, RollupConfig, RollupHandle},
    dkg::Phases,
};
use nexus_primitives::{Address, BasisPoints, Clock as _, RollupAdmin, Wei};

use super::Session;
use crate::{
    cli::{DevnetArgs, NexusGeneration},
    clock::SystemClock,
    exit_code::Exit,
    interrupt::Interrupt,
    output, progress,
};

/// The first rollup's limit: 40 %.
const LIMIT_BPS: u16 = 4_000;
/// What its users bridge in at once.
const BRIDGED_ETH: u64 = 500;

/// Runs the command, until somebody asks to stop.
pub(super) async fn run(session: &Session, args: &DevnetArgs) -> anyhow::Result<Exit> {
    let mut interrupt = Interrupt::install()?;
    let spinner = progress::spinner("deploying the contracts");
    let devnet = Devnet::start(configuration(args)).await.map_err(say_what_to_do)?;
    let rollup = populate(&devnet).await?;
    let files = devnet.write_config(&args.dir)?;
    spinner.finish_and_clear();
    if session.json {
        output::print_json(&devnet.info());
    }
    eprint!("{}", instructions(&devnet, &files, &rollup));
    interrupt.raised().await;
    devnet.shutdown().await;
    Ok(Exit::Interrupted)
}

fn configuration(args: &DevnetArgs) -> DevnetConfig {
    // Begun now, the world's time is ahead of the system's from its first blocks on: no bot finds its head stale.
    let mut config = DevnetConfig::fast(SystemClock.now());
    config.world.seed = args.seed;
    config.world.nexus_version = match args.nexus_version {
        NexusGeneration::Main => NexusVersion::Main,
        NexusGeneration::SsvExits => NexusVersion::SsvExits,
    };
    let pace = Pace::Interval(Duration::from_millis(args.slot_millis));
    let dkg = Some(Phases::default());
    DevnetConfig { listen_rpc: args.listen_rpc, listen_beacon: args.listen_beacon, pace, dkg, ..config }
}

/// Says how to get around a port that is taken.
fn say_what_to_do(error: StartError) -> anyhow::Error {
    let address = match &error {
        StartError::Listen { address, source } if source.kind() == ErrorKind::AddrInUse => *address,
        _ => return error.into(),
    };
    let any = SocketAddr::new(address.ip(), 0);
    let message = format!(
        "{address} is taken by another process: choose another address with --listen-rpc or --listen-beacon; \
         {any} picks a free port"
    );
    anyhow::Error::from(error).context(message)
}

/// Registers a rollup with ETH on its bridge, and waits until both are final: `plan` has something to show.
async fn populate(devnet: &Devnet) -> anyhow::Result<RollupHandle> {
    let world = devnet.world();
    let populated = tokio::task::spawn_blocking(move || {
        let limit = BasisPoints::new(LIMIT_BPS).expect("40 % is a share");
        let rollup = world.register_rollup(RollupConfig::new("alpha", limit))?;
        world.bridge_in(admin(&rollup), Wei::from_ether(BRIDGED_ETH))?;
        let done = world.execution().head().number;
        let slots = 5 * world.beacon().read().config().slots_per_epoch;
        world.advance_until(|world| world.final_block() >= done, slots)?;
        anyhow::Ok(rollup)
    });
    populated.await.context("making the first rollup was cut short")?
}

/// Says where everything is and what to type next.
fn instructions(devnet: &Devnet, files: &ConfigDir, rollup: &RollupHandle) -> String {
    let program = std::env::args_os()
        .next()
        .map_or_else(|| "nexus-bot".into(), |name| name.to_string_lossy().into_owned());
    let (config, salt) = (files.config.display(), files.salt.display());
    let (rpc, beacon) = (devnet.rpc_url(), devnet.beacon_url());
    let (admin, bridge) = (admin(rollup), Address::new(rollup.bridge.into_array()));
    let call = |method: &str, params: &str| {
        format!(
            "  curl -s {rpc} -H 'content-type: application/json' \\\n    \
             -d '{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"{method}\",\"params\":[{params}]}}'\n"
        )
    };
    let limit = call("devnet_setStakingLimit", &format!("\"{admin}\",2000"));
    let users = call("devnet_bridgeOut", &format!("\"{admin}\",\"150000000000000000000\""));
    let time = call("devnet_advanceEpochs", "4");
    format!(
        "execution node  {rpc}\n\
         beacon node     {beacon}\n\
         configuration   {config}\n\
         rollup alpha    admin {admin}, bridge {bridge}, limit 40 %, {BRIDGED_ETH} ETH\n\
         \n\
         In another terminal, with the bot:\n  \
           {program} --config {config} plan\n  \
           {program} --config {config} --salt-file {salt} run --once\n  \
           {program} --config {config} status\n\
         \n\
         Lower the limit to 20 %:\n{limit}\
         Let users withdraw 150 ETH (devnet_bridgeIn brings ETH in):\n{users}\
         Let four epochs pass at once:\n{time}\
         \n\
         Have the operators make the keys, from the next run on, by two lines in the configuration:\n  \
           [keys]\n  \
           default = \"dkg\"\n\
         Ask alpha's operators whether they are there:\n  \
           {program} --config {config} dkg ping --rollup {admin}\n\
         \n\
         Everything else there is to know: method devnet_info. Ctrl-C ends the world.\n"
    )
}

fn admin(rollup: &RollupHandle) -> RollupAdmin {
    RollupAdmin::new(Address::new(rollup.admin.address().into_array()))
}
