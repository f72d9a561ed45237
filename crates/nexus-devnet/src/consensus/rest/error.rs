//! Refusals as the API writes them.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Serialize;

/// A refusal: an HTTP status and a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ApiError {
    status: StatusCode,
    message: String,
}

#[derive(Serialize)]
struct Body {
    code: u16,
    message: String,
}

impl ApiError {
    pub(super) fn bad_request(message: impl ToString) -> Self {
        Self { status: StatusCode::BAD_REQUEST, message: format!("BAD_REQUEST: {}", message.to_string()) }
    }

    pub(super) fn not_found(message: impl ToString) -> Self {
        Self { status: StatusCode::NOT_FOUND, message: format!("NOT_FOUND: {}", message.to_string()) }
    }

    pub(super) fn method_not_allowed() -> Self {
        Self { status: StatusCode::METHOD_NOT_ALLOWED, message: "METHOD_NOT_ALLOWED".to_owned() }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = Body { code: self.status.as_u16(), message: self.message };
        (self.status, Json(body)).into_response()
    }
}
