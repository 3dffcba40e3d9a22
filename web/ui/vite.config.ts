import { defineConfig } from "vite";

// `npm run dev` serves the page with live reload and asks a running `web` for the data.
const server = process.env["HIGHWATER_WEB_URL"] ?? "http://127.0.0.1:7311";

export default defineConfig({
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    // The Content-Security-Policy allows no inline script, and module preload would be one more file.
    modulePreload: { polyfill: false },
  },
  server: { proxy: { "/api": { target: server, changeOrigin: true } } },
});
