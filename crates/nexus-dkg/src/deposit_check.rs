//! Checking an entry of `deposit_data.json` as ceremonies write it: with credentials of either kind.

use nexus_keys::DepositDataJson;
use nexus_primitives::{BlsSignature, ForkVersion, Gwei, Root, ValidatorPubkey};

use crate::{
    CeremonyDeposit, Credentials, DepositProblem, Network, deposit::DepositTerms, request::check_amount,
};

/// Oldest release of the deposit tool whose files launchpads take.
const MIN_CLI_VERSION: [u64; 3] = [2, 7, 0];

/// Checks everything that the entry says.
pub(crate) fn check_deposit(entry: &DepositDataJson) -> Result<CeremonyDeposit, DepositProblem> {
    let credentials = bytes("withdrawal_credentials", &entry.withdrawal_credentials)?;
    let credentials = Credentials::try_from(credentials).map_err(DepositProblem::Credentials)?;
    let amount = Gwei::new(entry.amount);
    check_amount(credentials, amount).map_err(DepositProblem::Amount)?;
    if !is_recent(&entry.deposit_cli_version) {
        return Err(DepositProblem::CliVersion(entry.deposit_cli_version.as_str().into()));
    }
    let pubkey = ValidatorPubkey::new(bytes("pubkey", &entry.pubkey)?);
    let terms = DepositTerms { pubkey, credentials, amount, network: network(entry)? };
    let signature = BlsSignature::new(bytes("signature", &entry.signature)?);
    let deposit = CeremonyDeposit::verify(terms, signature).map_err(DepositProblem::Signature)?;
    check_root("deposit_message_root", &entry.deposit_message_root, deposit.deposit_message_root())?;
    check_root("deposit_data_root", &entry.deposit_data_root, deposit.deposit_data_root())?;
    Ok(deposit)
}

fn network(entry: &DepositDataJson) -> Result<Network, DepositProblem> {
    let fork_version = ForkVersion::new(bytes("fork_version", &entry.fork_version)?);
    let network = Network::try_from(fork_version).ok().filter(|network| network.name() == entry.network_name);
    network.ok_or_else(|| DepositProblem::Network { name: entry.network_name.as_str().into(), fork_version })
}

fn check_root(field: &'static str, text: &str, expected: Root) -> Result<(), DepositProblem> {
    let got = Root::new(bytes(field, text)?);
    if got == expected { Ok(()) } else { Err(DepositProblem::Root { field, expected, got }) }
}

fn is_recent(version: &str) -> bool {
    let numbers: Option<Vec<u64>> = version.split('.').map(number).collect();
    numbers.is_some_and(|numbers| numbers.len() == 3 && numbers.as_slice() >= MIN_CLI_VERSION.as_slice())
}

/// Digits only: `u64::from_str` would take a sign.
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn bytes<const N: usize>(field: &'static str, text: &str) -> Result<[u8; N], DepositProblem> {
    let mut bytes = [0; N];
    let is_lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
    match hex::decode_to_slice(text, &mut bytes) {
        Ok(()) if is_lower => Ok(bytes),
        _ => Err(DepositProblem::Field { field, expected: N }),
    }
}

#[cfg(test)]
mod tests {
    use super::is_recent;

    #[test]
    fn releases_compare_as_numbers() {
        for good in ["2.7.0", "2.7.1", "2.10.0", "3.0.0"] {
            assert!(is_recent(good), "{good}");
        }
        for bad in ["", "2.7", "2.6.9", "1.3.1", "2.7.0-dev", "v2.7.0", "+2.7.0", "2.7.0.1"] {
            assert!(!is_recent(bad), "{bad}");
        }
    }
}
