// The behaviour spec of conformance/spec, over HTTP: what fetch and @altertable/lakehouse can express of it.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { startServer } from '../server.js';
import { CaseRun, unsupported } from './case_run.js';
import { loadCases } from './spec.js';

// The least share of the HTTP cases that has to run.
const FLOOR = 0.9;

const servers = new Map();

after(async () => {
  const started = await Promise.allSettled(servers.values());
  await Promise.all(started.map(({ value }) => value?.stop()));
});

/** The server with these flags, started by the first case that needs it. */
function serverWith(flags) {
  const key = JSON.stringify(flags);
  if (!servers.has(key)) servers.set(key, startServer(...flags));
  return servers.get(key);
}

const cases = loadCases().map((found) => ({ ...found, reason: unsupported(found) }));
const http = cases.filter(({ reason }) => reason !== 'speaks Flight SQL');
const able = http.filter(({ reason }) => reason === undefined);

test('the runner can express nearly every HTTP case', (context) => {
  for (const [reason, count] of counted(cases)) context.diagnostic(`${count} cases: ${reason}`);
  assert.ok(able.length >= FLOOR * http.length, `${able.length} of ${http.length} HTTP cases can run`);
  assert.ok(able.length > 400, 'the spec is there');
});

/** How many cases run, and how many do not for which reason. */
function counted(found) {
  const counts = new Map();
  for (const { reason = 'run' } of found) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return counts;
}

test('the server behaves', { concurrency: 8 }, async (context) => {
  const running = able.map((found) =>
    context.test(`${found.id} (${found.clauses.join(', ')})`, async () => {
      await new CaseRun(found, await serverWith(found.server)).run(found.steps);
    }),
  );
  await Promise.all(running);
});
