//! Fills `corpus/` from the fixtures: what real tools wrote, for every target to start from.

use std::{
    fs,
    path::{Path, PathBuf},
};

// The counters in everything here are libFuzzer's.
use libfuzzer_sys as _;
use nexus_dkg::wire::{KyberMessage, MessageType, Results, SignedTransport, Ssz as _};
use nexus_primitives::keccak256;
use serde_json::{Value, json};

fn main() {
    node_answers();
    reverts();
    ceremonies();
    documents();
    keyshares();
    keys();
    texts();
}

/// Writes a seed under the name that its content has.
fn seed(target: &str, content: impl AsRef<[u8]>) {
    let content = content.as_ref();
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    fs::create_dir_all(&dir).expect("the folder of a corpus");
    fs::write(dir.join(hex::encode(&keccak256(content)[..8])), content).expect("a seed");
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures").join(name)
}

/// Returns the files of a folder whose names contain `part`.
fn files(folder: &str, part: &str) -> Vec<String> {
    let entries = fs::read_dir(fixture(folder)).expect("a folder of fixtures");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let named = paths.filter(|path| path.is_file() && path.to_string_lossy().contains(part));
    let files: Vec<_> = named.map(|path| fs::read_to_string(path).expect("a text")).collect();
    assert!(!files.is_empty(), "{folder} has no {part}");
    files
}

fn read(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

/// Calls `found` with every text in a document.
fn strings(value: &Value, found: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => found(text),
        Value::Array(items) => items.iter().for_each(|item| strings(item, found)),
        Value::Object(fields) => fields.values().for_each(|field| strings(field, found)),
        _ => {}
    }
}

/// One document with the fields of all that are objects: each question finds its own.
fn node_answers() {
    let epoch = json!({"epoch": "5"});
    let object = json!({"data": {
        "genesis_time": "1606824023", "genesis_validators_root": format!("0x{}", "4b".repeat(32)),
        "genesis_fork_version": "0x00000000", "CAPELLA_FORK_VERSION": "0x03000000", "ELECTRA_FORK_EPOCH": "4",
        "SECONDS_PER_SLOT": "12", "SLOT_DURATION_MS": "12000", "SLOTS_PER_EPOCH": "32",
        "SHARD_COMMITTEE_PERIOD": "256", "DEPOSIT_CONTRACT_ADDRESS": format!("0x{}", "00".repeat(20)),
        "DEPOSIT_CHAIN_ID": "1", "head_slot": "160", "is_syncing": false, "is_optimistic": false,
        "el_offline": false, "current_justified": epoch, "finalized": epoch, "current_version": "0x03000000",
        "epoch": "5",
    }});
    let credentials = format!("0x01{}", "00".repeat(31));
    let validators = json!({"data": [{
        "index": "7", "balance": "32000000000", "status": "active_ongoing",
        "validator": {
            "pubkey": format!("0x{}", "11".repeat(48)), "withdrawal_credentials": credentials,
            "effective_balance": "32000000000", "slashed": false, "activation_epoch": "1",
            "exit_epoch": "18446744073709551615", "withdrawable_epoch": "18446744073709551615",
        },
    }]});
    let deposits = json!({"data": [{
        "pubkey": format!("0x{}", "22".repeat(48)), "withdrawal_credentials": credentials,
        "amount": "32000000000", "signature": format!("0x{}", "00".repeat(96)), "slot": "0",
    }]});
    let withdrawals = json!({"data": [{"validator_index": "7", "amount": "1", "withdrawable_epoch": "9"}]});
    let liveness = json!({"data": [{"index": "7", "is_live": true}, {"index": "8", "is_live": false}]});
    let refusal = json!({"code": 400, "message": "VOLUNTARY_EXIT_ERROR_INVALID"});
    let lists = [(2, &validators), (3, &deposits), (4, &withdrawals), (5, &liveness)];
    let answers = [(0, &object), (1, &object)].into_iter().chain(lists);
    for (question, answer) in answers {
        seed("beacon_node", [&[question, 0][..], answer.to_string().as_bytes()].concat());
        seed("beacon_node", [&[question, 2][..], refusal.to_string().as_bytes()].concat());
    }
    for status in 0..8 {
        seed("beacon_node", [&[6, status][..], refusal.to_string().as_bytes()].concat());
    }
    for exit in files("keyshares/deposit-cli/mainnet", "signed_exit") {
        seed("beacon_exit", exit);
    }
}

fn reverts() {
    let word = |number: u64| hex::encode([[0; 24].as_slice(), &number.to_be_bytes()].concat());
    let text = format!("08c379a0{}{}{:0<64}", word(32), word(5), hex::encode("sorry"));
    let pubkey = format!("388e7999{}{}{}{}", word(32), word(48), "ab".repeat(48), "0".repeat(32));
    let owners = format!("8907fc65{}{}", word(1), word(2));
    let plain = ["855c3406", "6df5ab76", "b7f529fe", ""].map(ToOwned::to_owned);
    let panic = format!("4e487b71{}", word(0x11));
    for data in plain.into_iter().chain([text, pubkey, owners, panic, format!("b7f529fe{}", word(42))]) {
        seed("chain_revert", hex::decode(data).expect("hexadecimal"));
    }
}

/// Every message that was recorded, and what is in it.
fn ceremonies() {
    let recordings = [files("dkg/live-v3.1.0", "transcript"), files("dkg/live-v3.1.0", "failed")].concat();
    for recording in recordings {
        strings(&read(&recording), &mut |text| {
            let Ok(bytes) = hex::decode(text) else { return };
            let Ok(signed) = SignedTransport::decode(&bytes) else { return };
            seed("dkg_wire", &bytes);
            let message = signed.message;
            seed("dkg_wire", &message.data);
            match message.kind {
                MessageType::Kyber => {
                    let kyber = KyberMessage::decode(&message.data).expect("a recorded one");
                    seed("dkg_json", kyber.data);
                }
                MessageType::Results => {
                    let Results { deposit_data, keyshares_data, proofs, .. } =
                        Results::decode(&message.data).expect("a recorded one");
                    for (which, document) in [deposit_data, keyshares_data, proofs].into_iter().enumerate() {
                        seed("dkg_results", [vec![u8::try_from(which).expect("three")], document].concat());
                    }
                }
                _ => {}
            }
        });
        for name in ["exchange_request", "deal_request"] {
            if let Some(text) = read(&recording)[name].as_str() {
                seed("dkg_wire", hex::decode(text).expect("hexadecimal"));
            }
        }
    }
    for refusal in ["wrong version: remote v3.0.3 local v3.1.0", "max number of instances"] {
        seed("dkg_wire", [&[4, 0, 0, 0], refusal.as_bytes()].concat());
        seed("dkg_operators", [&[4, 0, 0, 0], refusal.as_bytes()].concat());
        seed("dkg_operators", json!({"error": refusal}).to_string());
    }
}

/// Folders of one validator and of two, from two ceremonies with the same operators.
fn documents() {
    let mut folders: Vec<Value> = Vec::new();
    for recording in files("dkg/live-v3.1.0", "transcript").iter().map(|text| read(text)) {
        let listed = recording["init"]["operators"].as_array().expect("operators").iter();
        let listed = listed.map(|operator| {
            let (id, key) = (&operator["id"], &operator["public_key"]);
            json!({"id": id, "public_key": key, "ip": format!("https://operator{id}.example:3030")})
        });
        seed("dkg_operators", listed.collect::<Value>().to_string());
        seed("ssv_keyshares", recording["keyshares"].to_string());
        folders.push(recording);
    }
    let [one, other] = folders.as_slice() else { panic!("two ceremonies") };
    seed("dkg_folder", validator("", one).concat());
    let dir =
        |recording: &Value| format!("000011-0x{}/", recording["validator_pubkey"].as_str().expect("a key"));
    for recording in [one, other] {
        seed("dkg_folder", validator(&dir(recording), recording).concat());
    }
    let both = json!({
        "deposit_data": [one["deposit_data"], other["deposit_data"]],
        "keyshares": {
            "version": "v1.2.0", "createdAt": "2026-11-23T09:08:39Z",
            "shares": [one["keyshares"]["shares"][0], other["keyshares"]["shares"][0]],
        },
        "proofs": [one["proofs"], other["proofs"]],
    });
    let common = [
        entry("", "deposit_data.json", &both["deposit_data"]),
        entry("", "keyshares.json", &both["keyshares"]),
        entry("", "proofs.json", &both["proofs"]),
        entry("", "FAILED", &Value::Null),
    ];
    seed(
        "dkg_folder",
        [validator(&dir(one), one), validator(&dir(other), other), common.into()].concat().concat(),
    );
}

/// One validator's documents below `dir`, as `dkg_folder` takes them.
fn validator(dir: &str, recording: &Value) -> Vec<String> {
    vec![
        entry(dir, "deposit_data.json", &json!([recording["deposit_data"]])),
        entry(dir, "keyshares.json", &recording["keyshares"]),
        entry(dir, "proofs.json", &recording["proofs"]),
    ]
}

fn entry(dir: &str, name: &str, content: &Value) -> String {
    format!("{dir}{name}\0{content}\0")
}

fn keyshares() {
    let generated = files("keyshares/generated", "/keyshares-");
    for text in
        [generated.clone(), files("keyshares/ssv-keys", "shares"), files("keyshares/ssv-keys", "item")]
            .concat()
    {
        seed("ssv_keyshares", text);
    }
    for file in generated.iter().map(|text| read(text)) {
        let payload = &file["shares"][0]["payload"];
        let operators = payload["operatorIds"].as_array().expect("ids").len();
        let shares = payload["sharesData"].as_str().and_then(|text| text.strip_prefix("0x")).expect("a text");
        let size = u8::try_from(operators / 3 - 1).expect("a small one");
        seed("ssv_shares", [vec![size], hex::decode(shares).expect("hexadecimal")].concat());
    }
    for operator in
        read(&files("keyshares/generated", "/operators.json").concat()).as_array().expect("operators")
    {
        let text = operator["operatorKey"].as_str().expect("a key");
        seed("ssv_operator_key", text);
        let key: nexus_ssv::OperatorPublicKey = text.parse().expect("a key");
        seed("ssv_operator_key", key.to_event_bytes());
    }
}

fn keys() {
    let own = files("keyshares/generated", "/keystore-");
    let others = [files("keyshares/eip", "/eip2335-"), files("keyshares/deposit-cli/mainnet", "keystore")];
    for keystore in own.into_iter().chain(others.concat()) {
        seed("keys_keystore", keystore);
    }
    for folder in ["keyshares/deposit-cli/mainnet", "keyshares/deposit-cli/mainnet_compounding"] {
        for file in files(folder, "deposit_data") {
            seed("keys_deposits", file);
        }
    }
    let sealed = read(&files("keyshares/generated", "sealed-mnemonic").concat());
    seed("keys_envelope", sealed["envelope"].as_str().expect("a text"));
}

fn texts() {
    let phrase = format!("{}about", "abandon ".repeat(11));
    let lengths = [4, 20, 32, 48, 96].map(|length| format!("0x{}", "01".repeat(length)));
    let credentials = format!("0x01{}{}", "00".repeat(11), "11".repeat(20));
    for text in lengths.iter().chain([&phrase, &credentials]) {
        seed("texts", text);
        seed("texts", json!(text).to_string());
    }
    for text in [
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "m/12381/3600/7/0/0",
        "2026-11-23T08:58:25.912Z",
        "https://user:secret@node.example:8545/v3/key?k=1",
        "http://[::1]:5052",
        "[1,2,3,4]",
        "10000",
        "0.5",
        "v3.1.0",
        "1.000000001",
        "32000000000000000000",
    ] {
        seed("texts", text);
        seed("texts", json!(text).to_string());
    }
}
