-- Version 1. Everything an operator may need to read by hand is plain text; no secret is ever stored here.
CREATE TABLE identity (
  chain_id INTEGER NOT NULL,
  nexus    TEXT NOT NULL                -- Nexus contract this file belongs to
) STRICT;

CREATE TABLE rollups (
  admin        TEXT PRIMARY KEY,
  next_index   INTEGER NOT NULL DEFAULT 0, -- first derivation index that was never used
  excess_since INTEGER,                    -- when the staked share was first seen above the limit
  accepted_limit  INTEGER,                 -- basis points; later jumps are measured from these two
  accepted_locked TEXT                     -- wei
) STRICT;

CREATE TABLE validators (
  id               INTEGER PRIMARY KEY AUTOINCREMENT,
  rollup           TEXT NOT NULL REFERENCES rollups (admin),
  derivation_index INTEGER,
  pubkey           TEXT UNIQUE,
  stage            TEXT NOT NULL,
  deposit          TEXT,                   -- signed deposit, JSON
  shares_nonce     INTEGER,
  signed_exit      TEXT,                   -- signed voluntary exit, JSON as the beacon API takes it
  validator_index  INTEGER,
  exit_epoch       INTEGER,
  deposit_tx       TEXT,
  shares_tx        TEXT,
  exit_tx          TEXT,
  removal_tx       TEXT,
  updated_at       INTEGER NOT NULL,
  UNIQUE (rollup, derivation_index)
) STRICT;

CREATE TABLE intents (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  kind        TEXT NOT NULL,
  call        TEXT NOT NULL,               -- the call, JSON
  phase       TEXT NOT NULL,               -- recorded | sent | mined | succeeded | reverted | refused | superseded
  created_at  INTEGER NOT NULL,
  finished_at INTEGER,
  reason      TEXT,                        -- why it failed
  mined       TEXT                         -- block and fee, JSON
) STRICT;

CREATE TABLE attempts (
  hash         TEXT PRIMARY KEY,
  intent       INTEGER NOT NULL REFERENCES intents (id),
  nonce        INTEGER NOT NULL,
  raw          TEXT NOT NULL,              -- the signed transaction
  max_fee      TEXT NOT NULL,              -- wei
  priority_fee TEXT NOT NULL,              -- wei
  signed_at    INTEGER NOT NULL
) STRICT;

CREATE TABLE history (
  at         INTEGER NOT NULL,
  validator  INTEGER NOT NULL REFERENCES validators (id),
  from_stage TEXT NOT NULL,
  to_stage   TEXT NOT NULL,
  event      TEXT NOT NULL
) STRICT;
CREATE INDEX history_by_stage ON history (to_stage, at);

CREATE TABLE code_pins (
  contract TEXT PRIMARY KEY,
  hash     TEXT NOT NULL                   -- keccak-256 of the runtime code that was accepted
) STRICT;

CREATE TABLE ticks (
  id          INTEGER PRIMARY KEY CHECK (id = 1),
  started_at  INTEGER NOT NULL,
  succeeded_at INTEGER,
  report      TEXT                         -- last plan and guards, JSON
) STRICT;
