//! The capability: ceremonies, as the rest of a program asks for them.

use async_trait::async_trait;

use crate::{
    CeremonyError, CeremonyFault, CeremonyOutput, CeremonyRequest, DkgOperator, HealthReport, StoredOutput,
};

/// Operators that make keys together, reached somehow.
#[cfg_attr(feature = "test-utils", mockall::automock)]
#[async_trait]
pub trait CeremonyClient: Send + Sync {
    /// Asks operators for their health, all at once. One report for each, in the order given.
    async fn check_health(&self, operators: &[DkgOperator]) -> Vec<HealthReport>;

    /// Leads one ceremony from beginning to end: some 20 s, of which operators wait nearly all.
    ///
    /// A ceremony that fails leaves nothing behind; its error says whom to replace or whether to try again. What comes
    /// out is verified. **Store it**, then call [`Self::post_results`].
    async fn run_ceremony(&self, request: &CeremonyRequest) -> Result<CeremonyOutput, CeremonyError>;

    /// Hands the documents out to the operators, for their files. Best effort: the validator is as good without it.
    ///
    /// Returns the operators that didn't take them.
    async fn post_results(&self, operators: &[DkgOperator], stored: &StoredOutput) -> Vec<CeremonyFault>;
}

const _: Option<&dyn CeremonyClient> = None;
