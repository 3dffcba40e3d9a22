// Before the first paint, so that a page chosen to be dark never flashes light. A file, because inline scripts are forbidden here.
try {
  const theme = localStorage.getItem("theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // No storage: the system's choice holds.
}
