import { readFileSync } from "node:fs";
import { type Page, expect, test } from "@playwright/test";
import { findings } from "./axe";
import { type Served, serve, serveLive } from "./served";

let flood: Served;
let live: Served;
test.beforeAll(async () => {
  [flood, live] = await Promise.all([serve("page-cache-flood"), serveLive()]);
});
test.afterAll(() => {
  flood.stop();
  live.stop();
});

async function open(page: Page, address: string): Promise<void> {
  await page.goto(address);
  await expect(page.locator(".skeleton")).toHaveCount(0);
}

/** Waits for it: the address changes with the view, which may come after the key. */
async function addressHas(page: Page, name: string, value: string): Promise<void> {
  await expect(page).toHaveURL((address) => address.searchParams.get(name) === value);
}

test("a machine that is recorded opens as it is now, and goes on", async ({ page }) => {
  await open(page, live.url);
  await expect(page.locator(".places [aria-current=page]")).toHaveText("Now");
  await expect(page.locator(".banner h2")).toHaveText(/Nothing is wrong|Wrong since|Nothing was wrong/);
  await expect(page.locator(".chart h3").first()).toHaveText("Memory");
  for (const title of ["Reclaim", "Faults that wait for a disk", "CPUs", "Load and tasks"]) await expect(page.locator(".chart", { hasText: title }).first().locator("canvas")).toBeVisible();
  await expect(page.locator(".chart").first().locator(".chart-legend")).toContainText(/file cache [\d.]+/);
  await expect(page.locator("table.processes tbody tr").first()).toBeVisible();
  // Held, the numbers stand still; the address keeps the span.
  await page.keyboard.press("Space");
  await expect(page.locator("#pause")).toHaveAttribute("aria-pressed", "true");
  await page.keyboard.press("Space");
  await page.keyboard.press("-");
  await addressHas(page, "last", "1800");
});

/** What is streamed in place of what the server would say: ticks at these times, in seconds since 1970. */
async function streamed(page: Page, ticks: { at: number; values: Record<string, number> }[]): Promise<void> {
  const body = ticks.map((tick) => `event: tick\ndata: ${JSON.stringify(tick)}\n\n`).join("");
  await page.route(/\/api\/v1\/live/, (route) => route.fulfill({ contentType: "text/event-stream", body }));
}
/** One a second of these. */
function each(...values: Record<string, number>[]): { at: number; values: Record<string, number> }[] {
  return values.map((one, k) => ({ at: Date.parse("2026-11-23T22:55:00Z") / 1000 + k, values: one }));
}
const MEMORY = { "mem.free@host": 1e9, "mem.total@host": 8e9 };

test("what the first ticks do not have is drawn once they have it", async ({ page }) => {
  await streamed(page, each(MEMORY, MEMORY, { ...MEMORY, "reclaim.kswapd_scan@host": 5000 }));
  await open(page, `${flood.url}now`);
  await expect(page.locator(".chart h3")).toHaveText(["Memory", "Reclaim"]);
});

test("a disk that was idle is drawn once it is not, beside the one that was drawn", async ({ page }) => {
  const disks = (vda: number, sdz: number): Record<string, number> => ({ ...MEMORY, "disk.busy@vda": vda, "disk.busy@sdz": sdz });
  await streamed(page, each(disks(5, 0), disks(5, 0), disks(5, 99)));
  await open(page, `${flood.url}now`);
  await expect(page.locator(".chart", { hasText: "time busy" }).locator(".chart-legend li")).toHaveText([/vda 5/, /sdz 99/]);
});

test("what hurts nobody is noticed and not called wrong", async ({ page }) => {
  const time = (at: string): string => `2026-11-23T22:${at}.000Z`;
  const span = { from: time("54:00"), to: time("55:30") };
  await page.route(/\/api\/v1\/incidents/, (route) => route.fulfill({ json: { ...span, incidents: [] } }));
  // A stream that goes on, which a fulfilled route does not.
  await page.addInitScript((span) => {
    const real = window.fetch;
    window.fetch = (what, how) => {
      if (!String(what).includes("/api/v1/live")) return real(what, how);
      const severity = new URLSearchParams(location.hash.slice(1)).get("severity");
      const one = { id: "a".repeat(16), from: span.from, to: span.to, open: true, severity, headline: "more runnable work than CPUs", cause: "cpu_saturation", confidence: "likely", devices: [], processes: [], explain: span };
      const state = { status: "recorded", to: span.to, now: span.to, interval_s: 1, incidents: [one] };
      const text = `event: state\ndata: ${JSON.stringify(state)}\n\nevent: tick\ndata: ${JSON.stringify({ at: Date.parse(span.to) / 1000, values: {} })}\n\n`;
      return Promise.resolve(new Response(new ReadableStream({ start: (to) => to.enqueue(new TextEncoder().encode(text)) })));
    };
  }, span);
  const [banner, strip] = [page.locator(".banner"), page.locator(".strip h2")];
  await open(page, `${flood.url}now#severity=info`);
  await expect(banner.locator("h2")).toHaveText(/^Nothing (is|was) wrong/);
  await expect(banner.locator(".headline")).toHaveText("more runnable work than CPUs");
  await expect(strip).toContainText("no incident, 1 notice without harm");
  await expect(page.locator(".strip-mark.info")).toHaveCount(1);
  await page.goto("about:blank");
  await open(page, `${flood.url}now#severity=warning`);
  await expect(banner.locator("h2")).toHaveText(/[Ww](rong|as wrong) since 22:54:00/);
  await expect(strip).toContainText("1 incident");
});

test("ticks that the stream left out are read, and leave no gap", async ({ page }) => {
  const recorded = await page.request.get(`${flood.url}api/v1/series?of=meminfo.MemFree&from=2026-11-23T22:55:20Z&to=2026-11-23T22:55:30Z`);
  const { at } = (await recorded.json()) as { at: number[] };
  expect(at.length).toBe(10);
  await streamed(page, [at[0] ?? 0, at[9] ?? 0].map((time) => ({ at: time, values: MEMORY })));
  await open(page, `${flood.url}now?last=60`);
  const chart = page.locator(".chart").first();
  await expect(chart.locator("canvas")).toBeVisible();
  // The crosshair goes through every reading of the last half of the minute.
  const walk = async (): Promise<string[]> => {
    const seen: string[] = [];
    for (let k = 0; k < 40; k += 1) await page.keyboard.press("ArrowLeft");
    for (let k = 0; k < 60; k += 1) {
      await page.keyboard.press("ArrowRight");
      seen.push(`${await chart.locator(".chart-when").textContent()} ${await chart.locator(".chart-legend").textContent()}`);
    }
    return [...new Set(seen)].filter((text) => text.startsWith("22:55:2"));
  };
  await expect.poll(async () => (await walk()).length).toBe(10);
  for (const reading of await walk()) expect(reading).toMatch(/^22:55:2\d free [\d.]+\s[MG]B$/);
});

test("a stream that says nothing any more is given up, said, and asked for again", async ({ page }) => {
  await page.clock.install();
  let asked = 0;
  await page.route(/\/api\/v1\/live/, () => void (asked += 1));
  await page.goto(`${live.url}now`);
  await expect(page.locator(".banner")).toHaveText("Looking …");
  await page.clock.fastForward(41_000);
  await expect(page.locator(".banner")).toContainText("The stream broke");
  await expect(page.locator(".banner")).toContainText("nothing came for 40 s");
  await page.clock.fastForward(2_000);
  await expect.poll(() => asked).toBe(2);
});

test("a server that has no room for another stream is said to have none", async ({ page }) => {
  const full = { title: "too many at a time", status: 503, detail: "2 streams are open already, which is as many as there may be" };
  await page.route(/\/api\/v1\/live/, (route) => route.fulfill({ status: 503, contentType: "application/problem+json", json: full }));
  await open(page, `${live.url}now`);
  await expect(page.locator(".banner")).toContainText("2 streams are open already");
  await expect(page.locator(".banner")).toContainText("Nothing came yet. The page asks again by itself.");
});

test("who goes from now to the hours before sees them up to now, however long the page was open", async ({ page }) => {
  await open(page, `${live.url}now`);
  await expect(page.locator(".chart canvas").first()).toBeVisible();
  const recorded = async (): Promise<string> => ((await (await page.request.get(`${live.url}api/v1/node`)).json()) as { to: string }).to;
  const opened = await recorded();
  await expect.poll(recorded).not.toBe(opened);
  const end = (await recorded()).slice(0, 19).replace("T", " ");
  await page.keyboard.press("3");
  await expect(page.locator(".machine .until")).toBeVisible();
  const until = (await page.locator(".machine .until").textContent())?.slice(-19) ?? "";
  expect(until >= end, `${until} is not before ${end}`).toBe(true);
});

test("a recording that has ended is said to have, and what was wrong then", async ({ page }) => {
  await open(page, `${flood.url}now`);
  await expect(page.locator(".banner h2")).toContainText("Was wrong since");
  await expect(page.locator(".banner .headline")).toContainText("page cache flood from vda");
  await expect(page.locator(".banner .age")).toContainText("Is the collector running?");
  await expect(page.locator(".strip-mark")).toHaveCount(1);
  // The hours before the record began are not said to have been quiet.
  await expect(page.locator(".strip-void").first()).toBeVisible();
  await expect(page.locator(".strip h2")).toContainText("hatched: not recorded");
  await page.keyboard.press("o");
  await expect(page.locator(".incident.critical")).toBeVisible();
});

test("a server that goes away is said, and what is shown stays", async ({ page }) => {
  const other = await serve("page-cache-flood");
  await open(page, `${other.url}now`);
  await expect(page.locator(".chart canvas").first()).toBeVisible();
  other.stop();
  await expect(page.locator(".banner h2")).toHaveText("The stream broke");
  await expect(page.locator(".chart canvas").first()).toBeVisible();
});

test("incidents of a span: by day, filtered, opened", async ({ page }) => {
  await open(page, `${flood.url}incidents`);
  await expect(page.locator("#list-title")).toHaveText("1 incident");
  await expect(page.locator(".day .strip-mark")).toHaveCount(1);
  await expect(page.locator(".incident-row")).toContainText("page cache flood from vda");
  await page.getByLabel("severity").selectOption("critical");
  await addressHas(page, "severity", "critical");
  await expect(page.locator(".incident-row")).toHaveCount(1);
  // A link with another filter: none is such, and that is said.
  await open(page, `${flood.url}incidents?device=sdz`);
  await expect(page.locator(".state")).toContainText("None of them is such");
  await page.getByRole("button", { name: "All of them" }).click();
  await page.keyboard.press("j");
  await expect(page.locator(".incident-row")).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.locator(".incident.critical")).toBeVisible();
  await page.goBack();
  await expect(page.locator(".incident-row")).toBeVisible();
});

test("any series is found by some letters, drawn, as a rate and raw, and beside the day before", async ({ page }) => {
  await open(page, `${flood.url}explore`);
  await expect(page.locator(".chart canvas")).toHaveCount(1);
  await expect(page.locator(".chip-chosen")).toHaveCount(5);
  await page.keyboard.press("f");
  await page.getByLabel("Find a series").fill("pgscan ksw");
  await expect(page.locator("#found li").first()).toContainText("pgscan_kswapd");
  await page.keyboard.press("Enter");
  await addressHas(page, "of", "vmstat.pgscan_kswapd@host");
  await expect(page.locator(".chart-legend")).toContainText(/vmstat.pgscan_kswapd \d[\d,.]*k?\spages\/s/);
  await page.getByRole("button", { name: "raw" }).click();
  await expect(page.locator(".chart-legend")).toContainText(/vmstat.pgscan_kswapd [\d.]+M\spages$/);
  await page.getByRole("button", { name: "a day before" }).click();
  await expect(page.locator(".explore-note")).toContainText("Nothing is recorded a day before");
  await open(page, `${flood.url}explore?of=no.such`);
  await expect(page.locator(".explore-note")).toContainText("no series no.such@host");
});

test("a held key moves through time, a drag with Shift too, and the link shows what is in sight", async ({ page }) => {
  await open(page, `${flood.url}explore?last=60`);
  const chart = page.locator(".chart canvas");
  await expect(chart).toBeVisible();
  await page.evaluate(() => document.querySelector(".chart")?.setAttribute("data-same", "yes"));
  const from = async (): Promise<number> => Date.parse(new URL(page.url()).searchParams.get("from") ?? "");
  await page.keyboard.down("a");
  await page.waitForTimeout(300);
  await page.keyboard.up("a");
  await expect(page).toHaveURL(/[?&]from=2/);
  const first = await from();
  const box = await chart.boundingBox();
  if (!box) throw new Error("no chart");
  await page.mouse.move(box.x + 200, box.y + 100);
  await page.keyboard.down("Shift");
  await page.mouse.down();
  await page.mouse.move(box.x + 300, box.y + 100, { steps: 4 });
  await page.mouse.up();
  await page.keyboard.up("Shift");
  await expect.poll(from).toBeLessThan(first);
  // It is the same chart that moved, and the link shows the same span.
  await expect(page.locator(".chart[data-same=yes]")).toHaveCount(1);
  const shown = await page.locator("#from").inputValue();
  await page.reload();
  await expect(page.locator("#from")).toHaveValue(shown);
});

test("who types before the names have come gets them when they do", async ({ page }) => {
  let give = (): void => undefined;
  const asked = new Promise<void>((done) => (give = done));
  await page.route(/\/api\/v1\/metrics/, async (route) => {
    await asked;
    await route.continue();
  });
  await open(page, `${flood.url}explore`);
  await page.getByLabel("Find a series").fill("pgscan ksw");
  await expect(page.locator("#found li").first()).toHaveText("Loading names …");
  give();
  await expect(page.locator("#found li").first()).toContainText("pgscan_kswapd");
});

test("what was asked for before does not come back over what was asked for after", async ({ page }) => {
  let give = (): void => undefined;
  const late = new Promise<void>((done) => (give = done));
  let held = 0;
  await page.route(/\/api\/v1\/series.*rate=auto/, async (route) => {
    // The first answer is what is in sight, the second what is beside it: that one is late.
    if ((held += 1) > 1) await late;
    await route.continue().catch(() => undefined);
  });
  await open(page, `${flood.url}explore?of=vmstat.pgscan_kswapd`);
  await expect.poll(() => held).toBe(2);
  await page.getByRole("button", { name: "raw" }).click();
  const raw = /vmstat.pgscan_kswapd [\d.]+M\spages$/;
  await expect(page.locator(".chart-legend")).toContainText(raw);
  give();
  await page.waitForLoadState("networkidle");
  await expect(page.locator(".chart-legend")).toContainText(raw);
});

test("time is scrubbed through: a file, the processes, the disks as they were", async ({ page }) => {
  await open(page, `${flood.url}explore`);
  await expect(page.locator("table.processes")).toBeVisible();
  await page.getByRole("tab", { name: "/proc/meminfo" }).click();
  const free = page.locator(".file-line .is", { hasText: "MemFree" });
  await expect(free).toBeVisible();
  const end = await free.textContent();
  await page.locator("#at").press("Home");
  await expect(free).not.toHaveText(end ?? "");
  await addressHas(page, "show", "meminfo");
  // The link shows the same.
  const shown = await free.textContent();
  await page.reload();
  await expect(free).toHaveText(shown ?? "");
  await page.getByRole("tab", { name: "Disks" }).click();
  await expect(page.locator(".topology")).toContainText("vda");
  await page.getByRole("tab", { name: "Settings" }).click();
  await expect(page.locator("table.settings")).toContainText("vm.min_free_kbytes");
});

test("an incident is taken away as a report, a document, a table and a picture", async ({ page }) => {
  await open(page, `${flood.url}incident`);
  await expect(page.locator(".lane canvas").first()).toBeVisible();
  for (const [kind, part] of [["html", "<!doctype html>"], ["json", "highwater.explain/1"], ["csv", "time,"], ["png", "PNG"]] as const) {
    const waiting = page.waitForEvent("download");
    await page.locator(`[data-save=${kind}]`).click();
    const file = await waiting;
    expect(file.suggestedFilename()).toMatch(new RegExp(`^highwater-[\\w.-]+\\.${kind}$`));
    expect(readFileSync(await file.path(), "latin1").toLowerCase()).toContain(part.toLowerCase());
  }
});

test("what memory, disks and processes did meanwhile comes into sight", async ({ page }) => {
  await open(page, `${flood.url}incident`);
  await page.locator("#meanwhile-title").scrollIntoViewIfNeeded();
  await expect(page.locator(".meanwhile .chart", { hasText: "Disks: requests waiting" }).locator("canvas")).toBeVisible();
  await expect(page.locator(".heat canvas")).toHaveAttribute("aria-label", /Free blocks of zone .*1024 pages: \d+/);
  await expect(page.locator(".shares")).toContainText("scanner");
  await expect(page.locator(".meanwhile table.processes")).toContainText("scanner");
});

test("nothing moves for who does not want it", async ({ page }) => {
  await page.emulateMedia({ reducedMotion: "reduce" });
  await open(page, `${live.url}now`);
  const moving = await page.evaluate(() => document.getAnimations().length);
  expect(moving).toBe(0);
});

test("the whole page is small", async ({ page }) => {
  const sizes: Promise<number>[] = [];
  page.on("response", (response) => {
    if (/\/(assets\/|start.js|mark.svg|now$)/.test(response.url())) sizes.push(response.request().sizes().then((size) => size.responseBodySize));
  });
  await open(page, `${live.url}now`);
  await expect(page.locator(".chart canvas").first()).toBeVisible();
  const sum = (await Promise.all(sizes)).reduce((all, one) => all + one, 0);
  expect(sum).toBeGreaterThan(20_000);
  expect(sum).toBeLessThan(150_000);
});

const VIEWS = [
  { name: "now", at: (): string => `${live.url}now`, ready: ".chart canvas" },
  { name: "now-ended", at: (): string => `${flood.url}now`, ready: ".chart canvas" },
  { name: "incidents", at: (): string => `${flood.url}incidents`, ready: ".incident-row" },
  { name: "explore", at: (): string => `${flood.url}explore?of=meminfo.MemFree%20vmstat.pgscan_kswapd%20disk.read@vda`, ready: "table.processes" },
];
for (const { name, at, ready } of VIEWS) {
  for (const scheme of ["light", "dark"] as const) {
    for (const width of [360, 1440]) {
      test(`${name}, ${scheme}, ${width} px: nothing that axe finds, nothing cut off`, async ({ page }) => {
        await page.emulateMedia({ colorScheme: scheme });
        await page.setViewportSize({ width, height: 900 });
        await open(page, at());
        await expect(page.locator(ready).first()).toBeVisible();
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
        expect(await findings(page)).toEqual([]);
        await page.screenshot({ path: `test-results/${name}-${scheme}-${width}.png`, fullPage: true });
      });
    }
  }
}
