import { defineConfig } from "@playwright/test";

// Debian's Chromium; the flags keep it from asking anybody anything.
export default defineConfig({
  testDir: "tests",
  workers: 1,
  timeout: 120_000,
  // Not a measure: a busy machine may take this long and be right.
  expect: { timeout: 20_000 },
  forbidOnly: !!process.env.CI,
  reporter: [["list"]],
  outputDir: "test-results",
  use: {
    browserName: "chromium",
    launchOptions: {
      executablePath: process.env.HIGHWATER_CHROMIUM ?? "/usr/bin/chromium",
      args: [
        "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync",
      ],
    },
  },
});
