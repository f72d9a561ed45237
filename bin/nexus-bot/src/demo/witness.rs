//! What the chains themselves show, gathered without asking the bot.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, ensure};
use nexus_devnet::{
    Devnet, NexusStatus, World,
    consensus::{self, SignedVoluntaryExit, Validator, ValidatorStatus},
    execution::DepositEvent,
    ssv_operators::ShareVerdict,
};
use nexus_http::{Endpoint, HttpClient, HttpLimits};
use nexus_primitives::{Address, BlockNumber, RollupAdmin, Slot, TxHash, U256, ValidatorPubkey, Wei, bls};
use serde_json::{Value, json};

use super::scene::Rollup;

/// Selector of `get_deposit_count()` on the deposit contract.
const GET_DEPOSIT_COUNT: &str = "0x621fd130";

/// Follows both chains slot by slot.
#[derive(Default)]
pub(super) struct Witness {
    next_block: u64,
    next_slot: u64,
    /// Every deposit in the deposit contract's log.
    pub(super) deposits: Vec<DepositEvent>,
    /// The rollup that Nexus deposited each validator for.
    rollups: BTreeMap<ValidatorPubkey, RollupAdmin>,
    /// Every exit that a beacon block included, with its slot.
    pub(super) exits: Vec<(Slot, SignedVoluntaryExit)>,
}

impl Witness {
    /// Takes in what happened since the last look. Exits are found as long as finality hasn't overtaken it.
    pub(super) fn look(&mut self, world: &World) {
        let head = world.execution().head().number;
        for number in self.next_block..=head {
            self.deposits.extend(world.execution().deposit_events(number));
            self.rollups.extend(world.submitted_validators(number));
        }
        self.next_block = head + 1;
        let chain = world.beacon().read();
        let unseen = chain.kept_states().filter(|state| state.slot().get() >= self.next_slot);
        for state in unseen {
            self.exits.extend(state.included_exits().iter().map(|exit| (state.slot(), *exit)));
        }
        self.next_slot = chain.head().slot().get() + 1;
    }

    /// Returns the deposits that Nexus made for a rollup, in order.
    pub(super) fn deposits_of(&self, rollup: Rollup) -> Vec<&DepositEvent> {
        let is_its = |deposit: &&DepositEvent| self.rollups.get(&deposit.pubkey) == Some(&rollup.admin);
        self.deposits.iter().filter(is_its).collect()
    }

    /// Returns a rollup's keys in the order of their deposits.
    pub(super) fn pubkeys_of(&self, rollup: Rollup) -> Vec<ValidatorPubkey> {
        self.deposits_of(rollup).into_iter().map(|deposit| deposit.pubkey).collect()
    }

    /// Returns how many different keys were deposited, for whomever.
    pub(super) fn distinct(&self) -> usize {
        self.deposits.iter().map(|deposit| deposit.pubkey).collect::<BTreeSet<_>>().len()
    }

    /// Returns who left, and the slot of the exit's block, as far as the exits' signatures verify under the Capella
    /// domain (EIP-7044).
    pub(super) fn verified_exits(&self, world: &World) -> BTreeMap<ValidatorPubkey, Slot> {
        let chain = world.beacon().read();
        let verified = self.exits.iter().filter_map(|(slot, exit)| {
            let pubkey = chain.head().validator_at(exit.validator_index)?.pubkey;
            let root = exit.signing_root(chain.config());
            bls::verify(&pubkey, root.as_bytes(), &exit.signature).ok()?;
            Some((pubkey, *slot))
        });
        verified.collect()
    }
}

/// Returns how many deposit signatures verify for this network, by the rule of the consensus layer.
pub(super) fn valid_signatures(world: &World, deposits: &[&DepositEvent]) -> usize {
    let fork = world.beacon().read().config().genesis_fork_version;
    let events = deposits.iter().copied().cloned().map(consensus::DepositEvent::from);
    events.filter(|event| event.verify_signature(fork).is_ok()).count()
}

/// Returns the keys whose status on the Nexus contract is `wanted`.
pub(super) fn with_status(
    world: &World,
    pubkeys: &[ValidatorPubkey],
    wanted: NexusStatus,
) -> anyhow::Result<Vec<ValidatorPubkey>> {
    let mut found = Vec::new();
    for pubkey in pubkeys {
        if world.nexus_status(pubkey)? == wanted {
            found.push(*pubkey);
        }
    }
    Ok(found)
}

/// Returns how many of the keys the SSV network has registered for Nexus.
pub(super) fn registered(world: &World, pubkeys: &[ValidatorPubkey]) -> anyhow::Result<usize> {
    let mut count = 0;
    for pubkey in pubkeys {
        count += usize::from(world.is_registered_with_ssv(pubkey)?);
    }
    Ok(count)
}

/// Returns of how many keys every operator holds its share.
pub(super) fn accepted(world: &World, pubkeys: &[ValidatorPubkey]) -> usize {
    let operators = world.ssv_operators();
    let verdicts = pubkeys.iter().filter_map(|pubkey| operators.verdict(pubkey));
    verdicts.filter(|verdict| **verdict == ShareVerdict::Accepted).count()
}

/// Returns of how many keys the operators have deleted their shares.
pub(super) fn removed(world: &World, pubkeys: &[ValidatorPubkey]) -> usize {
    let operators = world.ssv_operators();
    let verdicts = pubkeys.iter().filter_map(|pubkey| operators.verdict(pubkey));
    verdicts.filter(|verdict| **verdict == ShareVerdict::Removed).count()
}

/// Returns the beacon status of each key; keys the registry doesn't have are left out.
pub(super) fn beacon_statuses(world: &World, pubkeys: &[ValidatorPubkey]) -> Vec<ValidatorStatus> {
    pubkeys.iter().filter_map(|pubkey| world.validator_status(pubkey)).collect()
}

/// Returns each key's entry in the beacon chain's registry; keys it doesn't have are left out.
pub(super) fn on_beacon(world: &World, pubkeys: &[ValidatorPubkey]) -> Vec<Validator> {
    let chain = world.beacon().read();
    let found = pubkeys.iter().filter_map(|pubkey| chain.head().validator(pubkey));
    found.map(|(_, validator)| validator.clone()).collect()
}

/// Returns the block of a successful transaction; `None` when it isn't mined or failed.
pub(super) fn block_of(world: &World, transaction: TxHash) -> Option<BlockNumber> {
    let receipt = world.execution().receipt(transaction.into_bytes().into())?;
    receipt.block_number.filter(|_| receipt.status()).map(BlockNumber::new)
}

/// Returns how many transactions the bot's account has made.
pub(super) fn bot_nonce(world: &World) -> u64 {
    world.execution().nonce(world.deployment().accounts.bot.address())
}

/// Asks the execution node over JSON-RPC for an account's ETH.
pub(super) async fn balance(devnet: &Devnet, address: Address) -> anyhow::Result<Wei> {
    let answer = ask(devnet, "eth_getBalance", json!([address, "latest"])).await?;
    let digits = answer.as_str().and_then(|text| text.strip_prefix("0x")).context("a hexadecimal balance")?;
    Ok(Wei::new(U256::from_str_radix(digits, 16)?))
}

/// Asks the deposit contract over JSON-RPC how many deposits it has taken.
pub(super) async fn deposit_count(devnet: &Devnet) -> anyhow::Result<u64> {
    let contract = devnet.deployment().deposit_contract;
    let call = json!([{"to": contract, "data": GET_DEPOSIT_COUNT}, "latest"]);
    let answer = ask(devnet, "eth_call", call).await?;
    let bytes = hex::decode(answer.as_str().unwrap_or_default().trim_start_matches("0x"))?;
    // ABI: offset, length 8, then the count in little-endian bytes.
    let count = bytes.get(64..72).context("an eight-byte count")?;
    Ok(u64::from_le_bytes(count.try_into()?))
}

async fn ask(devnet: &Devnet, method: &str, params: Value) -> anyhow::Result<Value> {
    let endpoint: Endpoint = devnet.rpc_url().parse()?;
    let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    let client = HttpClient::new(HttpLimits::default())?;
    let mut answer: Value = client.post_json(&endpoint, "", &request).await?.json()?;
    ensure!(answer.get("error").is_none(), "{method} answers {}", answer["error"]);
    Ok(answer["result"].take())
}
