//! JSON-RPC 2.0 messages, alone and in batches.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::execution::RpcError;

/// The most calls one batch may hold (geth's `--rpc.batch-request-limit`).
const MAX_BATCH: usize = 1_000;

/// One call.
#[derive(Debug, Deserialize)]
pub(super) struct Request {
    /// Absent in a notification, which gets no answer.
    id: Option<Value>,
    method: String,
    #[serde(default)]
    params: Value,
}

#[derive(Debug, Serialize)]
struct Response {
    jsonrpc: &'static str,
    id: Value,
    #[serde(flatten)]
    outcome: Outcome,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    Result(Value),
    Error(RpcError),
}

/// Answers a body with one call or a batch; `None` when it held nothing but notifications.
pub(super) fn answer(body: &[u8], serve: impl Fn(&str, &Value) -> Result<Value, RpcError>) -> Option<Value> {
    match serde_json::from_slice(body) {
        Err(_) => Some(failure(Value::Null, RpcError::new(-32700, "parse error"))),
        Ok(Value::Array(calls)) if calls.is_empty() => {
            Some(failure(Value::Null, RpcError::new(-32600, "empty batch")))
        }
        Ok(Value::Array(calls)) if calls.len() > MAX_BATCH => {
            Some(failure(Value::Null, RpcError::new(-32600, "batch too large")))
        }
        Ok(Value::Array(calls)) => {
            let answers: Vec<Value> = calls.into_iter().filter_map(|call| one(call, &serve)).collect();
            (!answers.is_empty()).then_some(Value::Array(answers))
        }
        Ok(call) => one(call, &serve),
    }
}

fn one(call: Value, serve: &impl Fn(&str, &Value) -> Result<Value, RpcError>) -> Option<Value> {
    let id = call.get("id").cloned();
    match serde_json::from_value::<Request>(call) {
        Err(_) => Some(failure(id.unwrap_or_default(), RpcError::new(-32600, "invalid request"))),
        Ok(request) => {
            let outcome = serve(&request.method, &request.params);
            let id = request.id?;
            Some(match outcome {
                Ok(result) => message(id, Outcome::Result(result)),
                Err(error) => failure(id, error),
            })
        }
    }
}

fn failure(id: Value, error: RpcError) -> Value {
    message(id, Outcome::Error(error))
}

fn message(id: Value, outcome: Outcome) -> Value {
    serde_json::to_value(Response { jsonrpc: "2.0", id, outcome }).expect("JSON values have string keys")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ask(body: &str) -> Option<Value> {
        answer(body.as_bytes(), |method, params| match method {
            "echo" => Ok(params.clone()),
            other => Err(RpcError::method_not_found(other)),
        })
    }

    #[test]
    fn a_batch_is_answered_in_order_and_notifications_are_not() {
        let body = r#"[{"jsonrpc":"2.0","id":1,"method":"echo","params":[7]},
            {"jsonrpc":"2.0","method":"echo"},{"jsonrpc":"2.0","id":"b","method":"nope"}]"#;
        let expected = json!([
            {"jsonrpc": "2.0", "id": 1, "result": [7]},
            {"jsonrpc": "2.0", "id": "b",
             "error": {"code": -32601, "message": "the method nope does not exist/is not available"}},
        ]);
        assert_eq!(ask(body), Some(expected));
    }

    #[test]
    fn what_is_not_a_call_is_named() {
        let code = |body| ask(body).unwrap()["error"]["code"].clone();
        assert_eq!(code("{"), json!(-32700));
        assert_eq!(code("[]"), json!(-32600));
        assert_eq!(code(r#"{"id":1}"#), json!(-32600));
        assert_eq!(ask(r#"{"method":"echo"}"#), None);
    }
}
