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
    cd fuzz && cargo fmt

# Formatting is as it should be.
fmt-check:
    cargo fmt --all --check
    cd fuzz && cargo fmt --check

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

# Feed the readers of untrusted bytes what they don't expect, each for SECONDS: `just fuzz 'dkg_*' 60` (docs/fuzzing.md).
fuzz target="*" seconds="20":
    cd fuzz && cargo build --release --locked --bins --example seeds && cargo run -q --release --locked --example seeds
    cd fuzz && mkdir -p artifacts && for file in fuzz_targets/{{ target }}.rs; do \
        name=$(basename $file .rs) && log=artifacts/$name.log && \
        cargo run -q --release --locked --bin $name -- corpus/$name -max_total_time={{ seconds }} -timeout=10 \
            -rss_limit_mb=1024 -artifact_prefix=artifacts/$name- -print_final_stats=1 >$log 2>&1 || { cat $log; exit 1; }; \
        echo "$name: $(sed -n 's/^stat::average_exec_per_sec: *//p' $log) inputs a second, no law broken"; \
    done

# What CI runs.
ci: fmt-check lint doc contracts-check test package && interop
    cargo run --release --locked -- demo --headless
    just interop sabotage
