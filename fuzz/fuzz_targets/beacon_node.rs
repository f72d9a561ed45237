//! A beacon node's answers, over a socket: the first byte chooses the question, the second the status, the rest is the
//! body of every answer.
#![no_main]

use std::{
    collections::BTreeSet,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{LazyLock, Mutex},
    thread,
};

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use nexus_beacon::{BeaconError, BeaconNode as _, HttpBeaconNode, NetworkSpec, SignedVoluntaryExit, StateId};
use nexus_fuzz::{assert_one_line, causes, mutate_json};
use nexus_http::{HttpClient, HttpLimits};
use nexus_primitives::{
    ChainId, Epoch, EpochCount, ForkVersion, UnixSeconds, ValidatorIndex, ValidatorPubkey,
};
use tokio::runtime::{self, Runtime};

const STATUSES: [u16; 8] = [200, 202, 400, 404, 405, 422, 500, 503];
/// More than any answer's own words take in an error.
const SHOWN: usize = 1_000;

const LISTED: [ValidatorIndex; 2] = [ValidatorIndex::new(7), ValidatorIndex::new(8)];

static ANSWER: Mutex<(u16, Vec<u8>)> = Mutex::new((200, Vec::new()));

struct Bench {
    node: HttpBeaconNode,
    runtime: Runtime,
    exit: SignedVoluntaryExit,
    asked: [ValidatorPubkey; 2],
}

/// Everything that is the same for all inputs.
static BENCH: LazyLock<Bench> = LazyLock::new(|| {
    let server = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let endpoint = format!("http://{}", server.local_addr().expect("it is bound"));
    thread::spawn(move || {
        for stream in server.incoming().flatten() {
            thread::spawn(move || serve(&stream));
        }
    });
    let client = HttpClient::new(HttpLimits::default()).expect("a client");
    Bench {
        node: HttpBeaconNode::new(endpoint.parse().expect("a URL"), client),
        runtime: runtime::Builder::new_current_thread().enable_all().build().expect("a runtime"),
        exit: exit(),
        asked: [ValidatorPubkey::new([0x11; 48]), ValidatorPubkey::new([0x22; 48])],
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate_json(data, size, max_size, seed, 2)
});

fuzz_target!(|input: &[u8]| {
    let [question, status, body @ ..] = input else { return };
    let status = STATUSES[usize::from(*status) % STATUSES.len()];
    *ANSWER.lock().expect("nobody panics") = (status, body.to_vec());
    BENCH.runtime.block_on(ask(*question, &BENCH));
});

async fn ask(question: u8, Bench { node, exit, asked, .. }: &Bench) {
    let refused: Option<BeaconError> = match question % 7 {
        0 => match node.fetch_spec().await {
            Ok(spec) => {
                assert!(spec.seconds_per_slot > 0 && spec.slots_per_epoch > 0);
                assert_eq!(spec.difference(&spec.clone()), None);
                None
            }
            Err(error) => Some(error),
        },
        1 => node.fetch_head().await.err(),
        2 => match node.fetch_validators(StateId::Head, asked).await {
            Ok(validators) => {
                assert!(validators.is_sorted_by_key(|validator| validator.index));
                let found: BTreeSet<_> = validators.iter().map(|validator| validator.pubkey).collect();
                assert_eq!(found.len(), validators.len(), "one twice");
                assert!(found.iter().all(|pubkey| asked.contains(pubkey)), "one not asked for");
                None
            }
            Err(error) => Some(error),
        },
        3 => node.fetch_pending_deposits(StateId::Finalized).await.err(),
        4 => node.fetch_pending_partial_withdrawals(StateId::Finalized).await.err(),
        5 => match node.fetch_liveness(Epoch::new(5), &LISTED).await {
            Ok(live) => {
                assert!(
                    live.unwrap_or_default().iter().all(|index| LISTED.contains(index)),
                    "one not asked for"
                );
                None
            }
            Err(error) => Some(error),
        },
        _ => match node.submit_exit(exit).await {
            Ok(submission) => {
                assert_one_line(&submission.to_string(), SHOWN);
                None
            }
            Err(error) => Some(error),
        },
    };
    if let Some(error) = refused {
        for cause in causes(&error) {
            assert_one_line(&cause, SHOWN);
        }
    }
}

/// Answers every request of a connection.
fn serve(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut requests = BufReader::new(stream);
    loop {
        let mut body_len = 0;
        loop {
            let mut line = String::new();
            if requests.read_line(&mut line)? == 0 {
                return Ok(());
            }
            if line == "\r\n" {
                break;
            }
            if let Some(length) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                body_len = length.trim().parse().map_err(io::Error::other)?;
            }
        }
        io::copy(&mut requests.by_ref().take(body_len), &mut io::sink())?;
        let (status, body) = ANSWER.lock().expect("nobody panics").clone();
        let head = format!(
            "HTTP/1.1 {status} -\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        (&*stream).write_all(&[head.into_bytes(), body].concat())?;
    }
}

/// The exit that stands in the documentation of the crate.
fn exit() -> SignedVoluntaryExit {
    let mainnet = NetworkSpec {
        genesis_time: UnixSeconds::new(1_606_824_023),
        genesis_validators_root: "0x4b363db94e286120d76eb905340fdd4e54bfe9f06bf33ff6cf5ad27f511bfe95"
            .parse()
            .expect("a root"),
        genesis_fork_version: ForkVersion::MAINNET,
        capella_fork_version: ForkVersion::new([3, 0, 0, 0]),
        seconds_per_slot: 12,
        slots_per_epoch: 32,
        shard_committee_period: EpochCount::new(256),
        deposit_contract: "0x00000000219ab540356cBB839Cbe05303d7705Fa".parse().expect("an address"),
        deposit_chain_id: ChainId::new(1),
    };
    let recorded =
        include_str!("../../fixtures/keyshares/deposit-cli/mainnet/signed_exit_transaction-1234.json");
    let pubkey =
        "0xb3e445d43871965d890a398f719348a1405ac72e35b92727cc570026f54471af7ea7b2040622a8fd0b5bfb2a209b5911";
    serde_json::from_str::<nexus_beacon::UnverifiedVoluntaryExit>(recorded)
        .expect("an exit")
        .verify(&pubkey.parse().expect("a key"), &mainnet)
        .expect("a signed one")
}
