//! Keyshares against SSV's own libraries, both ways.

use anyhow::Context as _;
use async_trait::async_trait;
use nexus_keys::ValidatorKey;
use nexus_primitives::{Address, BlsSignature, OperatorId, OwnerNonce, ValidatorPubkey, keccak256};
use nexus_ssv::{
    EncryptedShare, Expectation, Keyshares as Shares, KeysharesFile, KeysharesItem, Registration,
    ShareSecret, SharesData, combine_signatures, decrypt_share, recombine, split,
};
use rand::rngs::StdRng;
use rand_core::Rng as _;
use rsa::pkcs1::DecodeRsaPrivateKey as _;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::{
    checks::Checks, driver, full_operator::FullOperator, row::Row, sabotage::Sabotage, stage::Stage,
};

const COMPONENT: &str = "keyshare-tools";
const LIBRARIES: [&str; 2] = ["ssv-keys", "ssv-sdk"];
const CLUSTER_SIZES: [usize; 4] = [4, 7, 10, 13];

const THEIRS_READ: &str = "their keyshares files read and verified by us";
const THEIRS_REFUSED: &str = "their keyshares refused by us for another nonce";
const THEIRS_OPENED: &str = "their shares decrypted by us";
const THEIRS_RECOMBINED: &str = "their shares recombined by us to the validator key";
const COMBINED: &str = "signatures combined by us are the validator's for their BLS library";
const OURS_KEYS: &str = "ours accepted by ssv-keys (KeySharesItem.fromJson)";
const OURS_SDK: &str = "ours accepted by ssv-sdk (KeySharesItem.fromJson)";
const OURS_FILE: &str = "ours accepted by ssv-sdk (validateKeysharesJSON)";
const OURS_REGISTERED: &str = "ours accepted by ssv-sdk (validateSharesPostRegistration)";
const OURS_DECRYPTED: &str = "our shares decrypted by their RSA library";
const OURS_RECOVERED: &str = "our shares recovered by their BLS library to the validator key";

/// The `keyshares` row.
pub(crate) struct Keyshares;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OperatorWire {
    id: u64,
    operator_key: String,
}

impl OperatorWire {
    fn of(full: &FullOperator) -> Self {
        Self { id: full.operator.id.get(), operator_key: full.key_text.clone() }
    }
}

/// One validator to be split among one cluster.
struct Case {
    key: ValidatorKey,
    registration: Registration,
    size: usize,
}

#[derive(Serialize, Default)]
struct Request {
    split: Vec<SplitJob>,
    check: Vec<CheckJob>,
    verify: Vec<VerifyJob>,
}

#[derive(Serialize)]
struct SplitJob {
    library: &'static str,
    secret: String,
    operators: Vec<OperatorWire>,
    owner: String,
    nonce: u64,
}

#[derive(Serialize)]
struct CheckJob {
    file: String,
    private_keys: Vec<String>,
    threshold: usize,
    owner: String,
}

#[derive(Serialize)]
struct VerifyJob {
    pubkey: String,
    message: String,
    signature: String,
}

#[derive(Deserialize)]
struct Reply {
    files: Vec<String>,
    checked: Vec<Answers>,
    verified: Vec<bool>,
}

/// Each is `None` when the library has nothing against it.
#[derive(Deserialize)]
struct Answers {
    #[serde(rename = "ssv-keys")]
    ssv_keys: Option<String>,
    #[serde(rename = "ssv-sdk")]
    ssv_sdk: Option<String>,
    sdk_file: Option<String>,
    sdk_registered: Option<String>,
    decrypted: Vec<Option<String>>,
    recovered: Vec<Option<String>>,
}

#[async_trait]
impl Row for Keyshares {
    fn name(&self) -> &'static str {
        "keyshares"
    }

    fn promise(&self) -> &'static str {
        "splits of SSV's libraries are ours to open, and ours are theirs, for 4, 7, 10 and 13 operators"
    }

    fn components(&self) -> &'static [&'static str] {
        &[COMPONENT]
    }

    fn red_under(&self, sabotage: Sabotage) -> &'static [&'static str] {
        match sabotage {
            Sabotage::WrongForkVersion => &[],
            Sabotage::WrongLagrangeCoefficient => &[COMBINED],
            Sabotage::WrongPadding => &[OURS_DECRYPTED],
            Sabotage::SwappedOperatorIds => &[OURS_RECOVERED],
        }
    }

    async fn run(&self, stage: &Stage, checks: &mut Checks) -> anyhow::Result<()> {
        let operators = FullOperator::read_all(stage)?;
        let mut rng = stage.rng();
        let cases = draw_cases(&mut rng)?;

        let request = Request { split: split_jobs(&cases, &operators), ..Request::default() };
        let theirs: Reply = driver::node(stage, COMPONENT, &request).await?;
        let mut second = Request::default();
        checks.same(THEIRS_READ, &theirs.files.len(), &(cases.len() * LIBRARIES.len()));
        for (file, case) in theirs.files.iter().zip(cases.iter().flat_map(|case| [case; LIBRARIES.len()])) {
            second.verify.extend(open_theirs(stage, file, case, &operators, checks)?);
        }
        for case in &cases {
            second.check.push(check_job(stage, case, &operators, &mut rng)?);
        }
        let verdicts: Reply = driver::node(stage, COMPONENT, &second).await?;
        for verified in &verdicts.verified {
            checks.that(COMBINED, *verified, || "the combined signature is not the validator's".to_owned());
        }
        checks.same(OURS_KEYS, &verdicts.checked.len(), &cases.len());
        verdicts.checked.iter().for_each(|answers| count(answers, checks));
        Ok(())
    }
}

fn draw_cases(rng: &mut StdRng) -> anyhow::Result<Vec<Case>> {
    let cases = CLUSTER_SIZES.map(|size| {
        let mut scalar = Zeroizing::new([0; 32]);
        rng.fill_bytes(scalar.as_mut_slice());
        scalar[0] &= 0x3f; // below the order
        let mut owner = [0; 20];
        rng.fill_bytes(&mut owner);
        let nonce = OwnerNonce::new(u64::from(rng.next_u32() % 65_536));
        let registration = Registration::new(Address::new(owner), nonce);
        Ok(Case { key: ValidatorKey::from_bytes(&scalar)?, registration, size })
    });
    cases.into_iter().collect()
}

fn split_jobs(cases: &[Case], operators: &[FullOperator]) -> Vec<SplitJob> {
    let job = |case: &Case, library| SplitJob {
        library,
        secret: format!("0x{}", hex::encode(case.key.expose_secret())),
        operators: operators.iter().take(case.size).map(OperatorWire::of).collect(),
        owner: case.registration.owner.to_checksum(),
        nonce: case.registration.nonce.get(),
    };
    cases.iter().flat_map(|case| LIBRARIES.map(|library| job(case, library))).collect()
}

/// Reads, verifies, decrypts and recombines a file of theirs; returns a combined signature for them to verify.
fn open_theirs(
    stage: &Stage,
    file: &str,
    case: &Case,
    operators: &[FullOperator],
    checks: &mut Checks,
) -> anyhow::Result<Option<VerifyJob>> {
    let cluster = &operators[..case.size];
    let expected: Vec<_> = cluster.iter().map(|operator| operator.operator.clone()).collect();
    let expectation =
        Expectation::none().pubkey(case.key.pubkey()).registration(case.registration).operators(&expected);
    let read = KeysharesFile::from_json(file).map_err(anyhow::Error::from).and_then(|file| {
        let item = file.items.into_iter().next().context("the file has an item")?;
        item.verify(&expectation)?;
        Ok(item)
    });
    let Some(item) = checks.ok(THEIRS_READ, read) else { return Ok(None) };
    let next = Registration::new(case.registration.owner, OwnerNonce::new(case.registration.nonce.get() + 1));
    checks.refused(THEIRS_REFUSED, item.verify(&expectation.registration(next)), "expected");
    let Some(shares) = decrypt_all(&item, cluster, checks) else { return Ok(None) };

    let threshold = item.keyshares().operators().threshold().get();
    for subset in [&shares[..threshold], &shares[shares.len() - threshold..]] {
        let subset = subset.iter().map(copy).collect::<Result<Vec<_>, _>>()?;
        if let Some(key) = checks.ok(THEIRS_RECOMBINED, recombine(&subset)) {
            checks.that(THEIRS_RECOMBINED, key.ct_eq(&case.key), || "recombined to another key".to_owned());
        }
    }
    let message = keccak256(&case.key.pubkey().as_bytes()[..]);
    let parts =
        shares[shares.len() - threshold..].iter().map(|(id, share)| Ok((*id, share.sign_message(&message)?)));
    let signature = combine(stage, parts.collect::<anyhow::Result<_>>()?)?;
    Ok(Some(VerifyJob {
        pubkey: case.key.pubkey().to_string(),
        message: hex::encode(message),
        signature: signature.to_string(),
    }))
}

fn decrypt_all(
    item: &KeysharesItem,
    cluster: &[FullOperator],
    checks: &mut Checks,
) -> Option<Vec<(OperatorId, ShareSecret)>> {
    let data = item.keyshares().shares_data();
    let shares = cluster.iter().zip(data.encrypted_shares().zip(data.share_pubkeys()));
    shares
        .map(|(operator, (encrypted, pubkey))| {
            let share = checks.ok(THEIRS_OPENED, decrypt_share(&operator.private_key, encrypted, pubkey))?;
            Some((operator.operator.id, share))
        })
        .collect()
}

fn copy((id, share): &(OperatorId, ShareSecret)) -> anyhow::Result<(OperatorId, ShareSecret)> {
    Ok((*id, ShareSecret::from_bytes(share.expose_secret())?))
}

/// Combines partial signatures; sabotaged, the first one is weighted as another operator's.
fn combine(stage: &Stage, mut parts: Vec<(OperatorId, BlsSignature)>) -> anyhow::Result<BlsSignature> {
    if stage.is_sabotaged(Sabotage::WrongLagrangeCoefficient) {
        let (first, _) = parts.first_mut().context("there are parts")?;
        *first = OperatorId::new(first.get() + 1_000_000_007)?;
    }
    Ok(combine_signatures(&parts)?)
}

/// Splits with our code and hands the file over.
fn check_job(
    stage: &Stage,
    case: &Case,
    operators: &[FullOperator],
    rng: &mut StdRng,
) -> anyhow::Result<CheckJob> {
    let cluster = &operators[..case.size];
    let plain: Vec<_> = cluster.iter().map(|operator| operator.operator.clone()).collect();
    let mut keyshares = split(&case.key, &plain, case.registration, rng)?;
    if stage.is_sabotaged(Sabotage::WrongPadding) {
        keyshares = with_oaep_padding(&keyshares, cluster, rng)?;
    }
    if stage.is_sabotaged(Sabotage::SwappedOperatorIds) {
        keyshares = with_two_swapped(&keyshares, cluster, rng)?;
    }
    let threshold = keyshares.operators().threshold().get();
    let item = KeysharesItem::new(keyshares, &plain)?;
    let file = KeysharesFile { created_at: None, items: vec![item] };
    Ok(CheckJob {
        file: file.to_json("2026-11-23T08:58:25.912Z".parse()?),
        private_keys: cluster.iter().map(|operator| operator.pem.clone()).collect(),
        threshold,
        owner: case.registration.owner.to_checksum(),
    })
}

/// The same shares, encrypted with the padding that SSV's nodes do not take.
fn with_oaep_padding(
    keyshares: &Shares,
    cluster: &[FullOperator],
    rng: &mut StdRng,
) -> anyhow::Result<Shares> {
    let encrypted = opened(keyshares, cluster)?.into_iter().zip(cluster).map(|(share, operator)| {
        let key = rsa::PrivateKey::from_pkcs1_pem(&operator.pem)?.to_public_key();
        let bytes = key.oaep_encrypt_with_rng::<Sha256, _>(rng, share.to_text().as_bytes())?;
        let bytes = <[u8; EncryptedShare::LEN]>::try_from(bytes).ok().context("a modulus of 256 bytes")?;
        Ok((share.pubkey(), EncryptedShare::new(bytes)))
    });
    rebuilt(keyshares, encrypted.collect::<anyhow::Result<_>>()?)
}

/// The first two operators' shares in each other's place, each well encrypted to the operator that should not have it.
fn with_two_swapped(
    keyshares: &Shares,
    cluster: &[FullOperator],
    rng: &mut StdRng,
) -> anyhow::Result<Shares> {
    let mut shares = opened(keyshares, cluster)?;
    shares.swap(0, 1);
    let encrypted = shares
        .iter()
        .zip(cluster)
        .map(|(share, operator)| Ok((share.pubkey(), operator.operator.key.encrypt(share, rng)?)));
    rebuilt(keyshares, encrypted.collect::<anyhow::Result<_>>()?)
}

fn opened(keyshares: &Shares, cluster: &[FullOperator]) -> anyhow::Result<Vec<ShareSecret>> {
    let data = keyshares.shares_data();
    let shares = cluster.iter().zip(data.encrypted_shares().zip(data.share_pubkeys()));
    shares
        .map(|(operator, (encrypted, pubkey))| Ok(decrypt_share(&operator.private_key, encrypted, pubkey)?))
        .collect()
}

/// The same keyshares with other shares in them.
fn rebuilt(keyshares: &Shares, shares: Vec<(ValidatorPubkey, EncryptedShare)>) -> anyhow::Result<Shares> {
    let data = SharesData::new(*keyshares.shares_data().signature(), shares);
    Ok(Shares::new(keyshares.pubkey(), keyshares.operators().clone(), data, keyshares.registration())?)
}

fn count(answers: &Answers, checks: &mut Checks) {
    let mut verdict = |name: &str, answer: &Option<String>| {
        checks.that(name, answer.is_none(), || answer.clone().unwrap_or_default());
    };
    verdict(OURS_KEYS, &answers.ssv_keys);
    verdict(OURS_SDK, &answers.ssv_sdk);
    verdict(OURS_FILE, &answers.sdk_file);
    verdict(OURS_REGISTERED, &answers.sdk_registered);
    answers.decrypted.iter().for_each(|answer| verdict(OURS_DECRYPTED, answer));
    answers.recovered.iter().for_each(|answer| verdict(OURS_RECOVERED, answer));
}
