// Requests to the gateway. Whatever changes something carries the session's CSRF token.

let csrf = null;
let onLoggedOut = () => {};

/** What to do when the session is over. */
export function whenLoggedOut(action) {
  onLoggedOut = action;
}

/** Who we are to the gateway: { is_set, csrf, gateway }. */
export async function session() {
  return remember(await call("GET", "api/session"));
}

export const setUp = async (code, password) => remember(await call("POST", "api/setup", { code, password }));
export const logIn = async (password) => remember(await call("POST", "api/login", { password }));
export const changePassword = async (old, fresh) =>
  remember(await call("POST", "api/password", { old, new: fresh }));
export const logOut = () => call("POST", "api/logout", {});

export const status = () => call("GET", "api/status");
export const incidents = () => call("GET", "api/incidents");
/** What to play a clip with, { url }, once the reason is in the access ledger. */
export const clip = (reference, reason) => call("POST", "api/clips", { reference, reason });
/** Throws what is wrong with a film that cannot be played; nothing where it comes. */
export async function look(url) {
  await (await request("GET", url)).body?.cancel();
}
export const areas = (camera) => call("GET", `api/cameras/${camera}/areas`);
export const saveAreas = (camera, change) => call("PUT", `api/cameras/${camera}/areas`, change);
export const walk = (camera) => call("POST", `api/cameras/${camera}/walk`, {});
export const test = (device, minutes) => call("POST", "api/test", device ? { device, minutes } : { minutes });

/** A camera's picture as { url, taken }; revoke the url when it is not shown any more. */
export async function still(camera, wake) {
  const answer = await request("GET", `api/cameras/${camera}/still${wake ? "?wake=1" : ""}`);
  return { url: URL.createObjectURL(await answer.blob()), taken: answer.headers.get("x-taken") };
}

async function call(method, path, body) {
  const answer = await request(method, path, body);
  return (answer.headers.get("content-type") ?? "").startsWith("application/json") ? answer.json() : null;
}

async function request(method, path, body) {
  const headers = {};
  if (body !== undefined) headers["content-type"] = "application/json";
  if (csrf) headers["x-csrf-token"] = csrf;
  const answer = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  if (answer.ok) return answer;
  if (answer.status === 401) {
    csrf = null;
    onLoggedOut();
  }
  const told = await answer.json().catch(() => null);
  throw new Error(told?.error ?? `${answer.status} ${answer.statusText}`);
}

function remember(who) {
  csrf = who.csrf;
  return who;
}
