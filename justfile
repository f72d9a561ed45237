# Every habit as a recipe. CI runs `just ci` and nothing else.

# List the recipes.
default:
    @just --list

# Walk the whole story in the embedded world.
demo *args:
    cargo run --release -- demo --headless {{ args }}

# Start the embedded world alone; it writes a ready configuration into DIR.
devnet dir="devnet":
    cargo run --release -- devnet --dir {{ dir }}

# All tests.
test:
    cargo test --workspace

# The formatting that CI checks.
fmt:
    cargo fmt --all

# Formatting is as it should be.
fmt-check:
    cargo fmt --all --check

# Lints, warnings refused.
lint:
    cargo clippy --workspace --all-targets --locked -- -D warnings

# Documentation builds without a warning.
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked

# Licences, sources and duplicate versions of dependencies (needs cargo-deny; advisories need the network).
deny:
    cargo deny --locked check bans licenses sources

# Every library crate can be packaged on its own.
package:
    cargo package --workspace --exclude nexus-bot --allow-dirty --no-verify --locked

# Rebuild the devnet contracts with solc from npm.
contracts:
    cd fixtures/contracts && npm ci --no-audit --no-fund && node build.mjs

# The committed artifacts are what the sources compile to.
contracts-check:
    cd fixtures/contracts && npm ci --no-audit --no-fund && node build.mjs --check

# Go's modules are fetched while Cargo compiles; what that lacks is said, and fetched, later.
# The bot's parts against real peers of its users' stack (docs/interop.md): `just interop [ROW…]`, `just interop sabotage`.
interop *args:
    for peer in geth prysm dkg-operator; do (cd fixtures/interop/$peer && go mod download >/dev/null 2>&1) & done; \
    cargo run --locked -p nexus-interop -- {{ args }}

# DKG ceremonies with operators made of SSV's own libraries: one row of the above.
interop-dkg:
    just interop dkg

# What CI runs.
ci: fmt-check lint doc contracts-check test package && interop
    cargo run --release --locked -- demo --headless
    just interop sabotage
