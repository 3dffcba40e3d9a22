import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { type Page, expect, test } from "@playwright/test";
import { type Served, serve } from "./served";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const SPAN = "?from=2026-11-23T22:53:38Z&to=2026-11-23T22:56:00Z";

let served: Served;
test.beforeAll(async () => {
  served = await serve("page-cache-flood");
});
test.afterAll(() => served.stop());

async function open(page: Page, query = SPAN): Promise<void> {
  await page.goto(served.url + query);
  await expect(page.locator("#main[aria-busy]")).toHaveCount(0);
}

/** What axe-core finds wrong, one line each. It is given to the page from outside: the page's own policy allows no such script. */
async function findings(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  return page.evaluate(async () => {
    const { violations } = await (window as unknown as { axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> } }).axe.run();
    return violations.flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.html}`));
  });
}

test("the sample incident is told: what, who, what first, what not", async ({ page }) => {
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
  const incident = page.locator(".incident.critical");
  await expect(incident.locator("h2")).toContainText("page cache flood from vda by scanner");
  await expect(incident.locator(".sure")).toHaveText("shown");
  await expect(incident.locator(".lead")).toContainText(/vda 15\.\d s before kswapd/);
  await expect(incident.locator(".lanes li").first()).toContainText("vda is read");
  await expect(incident.locator(".lanes li").first()).toContainText("first mover");
  await expect(incident.locator("tr", { hasText: "swap thrash" })).toContainText("0 pages");
  expect(await incident.locator(".chart canvas").count()).toBeGreaterThan(3);
  expect(outside, "no request leaves the server").toEqual([]);
  expect(broken).toEqual([]);
});

test("a lane opens the kernel's file of that second beside the one before", async ({ page }) => {
  await open(page);
  await page.locator(".lane-name", { hasText: "kswapd scans" }).click();
  const dialog = page.locator("dialog#file");
  await expect(dialog.locator("h3").nth(1)).toContainText("/proc/vmstat at 22:54:3");
  await expect(dialog.locator("mark", { hasText: "pgscan_kswapd " })).toHaveCount(2);
  await dialog.getByRole("combobox").selectOption("zoneinfo");
  await expect(dialog.locator("pre").nth(1)).toContainText("Node 0, zone");
  await page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();
});

test("the keyboard reaches everything, and the address keeps the state", async ({ page }) => {
  await open(page);
  await page.keyboard.press("?");
  await expect(page.locator("dialog#sheet")).toBeVisible();
  await page.keyboard.press("Escape");
  await page.keyboard.press("j");
  await expect(page.locator(".lane-name").first()).toBeFocused();
  await page.keyboard.press("/");
  await expect(page.locator("#from")).toBeFocused();
  await page.locator("#from").fill("22:53:40");
  await page.locator("#to").fill("22:54:10");
  await page.keyboard.press("Enter");
  await expect(page.locator(".state.calm")).toContainText("No incident");
  expect(new URL(page.url()).searchParams.get("from")).toBe("22:53:40");
  await page.goBack();
  await expect(page.locator(".incident.critical")).toBeVisible();
});

test("wrong times and missing databases are said, not blank", async ({ page }) => {
  await open(page, "?from=half+past+nine");
  await expect(page.locator(".state.problem")).toContainText("half past nine");
  const empty = await serve(null);
  try {
    await page.goto(empty.url);
    await expect(page.locator(".state.problem")).toContainText("no database there");
    await expect(page.locator(".state.problem")).toContainText("Is the collector running");
  } finally {
    empty.stop();
  }
});

for (const scheme of ["light", "dark"] as const) {
  for (const width of [360, 1440]) {
    test(`${scheme}, ${width} px: nothing that axe finds, nothing cut off`, async ({ page }) => {
      await page.emulateMedia({ colorScheme: scheme });
      await page.setViewportSize({ width, height: 900 });
      await open(page);
      await expect(page.locator(".incident.critical")).toBeVisible();
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      expect(wide).toBeLessThanOrEqual(width);
      expect(await findings(page)).toEqual([]);
      await page.screenshot({ path: `test-results/incident-${scheme}-${width}.png`, fullPage: true });
    });
  }
}
