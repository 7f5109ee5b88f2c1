// The behaviour spec of conformance/spec, over HTTP: what fetch and @altertable/lakehouse can express of it.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, test } from 'node:test';

import { CaseRun, Late, unsupported } from './case_run.js';
import { loadCases } from './spec.js';
import { isRemote, serverWith, stopServers, unfit } from './target.js';

// The least share of the HTTP cases that has to run.
const FLOOR = 0.9;

const cases = loadCases().map((found) => ({ ...found, reason: unsupported(found) ?? unfit(found) }));
const http = cases.filter(({ reason }) => reason !== 'speaks Flight SQL');
const able = http.filter(({ reason }) => reason === undefined);
const outcomes = new Map(cases.map(({ id, clauses, reason = '' }) => [id, { case: id, clauses, outcome: 'skipped', reason }]));

after(async () => {
  const report = process.env.CONFORMANCE_REPORT;
  if (report) writeFileSync(report, JSON.stringify({ language: 'node', cases: [...outcomes.values()] }));
  await stopServers();
});

test('the runner can express nearly every HTTP case', (context) => {
  for (const [reason, count] of counted(cases)) context.diagnostic(`${count} cases: ${reason}`);
  assert.ok(able.length > (isRemote ? 0 : 400), 'the spec is there');
  if (!isRemote) assert.ok(able.length >= FLOOR * http.length, `${able.length} of ${http.length} HTTP cases can run`);
});

/** How many cases run, and how many do not for which reason. */
function counted(found) {
  const counts = new Map();
  for (const { reason = 'run' } of found) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return counts;
}

const late = [];

test('the server behaves', { concurrency: 8 }, async (context) => {
  const running = able.map((found) =>
    context.test(`${found.id} (${found.clauses.join(', ')})`, () =>
      attempt(found).catch((error) => {
        if (!(error instanceof Late)) throw error;
        late.push(found);
      }),
    ),
  );
  await Promise.all(running);
});

// Others may have kept the machine busy.
test('the server behaves in time, where a case that was only late runs by itself', async (context) => {
  for (const found of late) await context.test(found.id, () => attempt(found));
});

async function attempt(found) {
  const outcome = outcomes.get(found.id);
  Object.assign(outcome, { outcome: 'failed', reason: '' });
  try {
    await new CaseRun(found, await serverWith(found.server)).run(found.steps);
    outcome.outcome = 'passed';
  } catch (error) {
    outcome.reason = error.message;
    throw error;
  }
}
