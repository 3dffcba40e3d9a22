/** Light, dark, or as the system has it; kept in the browser, because it belongs to the reader and not to the view. */

export type Theme = "system" | "light" | "dark";

export function theme(): Theme {
  const set = document.documentElement.dataset["theme"];
  return set === "light" || set === "dark" ? set : "system";
}

export function cycleTheme(): Theme {
  const order: Theme[] = ["system", "dark", "light"];
  const next = order[(order.indexOf(theme()) + 1) % 3] ?? "system";
  if (next === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = next;
  try {
    if (next === "system") localStorage.removeItem("theme");
    else localStorage.setItem("theme", next);
  } catch {
    // No storage: it holds until the page is left.
  }
  return next;
}
