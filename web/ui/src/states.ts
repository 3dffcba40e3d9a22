/** What the page says when it has nothing to show: still loading, empty, not answered. Designed, never blank. */

import { Problem } from "./api";
import { type Child, h } from "./dom";

export function panel(kind: string, title: string, ...children: Child[]): HTMLElement {
  return h("section", { class: `state ${kind}`, role: kind === "error" ? "alert" : "status" }, h("h2", {}, title), ...children);
}

/** Grey shapes where the content will stand, so that nothing jumps when it comes. */
export function loading(what: string): HTMLElement {
  const bar = (style: string): HTMLElement => h("div", { class: `bone ${style}` });
  return h("section", { class: "skeleton", role: "status", "aria-label": what }, h("p", { class: "unseen" }, what), bar("line"), bar("title"), bar("line"), bar("tiles"), bar("block"), bar("block"));
}

/** An error in place, small. */
export function failed(error: unknown): HTMLElement {
  const text = error instanceof Problem ? `${error.title}: ${error.detail}` : String(error);
  return h("p", { class: "failed", role: "alert" }, text);
}

/** An error instead of the page. */
export function whole(error: unknown, retry: () => void, token: (given: string) => void): HTMLElement {
  const again = h("button", { type: "button", click: retry }, "Try again");
  if (!(error instanceof Problem)) return panel("error", "Something went wrong in this page", h("p", {}, String(error)), again);
  switch (error.status) {
    case 0:
      return panel("error", "The server does not answer", h("p", {}, "It was stopped, or the network is down. What is shown may be old."), again);
    case 401: {
      const input = h("input", { type: "password", id: "token", autocomplete: "off", required: true });
      const form = h("form", { class: "token", submit: (event: Event) => (event.preventDefault(), token(input.value)) }, h("label", { for: "token" }, "Token"), input, h("button", { type: "submit" }, "Open"));
      return panel("locked", "This page wants a token", h("p", {}, "Whoever started it gave ", h("code", {}, "--token"), " or ", h("code", {}, "$HIGHWATER_TOKEN"), ". It is kept in this tab only, and sent with each question."),
        location.protocol === "http:" && !/^(localhost|127\.|\[::1\])/.test(location.host) && h("p", { class: "caution" }, "This connection is not encrypted: whoever can listen on the way reads the token too. Start it with --tls-cert and --tls-key, or tunnel."),
        form);
    }
    case 404:
      return panel("empty", "Nothing is recorded yet", h("p", {}, error.detail), h("p", {}, "Recording begins with ", h("code", {}, "collector run"), "; what others recorded comes in with ", h("code", {}, "analyzer import"), "."), again);
    case 503:
      return panel("empty", "There is no database to read", h("p", {}, error.detail), h("p", {}, "Start ", h("code", {}, "collector run"), " on this machine, or ", h("code", {}, "analyzer import"), " a recording. The page looks again by itself."), again);
    default:
      return panel("error", error.title, h("p", {}, error.detail), again);
  }
}
