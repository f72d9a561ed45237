//! `keys derive`: public keys and deposit data, never a private key.

use anyhow::Context as _;
use nexus_keys::{DepositDataJson, KeyPath, SignedDeposit};
use nexus_primitives::{Address, DerivationIndex, Gwei, RollupAdmin, WithdrawalCredentials};

use super::Session;
use crate::{
    cli::{KeysCommand, VaultKey},
    compose,
    config::Config,
    exit_code::Exit,
    output::{self, Table},
    progress,
};

/// Runs the command.
pub(super) async fn run(session: &Session, command: KeysCommand) -> anyhow::Result<Exit> {
    let KeysCommand::Derive { key, count, bridge } = command;
    let config = session.config()?;
    let bridge = match bridge {
        Some(bridge) => bridge,
        None => bridge_of(&config, key.rollup).await?,
    };
    let deposits = derive(session, &config, key, count, bridge).await?;
    if session.json {
        let network = config.network.name.to_string();
        // The layout of deposit-cli, which other tools read.
        output::print_text(&format!("{}\n", DepositDataJson::write_file(&deposits, &network)));
    } else {
        print(key.index, &deposits);
    }
    Ok(Exit::Done)
}

async fn derive(
    session: &Session,
    config: &Config,
    key: VaultKey,
    count: u32,
    bridge: Address,
) -> anyhow::Result<Vec<SignedDeposit>> {
    let keyring = compose::keyring(config, compose::vault(config)?, session.salt()?);
    let credentials = WithdrawalCredentials::to_address(bridge);
    let bar = progress::bar("deriving keys", usize::try_from(count)?);
    let mut deposits = Vec::new();
    for offset in 0..count {
        let index = key.index.checked_add(offset).context("the derivation index exceeds 32 bits")?;
        let validator = keyring.derive(key.rollup, DerivationIndex::new(index)).await?;
        let fork_version = config.network.genesis_fork_version;
        deposits.push(SignedDeposit::sign(&validator, credentials, Gwei::VALIDATOR_DEPOSIT, fork_version)?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(deposits)
}

fn print(first: u32, deposits: &[SignedDeposit]) {
    let mut table = Table::new(["path", "validator", "deposit data root"]);
    for (index, deposit) in (first..).zip(deposits) {
        let path = KeyPath::signing(DerivationIndex::new(index));
        table.row([path.to_string(), deposit.pubkey().to_string(), deposit.deposit_data_root().to_string()]);
    }
    table.print("no keys");
}

async fn bridge_of(config: &Config, rollup: RollupAdmin) -> anyhow::Result<Address> {
    let reader = compose::reader(config).await?;
    let snapshot = reader.chain.fetch_snapshot(reader.settings.observe_at).await?;
    let found = snapshot.rollups.iter().find(|found| found.admin == rollup);
    let found =
        found.with_context(|| format!("rollup {rollup} is not registered with Nexus; give --bridge"))?;
    Ok(found.bridge.address)
}
