// Faults as the published JavaScript client meets them (FR): it asks twice, after 200 ms, when a call fails by one of the
// statuses 408, 429, 500, 502, 503 and 504, or by its connection.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';

import {
  AltertableLakehouseClient,
  ApiError,
  AuthError,
  BadRequestError,
  NetworkError,
  ParseError,
  TimeoutError,
} from './node_modules/@altertable/lakehouse/dist/src/index.js';
import { ALICE, startServer } from './server.js';

let server;
let client;

before(async () => {
  server = await startServer(`--user=${ALICE.username}:${ALICE.password}`);
  client = new AltertableLakehouseClient({ baseUrl: server.lakehouse, ...ALICE });
});

afterEach(() => plane('DELETE', 'faults'));

after(() => server?.stop());

/** Asks the control plane, which answers with JSON. */
async function plane(method, path, body) {
  const login = Buffer.from(`${ALICE.username}:${ALICE.password}`).toString('base64');
  const answer = await fetch(`${server.lakehouse}/_mock/v1/${path}`, {
    method,
    headers: { Authorization: `Basic ${login}`, 'Content-Type': 'application/json' },
    body: body && JSON.stringify(body),
  });
  assert.ok(answer.ok, `${method} ${path}: ${answer.status}`);
  return answer.json();
}

/** Sets a rule; what it returns says how often it acted. */
async function rule(match, effect, limits = {}) {
  const { id } = await plane('POST', 'faults', { match, do: effect, ...limits });
  return async () => (await plane('GET', `faults/${id}`)).acted;
}

const once = { times: 1 };
const number = (statement) => client.queryAll({ statement }).then(({ rows }) => rows);

for (const status of [408, 429, 500, 502, 503, 504]) {
  test(`a call that fails once by ${status} is asked again`, async () => {
    const acted = await rule({ path: '/query' }, { status, message: 'not now', retry_after_ms: 1000 }, once);
    assert.deepEqual(await number('SELECT 1 AS a'), [{ a: 1 }]);
    assert.equal(await acted(), 1);
  });
}

test('a call that keeps failing is given up, with what the server said', async () => {
  const acted = await rule({ path: '/query' }, { status: 503, message: 'not today' });
  await assert.rejects(number('SELECT 1'), (error) => {
    assert.ok(error instanceof ApiError);
    assert.equal(error.details?.statusCode ?? error.statusCode, 503);
    assert.match(JSON.stringify(error), /not today/);
    return true;
  });
  assert.equal(await acted(), 2);
});

for (const [status, kind] of [[401, AuthError], [400, BadRequestError]]) {
  test(`a call that fails by ${status} is not asked again`, async () => {
    const acted = await rule({ path: '/query' }, { status, message: 'never' });
    await assert.rejects(number('SELECT 1'), kind);
    assert.equal(await acted(), 1);
  });
}

for (const cut of ['reset', 'close']) {
  test(`a connection that breaks off once (${cut}) is opened again`, async () => {
    const acted = await rule({ statement: 'cut' }, { cut }, once);
    assert.deepEqual(await number("SELECT 'cut' AS a"), [{ a: 'cut' }]);
    assert.equal(await acted(), 1);
  });

  test(`a connection that breaks off each time (${cut}) is a failure of the network`, async () => {
    const acted = await rule({ statement: 'cut' }, { cut });
    await assert.rejects(number("SELECT 'cut' AS a"), NetworkError);
    assert.equal(await acted(), 2);
  });
}

test('a torn line is no row', async () => {
  const acted = await rule({ statement: 'range' }, { torn: true, after: { rows: 3 } }, once);
  const { rows } = await client.query({ statement: "SELECT 'row ' || range AS a FROM range(5)" });
  const read = [];
  await assert.rejects(async () => {
    for await (const row of rows) read.push(row.a);
  }, ParseError);
  assert.deepEqual(read, ['row 0', 'row 1', 'row 2']);
  assert.equal(await acted(), 1);
});

test('a result whose connection breaks off after three rows gives three rows and fails', async () => {
  const acted = await rule({ statement: 'range' }, { cut: 'reset', after: { rows: 3 } }, once);
  const { rows } = await client.query({ statement: 'SELECT range AS a FROM range(5)' });
  const read = [];
  await assert.rejects(async () => {
    for await (const row of rows) read.push(row.a);
  });
  assert.ok(read.length <= 3);
  assert.equal(await acted(), 1);
});

test('a call that hangs is given up after the time that the client has', async () => {
  const hasty = new AltertableLakehouseClient({ baseUrl: server.lakehouse, readTimeoutMs: 200, ...ALICE });
  const acted = await rule({ statement: 'hangs' }, { hang: true });
  await assert.rejects(hasty.queryAll({ statement: "SELECT 'hangs'" }), TimeoutError);
  assert.equal(await acted(), 1);
});

test('an append whose answer is lost is sent again, and its row is there twice', async () => {
  await number('CREATE TABLE lost (a INTEGER)');
  const acted = await rule({ operation: 'POST /append' }, { lost_ack: true }, once);
  await client.append({ catalog: 'memory', schema: 'main', table: 'lost', body: { a: 1 } });
  assert.equal(await acted(), 1);
  assert.deepEqual(await number('SELECT count(*)::INTEGER AS n FROM lost'), [{ n: 2 }]);
});

test('a session that has expired is told by its error', async () => {
  const { metadata } = await client.queryAll({ statement: 'CREATE TEMP TABLE mine (a INTEGER)' });
  const acted = await rule({ session: metadata.session_id }, { expire: true }, once);
  await assert.rejects(client.queryAll({ statement: 'FROM mine', session_id: metadata.session_id }));
  assert.equal(await acted(), 1);
});

test('slow answers arrive whole', async () => {
  const acted = await rule({ statement: 'range' }, { delay_ms: 20, per_batch_ms: 5, throttle_bytes_per_s: 100_000 }, once);
  assert.equal((await number('FROM range(1000)')).length, 1000);
  assert.equal(await acted(), 1);
});
