// How soon the page tells something over a slow link on a slow machine, and whether a chart of a day pans smoothly: in real Chromium.
// `node bench/page.mjs INCIDENT_URL HISTORY_URL` prints a table; `cargo xtask bench --page` starts the servers for it.

import { chromium } from "@playwright/test";

const [incident, history] = process.argv.slice(2);
/** Milliseconds a round trip: a slow line at home, and a phone far from its mast. */
const ROUND_TRIPS = [50, 150];
const SLOWER = 4;
const ROUNDS = 5;
const { incidents } = await (await fetch(`${incident}api/v1/incidents?last=1h`)).json();
const { id, explain } = incidents[0];
/** What a reader has come for: name, address, and what must be there. */
const VIEWS = [
  ["now", "now", ".banner .headline, .banner.calm h2, .banner.lost h2"],
  ["incidents", "incidents", ".incident-row, .incidents .state"],
  ["one incident, by its link", `incident?${new URLSearchParams({ ...explain, incident: id })}`, ".incident h1"],
];
const SERIES = ["MemFree", "Cached", "AnonPages", "Active", "Inactive", "Slab", "Mapped", "Buffers", "Dirty", "Shmem"].map((name) => `meminfo.${name}`).join(" ");
const DAY = 86_400;

const browser = await chromium.launch({
  executablePath: process.env.HIGHWATER_CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});

function middle(values) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}

function line(what, value, target = "") {
  console.log(`  ${what.padEnd(44)} ${value.padStart(14)}   ${target}`.trimEnd());
}

/** Milliseconds from asking for the page to a frame that shows what matches. Nothing is in any cache. */
async function firstUseful(address, selector, latency) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  const cdp = await context.newCDPSession(page);
  await cdp.send("Network.enable");
  await cdp.send("Network.emulateNetworkConditions", { offline: false, latency, downloadThroughput: 1.5e6 / 8, uploadThroughput: 1.5e6 / 8 });
  await cdp.send("Emulation.setCPUThrottlingRate", { rate: SLOWER });
  let bytes = 0;
  cdp.on("Network.loadingFinished", (event) => (bytes += event.encodedDataLength));
  await page.addInitScript((wanted) => {
    const look = () => {
      if (document.querySelector(wanted)) requestAnimationFrame(() => setTimeout(() => (window.useful = performance.now())));
      else requestAnimationFrame(look);
    };
    look();
  }, selector);
  await page.goto(address, { waitUntil: "commit" });
  const useful = await page.waitForFunction(() => window.useful, null, { polling: 50 });
  const ms = await useful.jsonValue();
  const then = bytes;
  await context.close();
  return { ms, bytes: then };
}

/** Frames while a key is held that pans a day of ten series: what each took, and how much of it was our own work. */
async function pan(address) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  await page.addInitScript(() => {
    const plain = window.requestAnimationFrame.bind(window);
    window.frames_ = { work: [], at: [] };
    window.requestAnimationFrame = (callback) => plain((now) => {
      const begun = performance.now();
      callback(now);
      // What uPlot leaves to a microtask is done when the next task begins.
      queueMicrotask(() => queueMicrotask(() => queueMicrotask(() => window.frames_.work.push(performance.now() - begun))));
    });
    window.beat = () => {
      const step = (now) => (window.frames_.at.push(now), window.beating && plain(step));
      window.beating = true;
      plain(step);
    };
  });
  await page.goto(address);
  await page.waitForSelector(".chart canvas");
  await page.waitForTimeout(4000);
  const held = [];
  for (const key of ["a", "d", "d", "a"]) {
    await page.evaluate(() => ((window.frames_ = { work: [], at: [] }), window.beat()));
    await page.keyboard.down(key);
    await page.waitForTimeout(1200);
    await page.keyboard.up(key);
    held.push(await page.evaluate(() => ((window.beating = false), window.frames_)));
    await page.waitForTimeout(2500);
  }
  await context.close();
  const took = held.flatMap(({ at }) => at.slice(1).map((time, k) => time - at[k]));
  return { took, work: held.flatMap(({ work }) => work) };
}

console.log(`The page in Chromium ${browser.version()}`);
for (const latency of ROUND_TRIPS) {
  console.log(`  first useful paint: 1.5 Mbit/s, ${latency} ms a round trip, a CPU ${SLOWER} times slower, nothing cached; median of ${ROUNDS}`);
  for (const [name, path, selector] of VIEWS) {
    const all = [];
    for (let k = 0; k < ROUNDS; k += 1) all.push(await firstUseful(`${incident}${path}`, selector, latency));
    const ms = middle(all.map((one) => one.ms));
    line(name, `${ms.toFixed(0)} ms`, `target 1,000 ms: ${ms <= 1000 ? "met" : "MISSED"}   (${all.map((one) => one.ms.toFixed(0)).join(", ")}; ${(middle(all.map((one) => one.bytes)) / 1000).toFixed(0)} kB by then)`);
  }
}

const { from, to } = await (await fetch(`${history}api/v1/node`)).json();
const centre = (Date.parse(from) + Date.parse(to)) / 2000;
const stamp = (seconds) => new Date(seconds * 1000).toISOString();
const length = Math.min(DAY, (Date.parse(to) - Date.parse(from)) / 1000);
const { took, work } = await pan(`${history}explore?${new URLSearchParams({ of: SERIES, from: stamp(centre - length / 2), to: stamp(centre + length / 2) })}`);
const part = (values, p) => [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * p))];
console.log(`  panning ${(length / 3600).toFixed(0)} h of seconds, 10 series, 1440 × 900, a key held`);
const late = took.filter((ms) => ms > 17.5).length;
line("frames, and of them later than 1/60 s", `${took.length}, ${late}`, `${(1000 / (took.reduce((a, b) => a + b, 0) / took.length)).toFixed(0)} frames a second`);
line("  time from frame to frame, 50 % and 99 %", `${part(took, 0.5).toFixed(1)}, ${part(took, 0.99).toFixed(1)} ms`);
line("  of it our own work, 50 % and 99 %", `${part(work, 0.5).toFixed(1)}, ${part(work, 0.99).toFixed(1)} ms`, `target 16.7 ms: ${part(work, 0.99) <= 16.7 ? "met" : "MISSED"}`);
await browser.close();
