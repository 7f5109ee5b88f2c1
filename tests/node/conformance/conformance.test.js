// The behaviour spec of conformance/spec, over HTTP: what fetch and @altertable/lakehouse can express of it.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { http, socket } from './calls.js';
import { drive } from './driver.js';

// Nine of ten cases that need HTTP alone have to run.
const FLOORS = ['http:*=90'];

test('the server behaves', async (context) => {
  const tests = [];
  const code = await drive({ http, socket }, FLOORS, ({ id, outcome, reason }) => {
    const options = outcome === 'skipped' ? { skip: reason } : {};
    tests.push(context.test(id, options, () => assert.ok(outcome === 'passed', reason)));
  });
  await Promise.all(tests);
  assert.equal(code, 0, 'the exit code');
});
