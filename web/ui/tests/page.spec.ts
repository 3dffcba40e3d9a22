import { type Page, expect, test } from "@playwright/test";
import { findings } from "./axe";
import { type Served, serve } from "./served";

let served: Served;
test.beforeAll(async () => {
  served = await serve("page-cache-flood");
});
test.afterAll(() => served.stop());

async function open(page: Page, query = ""): Promise<void> {
  await page.goto(served.url + query);
  await expect(page.locator(".skeleton")).toHaveCount(0);
}

test("the sample incident is told: what, who, what first, how sure, what not", async ({ page }) => {
  const outside: string[] = [];
  page.on("request", (request) => {
    if (!request.url().startsWith(served.url) && !request.url().startsWith("data:")) outside.push(request.url());
  });
  const broken: string[] = [];
  page.on("pageerror", (error) => broken.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") broken.push(message.text());
  });
  await open(page);
  await expect(page.locator("h1")).toContainText("page cache flood from vda by scanner");
  await expect(page.locator(".verdict .severity")).toContainText("Critical");
  await expect(page.locator(".fact-first")).toContainText("vda");
  await expect(page.locator(".fact-first")).toContainText(/1[45]\.\d\ss before kswapd/);
  await expect(page.locator(".fact-who")).toContainText("scanner");
  await expect(page.locator(".fact-sure")).toContainText("shown");

  const lanes = page.locator(".lane");
  await expect(lanes.first()).toContainText("vda is read");
  await expect(lanes.first()).toContainText("first mover");
  await expect(page.locator(".brace-text")).toHaveText(/vda 1[45]\.\d\ss before kswapd/);
  // Causal order, also where best onsets within a second stand the other way round: the device, kswapd, what it evicted, the faults.
  const rules = await lanes.evaluateAll((all) => all.map((lane) => (lane as HTMLElement).dataset["rule"] ?? ""));
  expect(rules.indexOf("device-read-rise")).toBeLessThan(rules.indexOf("kswapd-scan"));
  expect(rules.indexOf("kswapd-scan")).toBeLessThan(rules.indexOf("page-cache-drop"));
  expect(rules.indexOf("page-cache-drop")).toBeLessThan(rules.indexOf("major-fault-storm"));
  // Only the first mover has no cause.
  await expect(page.locator(".lane", { hasText: "no cause of it was seen" })).toHaveCount(0);
  await expect(page.locator(".lane canvas")).toHaveCount(rules.length);
  await expect(page.locator(".node.first")).toContainText("vda is read");

  await expect(page.locator("tr[data-cause=anon_growth]")).toContainText("anonymous memory 15.7 GB");
  await expect(page.locator("tr[data-cause=swap_thrash]")).toContainText("0 pages in or out");
  await expect(page.locator("#advice")).toContainText("O_DIRECT");
  expect(outside, "no request leaves the server").toEqual([]);
  expect(broken).toEqual([]);
});

test("the times in the graph stand between the events, never under one", async ({ page }) => {
  for (const width of [1024, 1440]) {
    await page.setViewportSize({ width, height: 900 });
    await open(page);
    await expect(page.locator(".graph .lag").first()).toContainText("s");
    const hidden = await page.locator(".graph .lag").evaluateAll((lags) => {
      const nodes = [...document.querySelectorAll(".graph .node")].map((node) => node.getBoundingClientRect());
      return lags.filter((lag) => {
        const text = lag.getBoundingClientRect();
        return nodes.some((node) => text.left < node.right && text.right > node.left);
      }).map((lag) => lag.textContent);
    });
    expect(hidden, `${width} px`).toEqual([]);
  }
});

test("a number opens its series and the kernel's file of that second beside the one before", async ({ page }) => {
  await open(page);
  await page.locator(".lane[data-rule=kswapd-scan] .chip").first().click();
  const dialog = page.locator("dialog.drawer");
  await expect(dialog.locator("h2")).toContainText("reclaim.kswapd_scan");
  await expect(dialog.locator("canvas")).toBeVisible();
  const line = dialog.locator(".file-line", { hasText: "pgscan_kswapd " });
  await expect(line.locator(".was mark")).toHaveText(/^\d+$/);
  await expect(line.locator(".is mark")).toHaveText(/^\d+$/);
  const now = Number(await line.locator(".is mark").textContent());
  const before = Number(await line.locator(".was mark").textContent());
  await expect(line.locator(".deltas")).toHaveText(`+${(now - before).toLocaleString("en-US")}`);
  // A link to it opens the same.
  const link = page.url();
  await page.keyboard.press("Escape");
  await expect(dialog).toHaveCount(0);
  await page.goto(link);
  await expect(dialog.locator("h2")).toContainText("reclaim.kswapd_scan");
  await dialog.getByRole("button", { name: "The reading before" }).click();
  await expect(dialog.locator(".file-line .is", { hasText: "pgscan_kswapd " })).toContainText(String(before));
});

test("the keyboard does everything, and the address keeps the state", async ({ page }) => {
  await open(page);
  await page.keyboard.press("?");
  await expect(page.locator("dialog.sheet")).toBeVisible();
  await page.keyboard.press("Escape");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowRight");
  await expect(page.locator(".readout").first()).toContainText(/\d\d:\d\d:\d\d/);
  await page.keyboard.press("+");
  await expect(page).toHaveURL(/[?&]zoom=[\d.]+\.\.[\d.]+(&|$)/);
  await page.keyboard.press("t");
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  await page.keyboard.press("z");
  await expect(page).toHaveURL(/[?&]zone=utc(&|$)/);
  await page.keyboard.press("/");
  await expect(page.locator("#from")).toBeFocused();
  await page.locator("#from").fill("22:53:40");
  await page.locator("#to").fill("22:54:10");
  await page.keyboard.press("Enter");
  await expect(page.locator(".state.calm")).toContainText("No incident");
  await expect(page).toHaveURL((address) => address.searchParams.get("from") === "22:53:40");
  await page.goBack();
  await expect(page.locator(".incident.critical")).toBeVisible();
});

test("the crosshair goes where it was sent before there were charts, and stays there when they are drawn anew", async ({ page }) => {
  let give = (): void => undefined;
  const late = new Promise<void>((done) => (give = done));
  await page.route(/\/api\/v1\/series/, async (route) => {
    await late;
    await route.continue().catch(() => undefined);
  });
  await open(page);
  await expect(page.locator(".lane").first()).toBeVisible();
  for (const key of ["ArrowRight", "ArrowRight", "ArrowRight"]) await page.keyboard.press(key);
  const readout = page.locator(".readout").first();
  await expect(readout).toHaveText("");
  give();
  await expect(readout).toContainText(/\d\d:\d\d:\d\d/);
  const there = await readout.textContent();
  await page.keyboard.press("t");
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  await expect(readout).toHaveText(there ?? "");
  await page.keyboard.press("ArrowRight");
  await expect(readout).not.toHaveText(there ?? "");
});

test("wrong times and missing databases are said, not blank", async ({ page }) => {
  await open(page, "?from=half+past+nine");
  await expect(page.locator(".state.error")).toContainText("half past nine");
  const empty = await serve(null);
  try {
    await page.goto(empty.url);
    await expect(page.locator(".state.empty")).toContainText("no database");
    await expect(page.locator(".state.empty")).toContainText("collector run");
  } finally {
    empty.stop();
  }
});

test("a server with a token asks for it, and then tells", async ({ page }) => {
  const closed = await serve("page-cache-flood", "open-sesame");
  try {
    await page.goto(closed.url);
    await page.getByLabel("Token").fill("wrong");
    await page.keyboard.press("Enter");
    await expect(page.locator(".state.locked")).toBeVisible();
    await page.getByLabel("Token").fill("open-sesame");
    await page.keyboard.press("Enter");
    await expect(page.locator("h1")).toContainText("page cache flood");
  } finally {
    closed.stop();
  }
});

for (const scheme of ["light", "dark"] as const) {
  for (const width of [360, 1440, 3840]) {
    test(`${scheme}, ${width} px: nothing that axe finds, nothing cut off`, async ({ page }) => {
      await page.emulateMedia({ colorScheme: scheme });
      await page.setViewportSize({ width, height: 900 });
      await open(page);
      await expect(page.locator(".incident.critical")).toBeVisible();
      await expect(page.locator(".lane canvas").first()).toBeVisible();
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
      expect(await findings(page)).toEqual([]);
      await page.screenshot({ path: `test-results/incident-${scheme}-${width}.png`, fullPage: true });
    });
  }
}
