// The real server over a real database: a sample imported by the real analyzer.

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const ROOT = resolve(import.meta.dirname, "../../..");
const BIN = process.env.HIGHWATER_BIN_DIR ?? join(ROOT, "target/debug");

export interface Served { url: string; stop(): void }

/** Imports a sample (none: no database at all) and serves it. */
export async function serve(sample: string | null, token?: string): Promise<Served> {
  const folder = mkdtempSync(join(tmpdir(), "highwater-page-"));
  const db = join(folder, "x.db");
  if (sample) {
    const archive = join(ROOT, "sample-data", sample, `${sample}.tar.xz`);
    execFileSync(join(BIN, "analyzer"), ["import", "recording", archive, "--db", db], { stdio: "pipe" });
  }
  const server: ChildProcess = spawn(join(BIN, "web"), ["--db", db, "--listen", "127.0.0.1:0", ...(token ? ["--token", token] : [])], { stdio: ["ignore", "ignore", "pipe"] });
  const url = await new Promise<string>((found, failed) => {
    let said = "";
    server.stderr?.on("data", (chunk: Buffer) => {
      said += chunk.toString();
      const match = /http:\/\/[\d.:]+\//.exec(said);
      if (match) found(match[0]);
    });
    server.on("exit", () => failed(new Error(`web ended: ${said}`)));
  });
  return {
    url,
    stop: () => {
      server.removeAllListeners("exit");
      server.kill("SIGTERM");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
