import { defineConfig } from "vite";

// The page is embedded in the binary and served under a policy that allows no inline script or style.
export default defineConfig({
  build: { target: "es2022", assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  server: { proxy: { "/api": "http://127.0.0.1:7311" } },
});
