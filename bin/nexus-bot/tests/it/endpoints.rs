//! Nodes that aren't there, aren't nodes, or serve something else.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    thread,
};

use serde_json::{Value, json};

use crate::bench::Bench;

/// What a listener does with a connection.
#[derive(Clone, Copy)]
enum Manner {
    /// Never answers.
    Hang,
    /// Hangs up.
    Close,
    /// Answers a page.
    Html,
    /// Promises ten gigabytes and sends for as long as anybody reads.
    Flood,
    /// Answers every call with the number 1.
    One,
}

/// Listens on a free port for the rest of the test process; returns the URL.
fn listen(manner: Manner) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        let mut held = Vec::new();
        for stream in listener.incoming().map_while(Result::ok) {
            match manner {
                Manner::Hang => held.push(stream),
                Manner::Close => drop(stream),
                _ => drop(thread::spawn(move || answer(stream, manner))),
            }
        }
    });
    url
}

/// Answers until the peer hangs up.
fn answer(mut stream: TcpStream, manner: Manner) {
    while let Some(body) = read_request(&mut stream) {
        let (kind, text) = match manner {
            Manner::Html => ("text/html", "<!doctype html><title>hello</title>".to_owned()),
            Manner::One => ("application/json", reply(&body).to_string()),
            _ => return flood(&mut stream),
        };
        let head =
            format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n", text.len());
        if stream.write_all((head + &text).as_bytes()).is_err() {
            return;
        }
    }
}

fn flood(stream: &mut TcpStream) {
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    while stream.write_all(chunk.as_bytes()).is_ok() {}
}

fn reply(body: &[u8]) -> Value {
    let one = |call: &Value| json!({ "jsonrpc": "2.0", "id": call["id"], "result": "0x1" });
    match serde_json::from_slice(body).unwrap_or_default() {
        Value::Array(calls) => calls.iter().map(one).collect(),
        call => one(&call),
    }
}

fn read_request(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let mut body = vec![0; length.map_or(0, |length| length.trim().parse().unwrap())];
    stream.read_exact(&mut body).ok()?;
    Some(body)
}

#[track_caller]
fn check(manner: Manner, expected: &str) {
    let endpoint = listen(manner);
    let bench = Bench::with_endpoints(&endpoint, &endpoint);
    bench.run(&["plan"]).expect(69).says(&endpoint).says(expected);
    let error = bench.run(&["plan", "--json"]).expect(69).json();
    assert_eq!(error["error"]["kind"], "unreachable");
    assert!(error["error"]["message"].as_str().unwrap().contains(&endpoint));
    assert!(!error["error"]["causes"].as_array().unwrap().is_empty());
}

#[test]
fn a_node_that_hangs_is_given_up_after_the_configured_time() {
    check(Manner::Hang, "did not answer completely within 1 s");
}

#[test]
fn a_node_that_hangs_up_is_named() {
    check(Manner::Close, "broke off");
}

#[test]
fn a_page_in_place_of_a_node_is_told_as_such() {
    check(Manner::Html, "answered HTML, not JSON");
}

#[test]
fn an_answer_without_end_is_cut_off() {
    let endpoint = listen(Manner::Flood);
    Bench::with_endpoints(&endpoint, &endpoint).run(&["plan"]).expect(69).says(&endpoint);
}

#[test]
fn nobody_there_is_unreachable() {
    let bench = Bench::new();
    bench.run(&["plan"]).expect(69).says("http://127.0.0.1:1").says("is the service running");
    bench.run(&["exit", "status", &format!("0x{}", "ab".repeat(48))]).expect(69).says("http://127.0.0.1:1");
}

#[test]
fn a_node_of_another_chain_is_a_matter_of_configuration() {
    let endpoint = listen(Manner::One);
    let bench = Bench::with_endpoints(&endpoint, &endpoint);
    bench.run(&["plan"]).expect(64).says("serves chain 1, the configuration says 560048");
    let run = ["run", "--once", "--salt-file", "salt"];
    bench.run(&run).expect(64).says("serves chain 1, the configuration says 560048");
    assert!(!bench.path("state.sqlite").exists(), "no state file is bound to the wrong chain");
}

#[test]
fn a_status_without_chains_says_what_was_known_last() {
    let ended = Bench::new().run(&["status", "--json"]).expect(0);
    ended.says("can't be observed");
    let status = ended.json();
    assert_eq!(status["validators"], json!([]));
    assert_eq!(status["rollups"], json!([]));
}
