// The matchers, by the table that every language's runner is held to.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { compare } from './check.js';
import { parse } from './json.js';
import { SPEC } from './spec.js';

for (const { name, expected, actual, differs } of parse(readFileSync(join(SPEC, 'matchers.json'), 'utf8'))) {
  test(`matchers: ${name}`, () => {
    const places = compare(expected, actual).map(({ path }) => path);
    assert.deepEqual([...new Set(places)].sort(), differs);
  });
}
