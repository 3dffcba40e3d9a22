/** Finding a series by some letters of its name. */

import type { Name } from "./document";
import { h, replace } from "./dom";

const MOST = 40;

/**
 * How well a name fits what was typed; `undefined` when it does not. Every word must be in it, its letters in order; letters that stand
 * together, and at the beginning of a part of the name, count more.
 */
export function score(typed: string, name: string): number | undefined {
  const low = name.toLowerCase();
  let sum = 0;
  for (const word of typed.toLowerCase().split(/\s+/).filter(Boolean)) {
    const whole = low.indexOf(word);
    if (whole >= 0) {
      sum += 20 + 4 * word.length + (beginsPart(name, whole) ? 15 : 0);
      continue;
    }
    let [at, run] = [-1, 0];
    for (const letter of word) {
      const next = low.indexOf(letter, at + 1);
      if (next < 0) return undefined;
      run = next === at + 1 ? run + 1 : 0;
      sum += 1 + run + (beginsPart(name, next) ? 3 : 0);
      at = next;
    }
  }
  return sum - name.length * 0.05;
}

function beginsPart(name: string, at: number): boolean {
  const [before, letter] = [name[at - 1] ?? ".", name[at] ?? ""];
  return /[^a-zA-Z0-9]/.test(before) || (/[A-Z]/.test(letter) && /[a-z]/.test(before));
}

export function best(typed: string, names: Name[]): Name[] {
  const scored = names.flatMap((name) => {
    const fits = score(typed, `${name.metric}@${name.subject}`);
    // Of two that fit alike, what is derived says more than a bare column.
    return fits === undefined ? [] : [{ name, fits: fits + (name.kind === "signal" ? 2 : 0) }];
  });
  return scored.sort((a, b) => b.fits - a.fits).slice(0, MOST).map(({ name }) => name);
}

/** A field with a list under it (the combobox pattern of WAI-ARIA). `chosen` gets what was picked; `namesCame` says that `names` are others. */
export function finder(names: () => Name[], chosen: (name: Name) => void): HTMLElement & { focusField: () => void; namesCame: () => void } {
  const list = h("ul", { id: "found", role: "listbox", "aria-label": "Series that fit", hidden: true });
  let found: Name[] = [];
  let at = 0;
  const pick = (k: number): void => {
    const name = found[k];
    if (!name) return;
    field.value = "";
    draw();
    chosen(name);
  };
  const draw = (): void => {
    found = field.value.trim() === "" ? [] : best(field.value, names());
    at = Math.min(at, Math.max(0, found.length - 1));
    list.hidden = field.value.trim() === "";
    field.setAttribute("aria-expanded", String(!list.hidden));
    replace(
      list,
      ...found.map((name, k) =>
        h("li", { role: "option", id: `found-${k}`, "aria-selected": String(k === at), mousedown: (event: Event) => (event.preventDefault(), pick(k)) },
          h("span", { class: "found-name" }, h("b", {}, name.metric), name.subject !== "host" && h("span", {}, ` ${name.subject}`)), h("small", {}, `${name.kind}${name.unit ? `, ${name.unit}` : ""}`))),
      found.length === 0 && field.value.trim() !== "" && h("li", { class: "quiet", role: "option", "aria-disabled": "true", "aria-selected": "false" }, names().length > 0 ? "Nothing is called so." : "Loading names …"),
    );
    if (found.length > 0) field.setAttribute("aria-activedescendant", `found-${at}`);
    else field.removeAttribute("aria-activedescendant");
    document.getElementById(`found-${at}`)?.scrollIntoView({ block: "nearest" });
  };
  const field = h("input", {
    id: "find", type: "text", role: "combobox", "aria-expanded": "false", "aria-controls": "found", "aria-autocomplete": "list", autocomplete: "off", spellcheck: "false", placeholder: "kswapd, vda read, MemFree …",
    input: () => ((at = 0), draw()),
    blur: () => (list.hidden = true),
    keydown: (event: KeyboardEvent) => {
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        at = Math.min(found.length - 1, Math.max(0, at + (event.key === "ArrowDown" ? 1 : -1)));
        draw();
      } else if (event.key === "Enter") {
        event.preventDefault();
        pick(at);
      } else if (event.key === "Escape") {
        if (field.value === "") field.blur();
        field.value = "";
        draw();
      }
    },
  });
  const element = h("div", { class: "finder" }, h("label", { for: "find" }, "Find a series"), h("div", { class: "finder-field" }, field, list));
  // Who typed before there were names is waiting for them.
  return Object.assign(element, { focusField: () => field.focus(), namesCame: () => document.activeElement === field && draw() });
}
