use std::path::Path;

use super::*;

fn parse(text: &str) -> Result<Config, Vec<ConfigProblem>> {
    Config::parse(text, Path::new("/etc/nexus-bot/nexus-bot.toml"))
}

/// Replaces one line of the example and returns the problems, as `key: message`.
#[track_caller]
fn problems(replacements: &[(&str, &str)]) -> Vec<String> {
    let mut text = EXAMPLE.to_owned();
    for (from, to) in replacements {
        assert!(text.contains(from), "{from} is not in the example");
        text = text.replacen(from, to, 1);
    }
    parse(&text).unwrap_err().iter().map(|problem| format!("{}: {}", problem.key, problem.message)).collect()
}

#[track_caller]
fn check(from: &str, to: &str, expected: &str) {
    assert_eq!(problems(&[(from, to)]), [expected]);
}

#[test]
fn the_example_is_valid_and_names_every_key() {
    let config = parse(EXAMPLE).unwrap();
    assert_eq!(config.network.chain_id.get(), 560_048);
    assert_eq!(config.rollups.reserves.len(), 1);
    let report = Report::new(EXAMPLE, Path::new(""));
    let (document, _) = DeTable::parse_recoverable(EXAMPLE);
    report.root(&document).finish(|root| Config::read(root, Path::new("")));
    for key in report.known_keys() {
        let name = key.rsplit('.').next().unwrap();
        let written =
            |prefix: &str| EXAMPLE.lines().any(|line| line.starts_with(&format!("{prefix}{name} =")));
        let is_section = EXAMPLE.contains(&format!("[{name}]"));
        assert!(is_section || written("") || written("# "), "{key} is not in the example");
    }
}

#[test]
fn every_key_is_documented() {
    let docs = include_str!("../../../../docs/configuration.md");
    let report = Report::new(EXAMPLE, Path::new(""));
    let (document, _) = DeTable::parse_recoverable(EXAMPLE);
    report.root(&document).finish(|root| Config::read(root, Path::new("")));
    for key in report.known_keys() {
        let name = key.rsplit('.').next().unwrap();
        assert!(docs.contains(&format!("`{name}`")) || docs.contains(&format!("[{name}]")), "{key}");
    }
}

#[test]
fn what_may_be_left_out_has_its_default() {
    let text = "[network]\nname = \"mainnet\"\n[execution]\nendpoints = [\"http://127.0.0.1:8545\"]\n\
         [beacon]\nendpoints = [\"http://127.0.0.1:5052\"]\n\
         [contracts]\nnexus = \"0x0000000000000000000000000000000000000001\"\n\
         ssv_network = \"0x0000000000000000000000000000000000000002\"\n\
         ssv_token = \"0x0000000000000000000000000000000000000003\"\n\
         [signer]\nkind = \"keystore\"\nkeystore = \"key.json\"\npassword = \"fd:3\"\n\
         [vault]\nkind = \"local\"\npath = \"vault\"\n[state]\npath = \"/var/state.sqlite\"\n";
    let config = parse(text).unwrap();
    assert_eq!(config.network.chain_id.get(), 1);
    assert_eq!(config.signer.password, SecretRef::Descriptor(3));
    assert_eq!(config.vault.path, Path::new("/etc/nexus-bot/vault"), "relative to the file");
    assert_eq!(config.pause_file(), Path::new("/var/state.sqlite.pause"));
    assert_eq!(config.guards.bot_balance_floor.to_ether_text(), "0.05");
    assert_eq!((config.interval_secs, config.http_listen), (12, None));
}

#[test]
fn an_empty_file_names_every_key_it_lacks() {
    let keys: Vec<_> = parse("").unwrap_err().into_iter().map(|problem| problem.key).collect();
    let expected = [
        "beacon.endpoints",
        "contracts.nexus",
        "contracts.ssv_network",
        "contracts.ssv_token",
        "execution.endpoints",
        "network.name",
        "signer.kind",
        "state.path",
        "vault.kind",
    ];
    assert_eq!(keys, expected);
}

#[test]
fn each_mistake_names_its_key_and_what_was_expected() {
    check(
        "quorum = 1  ",
        "quorom = 1  ",
        "execution.quorom: unknown key, expected one of endpoints, quorum, \
        observe_at, observe_lag_blocks, private_endpoint, confirm_at, timeout_secs",
    );
    check(
        "dead_band_bps = 0",
        "dead_band_bps = 10001",
        "policy.dead_band_bps: expected basis points from 0 to 10000, \
        found the number 10001",
    );
    check(
        "interval_secs = 12",
        "interval_secs = 0",
        "loop.interval_secs: expected a whole number from 1 to 3600, found 0",
    );
    check(
        "bump_after_secs = 90",
        "bump_after_secs = \"90\"",
        "gas.bump_after_secs: expected a whole number, found the text \"90\"",
    );
    check(
        "chain_id = 560048",
        "chain_id = 1",
        "network.chain_id: hoodi has 560048, found 1; for another network set \
        name = \"custom\"",
    );
    check(
        "reserve_eth = \"64\"",
        "reserve_eth = 64",
        "rollup[0].reserve_eth: expected a text with a decimal amount of \
        ETH, such as \"0.05\", found the number 64",
    );
    check(
        "[http]",
        "[https]",
        "https: unknown key, expected one of network, execution, beacon, contracts, signer, \
        vault, state, keys, rollup, policy, gas, ssv, dkg, guards, http, alerts, loop",
    );
}

#[test]
fn limits_that_cannot_hold_are_refused() {
    check(
        "quorum = 1  ",
        "quorum = 2  ",
        "execution.quorum: 2 endpoints must agree and 1 are configured: it could \
        never be reached",
    );
    check(
        "observe_lag_blocks = 0",
        "observe_lag_blocks = 3",
        "execution.observe_lag_blocks: only has a meaning with \
        observe_at = \"latest\"",
    );
    check(
        "max_exits_per_day = 16",
        "max_exits_per_day = 3",
        "policy.max_exits_per_tick: 4 in a tick is more than the 3 \
        allowed in a day",
    );
    check(
        "max_fee_gwei = \"60\"",
        "max_fee_gwei = \"1\"",
        "gas.max_priority_fee_gwei: the priority fee is a part of the \
        fee and can't be larger than it",
    );
    check(
        "top_up_below_days = 10",
        "top_up_below_days = 30",
        "ssv.top_up_below_days: 30 days is no less than the runway \
        of 30 days: every cluster would be short",
    );
}

#[test]
fn what_this_version_cannot_do_is_refused_and_never_ignored() {
    check(
        "file:/run/credentials/nexus-bot/webhook-url",
        "aws-secret:webhook",
        "alerts.webhook: expected a reference to a \
        secret, \"file:PATH\" or \"fd:NUMBER\", found a text: aws-secret: references are not supported by this version",
    );
    let kms = problems(&[("kind = \"keystore\"", "kind = \"kms\"")]);
    assert_eq!(kms, ["signer.kind: signer.kind = \"kms\" is not supported by this version"]);
    let aws = problems(&[("kind = \"local\"", "kind = \"aws\"")]);
    assert_eq!(aws, ["vault.kind: vault.kind = \"aws\" is not supported by this version"]);
}

#[test]
fn keys_from_ceremonies_are_for_networks_that_operators_know() {
    let text = EXAMPLE.replace("keys = \"mnemonic\"", "keys = \"dkg\"");
    let keys = Config::parse(&text, Path::new("nexus-bot.toml")).unwrap().rollups.keys;
    assert_eq!(keys.default, nexus_controller::KeySource::Mnemonic);
    assert_eq!(keys.rollups.values().collect::<Vec<_>>(), [&nexus_controller::KeySource::Dkg]);

    let unknown = "operators make no keys for the network with genesis fork version 0x10001337: only mainnet, \
                   prater, sepolia, holesky, hoodi";
    let found = problems(&[
        ("name = \"hoodi\"", "name = \"custom\""),
        ("0x10000910", "0x10001337"),
        ("default = \"mnemonic\"", "default = \"dkg\""),
        ("keys = \"mnemonic\"", "keys = \"dkg\""),
    ]);
    assert_eq!(found, [format!("keys.default: {unknown}"), format!("rollup[0].keys: {unknown}")]);
}

#[test]
fn two_signers_are_refused() {
    check("# key_id", "key_id", "signer.key_id: only has a meaning with kind = \"kms\"");
}

#[test]
fn secrets_and_endpoints_are_not_repeated_in_errors() {
    let texts = problems(&[
        ("\"http://127.0.0.1:8545\"", "\"https://host:PASSWORD@/\""),
        ("\"file:/run/credentials/nexus-bot/bot-key-password\"", "\"PASSWORD\""),
        ("\"file:/run/credentials/nexus-bot/webhook-url\"", "\"https://hooks.example/PASSWORD\""),
    ]);
    assert_eq!(texts.len(), 3);
    assert!(!texts.join(" ").contains("PASSWORD"), "{texts:?}");
}

#[test]
fn a_line_that_is_not_toml_does_not_hide_other_mistakes() {
    let texts = problems(&[("kind = \"local\"", "kind = local\""), ("quorum = 1  ", "quorum = 9  ")]);
    assert!(texts.iter().any(|text| text.starts_with("execution.quorum: 9 endpoints")), "{texts:?}");
    assert!(texts.iter().any(|text| text.starts_with(": ")), "{texts:?}");
}

#[test]
fn the_same_rollup_twice_is_refused() {
    let twice = "[policy]\n".to_owned();
    let section = "[[rollup]]\nadmin = \"0x00000000000000000000000000000000000000AA\"\n";
    check("[policy]\n", &format!("{section}{twice}"), "rollup[1].admin: this rollup has a section already");
}
