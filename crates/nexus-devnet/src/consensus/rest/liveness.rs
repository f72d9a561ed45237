//! `/eth/v1/validator/liveness/{epoch}`.

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
};
use nexus_primitives::{Epoch, ValidatorIndex};

use super::{
    SharedBeacon,
    error::ApiError,
    wire::{Data, Index, Liveness},
};

/// Tells who attested in the current epoch or the one before; strict about indices as Prysm is.
pub(super) async fn liveness(
    State(beacon): State<SharedBeacon>,
    Path(epoch): Path<String>,
    body: Bytes,
) -> Result<Json<Data<Vec<Liveness>>>, ApiError> {
    let epoch: Epoch =
        epoch.parse().map_err(|_| ApiError::bad_request(format!("invalid epoch {epoch:?}")))?;
    let indices: Vec<Index> = serde_json::from_slice(&body).map_err(ApiError::bad_request)?;
    if indices.is_empty() {
        return Err(ApiError::bad_request("no validator index"));
    }
    let chain = beacon.read();
    let head = chain.head();
    let attested = head.participation(chain.config(), epoch).ok_or_else(|| {
        let current = head.epoch(chain.config());
        ApiError::bad_request(format!(
            "epoch {epoch} is neither the current one, {current}, nor the one before"
        ))
    })?;
    let entry = |Index(index)| {
        let index = ValidatorIndex::new(index);
        let unknown = || ApiError::bad_request(format!("validator {index} is not in the registry"));
        head.validator_at(index).ok_or_else(unknown)?;
        Ok(Liveness { index, is_live: attested.contains(&index) })
    };
    Ok(Json(Data { data: indices.into_iter().map(entry).collect::<Result<_, ApiError>>()? }))
}
