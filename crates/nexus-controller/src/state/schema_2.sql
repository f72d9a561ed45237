-- Version 2: validators whose key operators made in a ceremony.
CREATE TABLE ceremonies (
  pubkey       TEXT PRIMARY KEY,
  owner_nonce  INTEGER NOT NULL,         -- the one registration of Nexus that operators take its keyshares in
  operators    TEXT NOT NULL,            -- ids, ascending
  deposit_data TEXT NOT NULL,            -- the three documents, in the form of their files
  keyshares    TEXT NOT NULL,
  proofs       TEXT NOT NULL
) STRICT;

CREATE TABLE ceremony_failures (
  operators TEXT PRIMARY KEY,            -- ids, ascending
  failures  INTEGER NOT NULL,            -- in a row
  failed_at INTEGER NOT NULL,
  reason    TEXT NOT NULL                -- who is at fault, and of what
) STRICT;

CREATE TABLE given_up (
  pubkey TEXT PRIMARY KEY,               -- deposited; a person said that it won't be registered
  at     INTEGER NOT NULL
) STRICT;
