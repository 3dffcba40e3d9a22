-- The schema of version 1. Once released, a file here is never edited: a change is a new file.
-- Times are nanoseconds since the Unix epoch, UTC. What the blobs hold stands in the store crate, beside its code.

CREATE TABLE boot (
    id           INTEGER PRIMARY KEY,
    boot_id      TEXT NOT NULL UNIQUE,
    hostname     TEXT NOT NULL,
    kernel       TEXT NOT NULL,
    machine      TEXT NOT NULL,
    cpus         INTEGER NOT NULL,
    page_size    INTEGER NOT NULL,
    clk_tck      INTEGER NOT NULL,
    memory_bytes INTEGER,
    cmdline      TEXT NOT NULL,
    tz           TEXT NOT NULL
);

-- A stretch of ticks written by one program with one interval.
CREATE TABLE run (
    id          INTEGER PRIMARY KEY,
    boot        INTEGER NOT NULL REFERENCES boot (id),
    origin      TEXT NOT NULL,
    interval_ns INTEGER NOT NULL,
    started_ns  INTEGER NOT NULL,
    import_key  TEXT UNIQUE
);

CREATE TABLE source (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
);

-- A file's fixed text. `crc` finds it; `last_ns` is the last compacted reading, NULL while there may be others.
CREATE TABLE template (
    id      INTEGER PRIMARY KEY,
    crc     INTEGER NOT NULL,
    last_ns INTEGER,
    body    BLOB NOT NULL
);
CREATE INDEX template_crc ON template (crc);

-- One row a tick, until it is compacted. `key`: the row can be decoded without those before it.
CREATE TABLE tick (
    id           INTEGER PRIMARY KEY,
    run          INTEGER NOT NULL REFERENCES run (id),
    at_ns        INTEGER NOT NULL,
    monotonic_ns INTEGER NOT NULL,
    key          INTEGER NOT NULL,
    body         BLOB NOT NULL
);
CREATE INDEX tick_at ON tick (at_ns, run);
CREATE INDEX tick_run ON tick (run, id);

-- Compacted ticks: their times, and a block of columns for each source and template.
CREATE TABLE stretch (
    id      INTEGER PRIMARY KEY,
    run     INTEGER NOT NULL REFERENCES run (id),
    from_ns INTEGER NOT NULL,
    to_ns   INTEGER NOT NULL,
    ticks   INTEGER NOT NULL,
    stamps  BLOB NOT NULL
);
CREATE INDEX stretch_to ON stretch (to_ns, from_ns);
CREATE INDEX stretch_from ON stretch (from_ns);

CREATE TABLE block (
    id       INTEGER PRIMARY KEY,
    stretch  INTEGER NOT NULL REFERENCES stretch (id) ON DELETE CASCADE,
    source   INTEGER NOT NULL REFERENCES source (id),
    template INTEGER NOT NULL REFERENCES template (id),
    from_ns  INTEGER NOT NULL,
    to_ns    INTEGER NOT NULL,
    readings INTEGER NOT NULL,
    -- Which ticks of the stretch it has readings of, and how much later each was read.
    times    BLOB NOT NULL,
    -- The block whose columns this one's are told against; NULL: none.
    base     INTEGER,
    body     BLOB NOT NULL
);
CREATE INDEX block_source_to ON block (source, to_ns, from_ns);
CREATE INDEX block_template ON block (template);
CREATE INDEX block_stretch ON block (stretch);

CREATE TABLE gap (
    from_ns INTEGER NOT NULL,
    to_ns   INTEGER NOT NULL,
    source  TEXT,
    why     TEXT NOT NULL
);
CREATE INDEX gap_to ON gap (to_ns);

-- What changes rarely, stored when it changes. A NULL value: it went away.
CREATE TABLE fact (
    id    INTEGER PRIMARY KEY,
    name  TEXT NOT NULL,
    at_ns INTEGER NOT NULL,
    value TEXT
);
CREATE INDEX fact_name_at ON fact (name, at_ns);

CREATE TABLE log (
    boot     INTEGER NOT NULL REFERENCES boot (id),
    sequence INTEGER NOT NULL,
    at_ns    INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    text     TEXT NOT NULL,
    PRIMARY KEY (boot, sequence)
) WITHOUT ROWID;
CREATE INDEX log_at ON log (at_ns);

CREATE TABLE event (
    id     INTEGER PRIMARY KEY,
    run    INTEGER NOT NULL REFERENCES run (id),
    at_ns  INTEGER NOT NULL,
    kind   TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE INDEX event_at ON event (at_ns);

CREATE TABLE process (
    id          INTEGER PRIMARY KEY,
    boot        INTEGER NOT NULL REFERENCES boot (id),
    pid         INTEGER NOT NULL,
    start_ticks INTEGER NOT NULL,
    comm        TEXT NOT NULL,
    cmdline     TEXT,
    cgroup      TEXT,
    -- When it was last seen, as far as that is compacted; NULL: it is not.
    last_ns     INTEGER
);
CREATE INDEX process_identity ON process (boot, pid, start_ticks);

-- One row an instant, until it is compacted.
CREATE TABLE process_tick (
    id    INTEGER PRIMARY KEY,
    run   INTEGER NOT NULL REFERENCES run (id),
    at_ns INTEGER NOT NULL,
    key   INTEGER NOT NULL,
    body  BLOB NOT NULL
);
CREATE INDEX process_tick_at ON process_tick (at_ns, run);
CREATE INDEX process_tick_run ON process_tick (run, id);

CREATE TABLE process_block (
    id      INTEGER PRIMARY KEY,
    run     INTEGER NOT NULL REFERENCES run (id),
    from_ns INTEGER NOT NULL,
    to_ns   INTEGER NOT NULL,
    ticks   INTEGER NOT NULL,
    body    BLOB NOT NULL
);
CREATE INDEX process_block_to ON process_block (to_ns);

-- What an analyzer worked out; may be thrown away at any time.
CREATE TABLE cache (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;
