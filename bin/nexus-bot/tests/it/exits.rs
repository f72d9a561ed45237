//! Exits, compared with those of the official deposit tool.

use serde_json::Value;

use crate::bench::{Bench, fixture};

const MAINNET_ROOT: &str = "0x4b363db94e286120d76eb905340fdd4e54bfe9f06bf33ff6cf5ad27f511bfe95";

#[test]
fn an_exit_signed_offline_is_the_deposit_tools_byte_for_byte() {
    let bench = Bench::new();
    let password = bench.write("keystore-password", "solo-stakers", 0o600);
    let keystore = fixture("deposit-cli/mainnet/keystore-m_12381_3600_0_0_0.json");
    let mut command = vec!["exit", "sign", "--keystore", &keystore];
    command.extend(["--password-file", password.to_str().unwrap(), "--validator-index", "1234"]);
    command.extend(["--epoch", "194048", "--genesis-validators-root", MAINNET_ROOT]);
    command.extend(["--capella-fork-version", "0x03000000"]);
    let signed = bench.run(&command).expect(0).json();
    let expected = fixture("deposit-cli/mainnet/signed_exit_transaction-1234.json");
    let expected: Value = serde_json::from_str(&std::fs::read_to_string(expected).unwrap()).unwrap();
    assert_eq!(signed["message"], expected["message"]);
    assert_eq!(signed["signature"], expected["signature"]);
}
