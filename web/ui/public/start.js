// Before anything else, in a file of its own because inline scripts are forbidden here: the theme, so that a page chosen to be dark never
// flashes light; and the first questions, so that their answers are on the way while the page itself still is. `src/api.ts` takes them.
try {
  const theme = localStorage.getItem("theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // No storage: the system's choice holds.
}
{
  let token = null;
  try {
    token = sessionStorage.getItem("token");
  } catch {
    // No storage: the page will ask for the token.
  }
  const early = {};
  const ask = (address) => {
    const stop = new AbortController();
    const answer = fetch(address, { headers: token ? { authorization: `Bearer ${token}` } : {}, signal: stop.signal });
    // Whoever takes it sees what went wrong.
    answer.catch(() => {});
    early[address] = { answer, stop };
  };
  const asked = new URLSearchParams(location.search);
  const [from, to] = [asked.get("from"), asked.get("to")];
  ask("/api/v1/node");
  ask("/api/v1/causes");
  if (location.pathname === "/now") ask("/api/v1/live");
  if (location.pathname === "/incidents" && !from && !to) ask("/api/v1/incidents?last=7200s");
  if (location.pathname === "/incident" && asked.get("incident") && from && to) ask(`/api/v1/explain?${new URLSearchParams({ from, to })}`);
  window.early = early;
}
