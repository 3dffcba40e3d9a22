// The real server over a real database: a sample imported by the real analyzer.

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const ROOT = resolve(import.meta.dirname, "../../..");
const BIN = process.env.HIGHWATER_BIN_DIR ?? join(ROOT, "target/debug");

export interface Served { url: string; stop(): void }

/** Records this machine and serves that. */
export async function serveLive(): Promise<Served> {
  const folder = mkdtempSync(join(tmpdir(), "highwater-page-"));
  const db = join(folder, "live.db");
  const collector = spawn(join(BIN, "collector"), ["run", "--db", db], { stdio: "ignore" });
  for (let k = 0; k < 200 && !existsSync(db); k += 1) await new Promise((done) => setTimeout(done, 50));
  const served = await serveFile(db, []);
  return {
    url: served.url,
    stop: () => {
      served.stop();
      collector.on("exit", () => rmSync(folder, { recursive: true, force: true }));
      collector.kill("SIGTERM");
    },
  };
}

/** Imports a sample (none: no database at all) and serves it. */
export async function serve(sample: string | null, token?: string): Promise<Served> {
  const folder = mkdtempSync(join(tmpdir(), "highwater-page-"));
  const db = join(folder, "x.db");
  if (sample) {
    const archive = join(ROOT, "sample-data", sample, `${sample}.tar.xz`);
    execFileSync(join(BIN, "analyzer"), ["import", "recording", archive, "--db", db], { stdio: "pipe" });
  }
  const served = await serveFile(db, token ? ["--token", token] : []);
  return {
    url: served.url,
    stop: () => {
      served.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function serveFile(db: string, more: string[]): Promise<Served> {
  const server: ChildProcess = spawn(join(BIN, "web"), ["--db", db, "--listen", "127.0.0.1:0", ...more], { stdio: ["ignore", "ignore", "pipe"] });
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
    },
  };
}
