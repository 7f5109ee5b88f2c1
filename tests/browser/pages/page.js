// What every page uses: where the server is, the tag of this run, and the way home for results.
const parameters = new URLSearchParams(location.search);
const server = parameters.get("server");
const key = parameters.get("key");
const tag = parameters.get("tag");

const named = (name, more = {}) => JSON.stringify({ event: `${tag} ${name}`, distinct_id: tag, ...more });

const report = (value) => fetch("/report", { method: "POST", body: JSON.stringify(value) });

// What a page can know of an answer: everything if CORS lets it read, an error's name if not.
const outcome = async (path, options) => {
  try {
    const answer = await fetch(server + path, { method: "POST", ...options });
    const body = await answer.json();
    return { status: answer.status, ok: body.ok, error_code: body.error_code, id: answer.headers.get("x-request-id") };
  } catch (error) {
    return { error: error.name };
  }
};

// Runs every entry one after the other and reports what came of each.
const run = async (entries) => {
  const results = {};
  for (const [name, act] of Object.entries(entries)) results[name] = await act();
  await report(results);
};
