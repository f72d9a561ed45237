//! Keys, deposits, exits and keystores against the deposit tool's own library.

use std::fs;

use anyhow::Context as _;
use async_trait::async_trait;
use nexus_beacon::{NetworkSpec, VoluntaryExit};
use nexus_keys::{
    DepositDataJson, KdfCost, KeyPath, Keystore, KeystoreKdf, Mnemonic, Pbkdf2Rounds, SignedDeposit,
    ValidatorKey,
};
use nexus_primitives::{
    Address, ChainId, DerivationIndex, Epoch, EpochCount, ForkVersion, Gwei, Root, UnixSeconds,
    ValidatorIndex, WithdrawalCredentials,
};
use rand::rngs::StdRng;
use rand_core::Rng as _;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{checks::Checks, driver, row::Row, sabotage::Sabotage, stage::Stage};

const SECRETS: &str = "validator keys of random mnemonics";
const PUBKEYS: &str = "public keys";
const DEPOSIT_SIGNATURES: &str = "deposit signatures";
const DEPOSIT_ROOTS: &str = "deposit message and data roots";
const DEPOSIT_FILES: &str = "their deposit data read and verified";
const EXITS: &str = "voluntary exit signatures (EIP-7044)";
const OUR_KEYSTORES: &str = "our keystores opened by them (EIP-2335)";
const THEIR_KEYSTORES: &str = "their keystores opened by us (EIP-2335)";
const RECORDED: &str = "recorded runs of the complete tool";

const MNEMONICS: usize = 6;
const PASSPHRASE: &str = "";
/// Mathematical letters, composed and astral characters: a password that must be normalised.
const PASSWORD: &str = "𝔱𝔢𝔰𝔱𝔭𝔞𝔰𝔰𝔴𝔬𝔯𝔡 é🔑";

/// The `keys` row.
pub(crate) struct Keys;

#[derive(Serialize)]
struct Request {
    validators: Vec<ValidatorCase>,
    seal: Vec<SealCase>,
    open: Vec<OpenCase>,
}

#[derive(Serialize, Clone)]
struct ValidatorCase {
    mnemonic: String,
    passphrase: &'static str,
    index: u32,
    amount: u64,
    withdrawal_address: String,
    network: Network,
    exit: ExitCase,
}

#[derive(Serialize, Clone)]
struct Network {
    name: &'static str,
    genesis_fork_version: String,
    exit_fork_version: String,
    genesis_validators_root: String,
}

#[derive(Serialize, Clone, Copy)]
struct ExitCase {
    epoch: u64,
    validator_index: u64,
}

#[derive(Serialize)]
struct SealCase {
    secret: String,
    password: &'static str,
    path: String,
    kdf: &'static str,
}

#[derive(Serialize)]
struct OpenCase {
    json: String,
    password: &'static str,
}

#[derive(Deserialize)]
struct Reply {
    validators: Vec<ValidatorReply>,
    sealed: Vec<String>,
    opened: Vec<String>,
}

#[derive(Deserialize)]
struct ValidatorReply {
    secret: String,
    deposit: serde_json::Value,
    exit_signature: String,
}

/// A validator of ours with what the peer is asked about it.
struct Validator {
    key: ValidatorKey,
    path: KeyPath,
    credentials: WithdrawalCredentials,
    spec: NetworkSpec,
    case: ValidatorCase,
}

#[async_trait]
impl Row for Keys {
    fn name(&self) -> &'static str {
        "keys"
    }

    fn promise(&self) -> &'static str {
        "keys, deposits, exits and keystores are the deposit tool's, byte for byte"
    }

    fn components(&self) -> &'static [&'static str] {
        &["deposit-tool"]
    }

    fn red_under(&self, sabotage: Sabotage) -> &'static [&'static str] {
        match sabotage {
            Sabotage::WrongForkVersion => &[DEPOSIT_SIGNATURES, DEPOSIT_ROOTS, EXITS],
            _ => &[],
        }
    }

    async fn run(&self, stage: &Stage, checks: &mut Checks) -> anyhow::Result<()> {
        let mut rng = stage.rng();
        let validators = draw_validators(&mut rng);
        let first = validators.first().context("there are validators")?;
        let ours = our_keystores(first, &mut rng)?;
        let request = Request {
            validators: validators.iter().map(|validator| validator.case.clone()).collect(),
            seal: ["scrypt", "pbkdf2"].map(|kdf| seal_case(first, kdf)).into(),
            open: ours.into_iter().map(|json| OpenCase { json, password: PASSWORD }).collect(),
        };
        let reply: Reply = driver::python(stage, "deposit-tool", &request).await?;
        checks.same("every validator answered", &validators.len(), &reply.validators.len());
        for (validator, theirs) in validators.iter().zip(&reply.validators) {
            compare(stage, validator, theirs, checks)?;
        }
        compare_keystores(first, &reply, checks);
        replay_recorded(stage, checks)
    }
}

/// Draws mnemonics; each is used on every network.
fn draw_validators(rng: &mut StdRng) -> Vec<Validator> {
    let mut validators = Vec::new();
    for _ in 0..MNEMONICS {
        let mnemonic = Mnemonic::generate(rng);
        let seed = mnemonic.seed(PASSPHRASE);
        for (name, spec) in networks(rng) {
            let index = DerivationIndex::new(rng.next_u32() >> 1);
            let (key, path) = (seed.derive_validator(index), KeyPath::signing(index));
            let mut bridge = [0; 20];
            rng.fill_bytes(&mut bridge);
            let bridge = Address::new(bridge);
            let exit = ExitCase { epoch: rng.next_u64() >> 40, validator_index: u64::from(rng.next_u32()) };
            let case = ValidatorCase {
                mnemonic: mnemonic.expose_phrase().to_owned(),
                passphrase: PASSPHRASE,
                index: index.get(),
                amount: Gwei::VALIDATOR_DEPOSIT.get(),
                withdrawal_address: bridge.to_checksum(),
                network: Network {
                    name,
                    genesis_fork_version: spec.genesis_fork_version.to_string(),
                    exit_fork_version: spec.capella_fork_version.to_string(),
                    genesis_validators_root: spec.genesis_validators_root.to_string(),
                },
                exit,
            };
            let credentials = WithdrawalCredentials::to_address(bridge);
            validators.push(Validator { key, path, credentials, spec, case });
        }
    }
    validators
}

/// Mainnet, Hoodi, and a network that exists nowhere.
fn networks(rng: &mut StdRng) -> [(&'static str, NetworkSpec); 3] {
    let mut draw = || {
        let mut bytes = [0; 40];
        rng.fill_bytes(&mut bytes);
        let (root, forks) = bytes.split_first_chunk::<32>().expect("40 bytes begin with 32");
        let fork = |at: usize| ForkVersion::new([forks[at], forks[at + 1], forks[at + 2], forks[at + 3] | 1]);
        (fork(0), fork(4), Root::new(*root))
    };
    let (genesis, capella, root) = draw();
    [
        ("mainnet", spec(ForkVersion::MAINNET, ForkVersion::new([3, 0, 0, 0]), mainnet_root())),
        ("hoodi", spec(ForkVersion::HOODI, ForkVersion::new([0x40, 0, 9, 0x10]), draw().2)),
        ("nexus-interop", spec(genesis, capella, root)),
    ]
}

fn mainnet_root() -> Root {
    "0x4b363db94e286120d76eb905340fdd4e54bfe9f06bf33ff6cf5ad27f511bfe95"
        .parse()
        .expect("a literal of 32 bytes")
}

fn spec(genesis: ForkVersion, capella: ForkVersion, root: Root) -> NetworkSpec {
    NetworkSpec {
        genesis_time: UnixSeconds::new(0),
        genesis_validators_root: root,
        genesis_fork_version: genesis,
        capella_fork_version: capella,
        seconds_per_slot: 12,
        slots_per_epoch: 32,
        shard_committee_period: EpochCount::new(256),
        deposit_contract: Address::new([0; 20]),
        deposit_chain_id: ChainId::new(1),
    }
}

fn compare(
    stage: &Stage,
    validator: &Validator,
    theirs: &ValidatorReply,
    checks: &mut Checks,
) -> anyhow::Result<()> {
    let Validator { key, credentials, spec, case, .. } = validator;
    checks.that(SECRETS, hex::encode(key.expose_secret()) == theirs.secret, || {
        format!("another key at index {} of {}", case.index, case.network.name)
    });
    let spec = if stage.is_sabotaged(Sabotage::WrongForkVersion) { &of_another_fork(spec) } else { spec };
    let deposit = SignedDeposit::sign(key, *credentials, Gwei::VALIDATOR_DEPOSIT, spec.genesis_fork_version)?;
    let ours = serde_json::to_value(DepositDataJson::new(&deposit, case.network.name))?;
    checks.same(PUBKEYS, &ours["pubkey"], &theirs.deposit["pubkey"]);
    checks.same(DEPOSIT_SIGNATURES, &ours["signature"], &theirs.deposit["signature"]);
    for field in ["deposit_message_root", "deposit_data_root"] {
        checks.same(DEPOSIT_ROOTS, &ours[field], &theirs.deposit[field]);
    }
    let file = serde_json::to_string(&[&theirs.deposit])?;
    checks.ok(DEPOSIT_FILES, DepositDataJson::read_file(&file));

    let exit = VoluntaryExit {
        epoch: Epoch::new(case.exit.epoch),
        validator_index: ValidatorIndex::new(case.exit.validator_index),
    };
    let signature = key.sign(&exit.signing_root(spec))?;
    checks.same(EXITS, &signature.to_string(), &theirs.exit_signature);
    Ok(())
}

/// The same network with its fork versions one off.
fn of_another_fork(spec: &NetworkSpec) -> NetworkSpec {
    let off = |fork: ForkVersion| {
        let [first, rest @ ..] = *fork.as_bytes();
        let [a, b, c] = rest;
        ForkVersion::new([first ^ 1, a, b, c])
    };
    NetworkSpec {
        genesis_fork_version: off(spec.genesis_fork_version),
        capella_fork_version: off(spec.capella_fork_version),
        ..spec.clone()
    }
}

fn our_keystores(validator: &Validator, rng: &mut StdRng) -> anyhow::Result<Vec<String>> {
    let kdfs = [KeystoreKdf::Scrypt(KdfCost::STANDARD), KeystoreKdf::Pbkdf2(Pbkdf2Rounds::STANDARD)];
    kdfs.into_iter()
        .map(|kdf| {
            let path = Some(validator.path.clone());
            Ok(Keystore::encrypt(&validator.key, PASSWORD, path, kdf, rng)?.to_json())
        })
        .collect()
}

fn seal_case(validator: &Validator, kdf: &'static str) -> SealCase {
    SealCase {
        secret: hex::encode(validator.key.expose_secret()),
        password: PASSWORD,
        path: validator.path.to_string(),
        kdf,
    }
}

fn compare_keystores(validator: &Validator, reply: &Reply, checks: &mut Checks) {
    let secret = hex::encode(validator.key.expose_secret());
    checks.same(OUR_KEYSTORES, &reply.opened.len(), &2);
    for opened in &reply.opened {
        checks.that(OUR_KEYSTORES, *opened == secret, || "opened to another key".to_owned());
    }
    checks.same(THEIR_KEYSTORES, &reply.sealed.len(), &2);
    for sealed in &reply.sealed {
        if let Some(key) = checks.ok(THEIR_KEYSTORES, Keystore::decrypt(sealed, PASSWORD)) {
            checks.that(THEIR_KEYSTORES, key.ct_eq(&validator.key), || "opened to another key".to_owned());
        }
    }
}

/// What the complete tool wrote when it was run for real (`fixtures/keyshares/README.md`).
fn replay_recorded(stage: &Stage, checks: &mut Checks) -> anyhow::Result<()> {
    let folder = stage.layout.fixtures.join("keyshares/deposit-cli/mainnet");
    let read = |name: &str| fs::read_to_string(folder.join(name)).with_context(|| format!("reading {name}"));
    let phrase = format!("{}about", "abandon ".repeat(11));
    let seed = Mnemonic::from_phrase(Zeroizing::new(phrase))?.seed("");
    let bridge: Address = "0xc0cb8f6c08AB23de6c2a73c49481FE112704F1b6".parse()?;

    let deposits = [0, 1].map(|index| {
        let key = seed.derive_validator(DerivationIndex::new(index));
        let credentials = WithdrawalCredentials::to_address(bridge);
        SignedDeposit::sign(&key, credentials, Gwei::VALIDATOR_DEPOSIT, ForkVersion::MAINNET)
    });
    let deposits = deposits.into_iter().collect::<Result<Vec<_>, _>>()?;
    checks.same(RECORDED, &DepositDataJson::read_file(&read("deposit_data.json")?)?, &deposits);

    let spec = spec(ForkVersion::MAINNET, ForkVersion::new([3, 0, 0, 0]), mainnet_root());
    for (index, validator_index) in [(0, 1_234), (1, 567_890)] {
        let recorded: serde_json::Value =
            serde_json::from_str(&read(&format!("signed_exit_transaction-{validator_index}.json"))?)?;
        let exit = VoluntaryExit {
            epoch: Epoch::new(194_048),
            validator_index: ValidatorIndex::new(validator_index),
        };
        let key = seed.derive_validator(DerivationIndex::new(index));
        let signature = key.sign(&exit.signing_root(&spec))?.to_string();
        checks.same(RECORDED, &recorded["signature"], &signature.into());
        let keystore = read(&format!("keystore-m_12381_3600_{index}_0_0.json"))?;
        if let Some(opened) = checks.ok(RECORDED, Keystore::decrypt(&keystore, "solo-stakers")) {
            checks.that(RECORDED, opened.ct_eq(&key), || "keystore opened to another key".to_owned());
        }
    }
    Ok(())
}
