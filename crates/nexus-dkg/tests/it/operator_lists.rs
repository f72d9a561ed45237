//! The official tool's list of operators.

use std::{error::Error as _, fs};

use nexus_dkg::{OperatorList, OperatorListError};
use serde_json::{Value, json};

use crate::transcript::{four_real, id};

fn entries() -> Value {
    let operators = four_real().init.operators;
    let entries = operators.iter().map(|operator| {
        json!({
            "id": operator.id,
            "public_key": operator.public_key,
            "ip": format!("https://operator{}.example:3030", operator.id),
            "name": "ignored",
        })
    });
    entries.collect()
}

#[test]
fn a_list_is_read_and_operators_are_chosen_from_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("operators_info.json");
    fs::write(&path, entries().to_string()).unwrap();
    let list = OperatorList::read(&path).unwrap();
    assert_eq!(list.iter().len(), 4);
    let chosen = list.select(&[id(33), id(11)]).unwrap();
    let chosen: Vec<_> =
        chosen.iter().map(|operator| (operator.id().get(), operator.endpoint.to_string())).collect();
    let expected = [33, 11].map(|id| (id, format!("https://operator{id}.example:3030")));
    assert_eq!(chosen, expected);
    assert!(matches!(list.select(&[id(12)]), Err(OperatorListError::Unknown(unknown)) if unknown == id(12)));
    assert!(matches!(OperatorList::read(dir.path()), Err(OperatorListError::Read { .. })));
}

#[track_caller]
fn check(change: impl FnOnce(&mut Value), expected: &str) {
    let mut entries = entries();
    change(&mut entries);
    let error = OperatorList::from_json(&entries.to_string()).unwrap_err();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    // Where in the text it is depends on the length of keys and names.
    let (text, _) = text.split_once(" at line ").unwrap_or((&text, ""));
    assert_eq!(text, expected);
}

#[test]
fn each_defect_is_located() {
    let shape = "expected an array of {\"id\": number, \"public_key\": text, \"ip\": text}";
    check(
        |list| list[2]["id"] = json!("33"),
        &format!("list of operators at [2].id: {shape}: invalid type: string \"33\", expected u64"),
    );
    check(
        |list| drop(list[1].as_object_mut().unwrap().remove("ip")),
        &format!("list of operators at [1]: {shape}: missing field `ip`"),
    );
    check(|list| list[3]["id"] = json!(0), "list of operators at [3].id: operator ids start at 1");
    check(
        |list| list[0]["public_key"] = json!("x"),
        "list of operators at [0].public_key: operator 11: key is not base64 of a PEM text",
    );
    check(
        |list| list[0]["ip"] = json!("http://operator.example"),
        "list of operators at [0].ip: address of operator 11's DKG service is http://operator.example, \
         expected https://",
    );
    check(|list| list[0]["id"] = json!(44), "list of operators has operator 44 twice");
}
