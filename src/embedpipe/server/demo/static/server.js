// Questions to the server that this page came from; the key stays in this tab.

export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export async function ask(path, body) {
  const headers = {};
  const key = sessionStorage.getItem("embedpipe-key");
  if (key) headers.authorization = `Bearer ${key}`;
  if (body) headers["content-type"] = "application/json";
  let answer;
  try {
    answer = await fetch(path, {
      method: body ? "POST" : "GET",
      headers,
      body: body && JSON.stringify(body),
    });
  } catch {
    throw new Refused(0, "the server does not answer");
  }
  const found = await answer.json();
  if (!answer.ok) throw new Refused(answer.status, found.error);
  return found;
}

export function askForKey(retry) {
  const field = document.getElementById("key-field");
  field.hidden = false;
  document.getElementById("key").onchange = (event) => {
    sessionStorage.setItem("embedpipe-key", event.target.value);
    retry();
  };
}
