// The way to the server: questions and posts over HTTP, news over one WebSocket that comes back by itself.

const FIRST_WAIT = 300;
const LONGEST_WAIT = 3_000;
const UNREACHABLE = "The sandbox did not answer. Is it still running? Nothing was sent; try again when it is back.";

/** The answer as JSON; throws when there is none. */
export async function get(path, query) {
  const answer = await fetch(`/sandbox/${path}?${new URLSearchParams(query)}`);
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

/** `{ok: true, ...}` or `{ok: false, error: sentence}`; never throws. */
export async function post(path, body) {
  try {
    const answer = await fetch(`/sandbox/${path}`, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
    });
    const result = await answer.json().catch(() => ({}));
    return answer.ok ? result : { ok: false, error: result.error ?? `The sandbox answered ${answer.status}.` };
  } catch {
    return { ok: false, error: UNREACHABLE };
  }
}

/** Call `opened` at each connection, `heard` for each event, `lost` when the socket goes; for ever. */
export function listen(user, { opened, heard, lost }) {
  let wait = FIRST_WAIT;
  const connect = () => {
    const socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}/sandbox/live?user=${encodeURIComponent(user)}`);
    socket.onopen = () => { wait = FIRST_WAIT; opened(); };
    socket.onmessage = ({ data }) => heard(JSON.parse(data));
    socket.onclose = () => {
      lost();
      setTimeout(connect, wait);
      wait = Math.min(wait * 2, LONGEST_WAIT);
    };
  };
  connect();
}
