/**
 * Server-sent events. Read with `fetch`, because `EventSource` cannot carry a token and a token does not belong into an address, where
 * histories and logs would keep it.
 */

import { api } from "./api";

export interface Message {
  event: string;
  data: string;
}

/** Seconds to wait before asking again: a little longer each time. */
const WAITS = [1, 2, 5, 10];

/** The server says something every 15 seconds at least. Longer without it, the way there is broken: a laptop slept, a phone left its network. */
const SILENT_S = 40;

/** Calls `got` for each message, and `lost` when the stream broke and will be asked for again. Ends with `signal`. */
export async function listen(signal: AbortSignal, got: (message: Message) => void, lost: (error: unknown) => void): Promise<void> {
  let failures = 0;
  while (!signal.aborted) {
    const silent = new AbortController();
    const wait = (): ReturnType<typeof setTimeout> => setTimeout(() => silent.abort(new Error(`nothing came for ${SILENT_S} s`)), SILENT_S * 1000);
    let timer = wait();
    try {
      const response = await api.live(AbortSignal.any([signal, silent.signal]));
      const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
      let text = "";
      for (;;) {
        const piece = await reader?.read();
        if (!piece || piece.done) throw new Error("the stream ended");
        failures = 0;
        clearTimeout(timer);
        timer = wait();
        text += piece.value.replaceAll("\r", "");
        for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
          const message = parse(text.slice(0, end));
          text = text.slice(end + 2);
          if (message) got(message);
        }
      }
    } catch (error) {
      if (signal.aborted) return;
      lost(silent.signal.aborted ? silent.signal.reason : error);
    } finally {
      clearTimeout(timer);
    }
    const pause = WAITS[Math.min(failures, WAITS.length - 1)] ?? 10;
    failures += 1;
    await new Promise((done) => setTimeout(done, pause * 1000));
  }
}

function parse(block: string): Message | undefined {
  let event = "message";
  const data: string[] = [];
  for (const line of block.split("\n")) {
    const [name, value] = [line.slice(0, Math.max(0, line.indexOf(":"))), line.slice(line.indexOf(":") + 1).replace(/^ /, "")];
    if (name === "event") event = value;
    if (name === "data") data.push(value);
  }
  return data.length > 0 ? { event, data: data.join("\n") } : undefined;
}
