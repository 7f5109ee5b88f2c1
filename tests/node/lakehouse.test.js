// @altertable/lakehouse 0.2.2, the published JavaScript client, which predates typed columns (LQ-22).

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';

// The entry point that the package declares is not among the files it ships.
import {
  AltertableLakehouseClient,
  ApiError,
  AuthError,
  BadRequestError,
  ConfigurationError,
  TimeoutError,
} from './node_modules/@altertable/lakehouse/dist/src/index.js';
import { ALICE, BOB, startServer } from './server.js';

const ENDLESS = 'SELECT sum((a.range * b.range) % 7) FROM range(10000000) a, range(10000000) b';

let server;
let alice;
let bob;

before(async () => {
  const users = [ALICE, BOB].map(({ username, password }) => `--user=${username}:${password}`);
  server = await startServer(...users);
  alice = connect(ALICE);
  bob = connect(BOB);
});

after(() => server?.stop());

function connect(options) {
  return new AltertableLakehouseClient({ baseUrl: server.lakehouse, ...options });
}

/** The rows of a statement. */
async function rows(client, statement, fields = {}) {
  return (await client.queryAll({ statement, ...fields })).rows;
}

function freshTable() {
  return { catalog: 'memory', schema: 'main', table: `t_${randomUUID().replaceAll('-', '')}` };
}

test('a query returns its metadata, columns and rows', async () => {
  const result = await alice.queryAll({ statement: " SELECT 42 AS answer, 'x' AS letter, [1, NULL] AS list " });
  assert.deepEqual(result.columns, ['answer', 'letter', 'list']);
  assert.deepEqual(result.rows, [{ answer: 42, letter: 'x', list: [1, null] }]);
  assert.equal(result.metadata.statement, "SELECT 42 AS answer, 'x' AS letter, [1, NULL] AS list");
  assert.equal(result.metadata.rows_limit, null);
  assert.match(result.metadata.session_id, /^[0-9a-f-]{36}$/);
  assert.match(result.metadata.query_id, /^[0-9a-f-]{36}$/);
});

test('an empty result has neither columns nor rows', async () => {
  const result = await alice.queryAll({ statement: 'SELECT 1 AS a WHERE false' });
  assert.deepEqual([result.columns, result.rows], [[], []]);
});

test('every field of a request counts', async () => {
  const query_id = randomUUID();
  const session_id = randomUUID();
  const result = await alice.queryAll({
    statement: 'FROM range(10) t(i);',
    catalog: 'memory',
    schema: 'main',
    session_id,
    query_id,
    limit: 2,
    offset: 3,
    sanitize: false,
    ephemeral: null,
    cache: true,
    compute_size: 'XS',
    timezone: 'Europe/Paris',
    requested_by: 'node',
    visible: false,
  });
  assert.deepEqual(result.rows, [{ i: 3 }, { i: 4 }]);
  assert.deepEqual([result.metadata.query_id, result.metadata.session_id], [query_id, session_id]);
  assert.deepEqual([result.metadata.rows_limit, result.metadata.rows_offset], [2, 3]);
  const logged = await alice.getQuery(query_id);
  assert.deepEqual([logged.visible, logged.requested_by], [false, 'node']);
});

test('rows arrive while the query still runs', async () => {
  const started = process.hrtime.bigint();
  const result = await alice.query({ statement: "SELECT i, repeat('x', 100) AS pad FROM range(100000000) t(i)" });
  const taken = [];
  for await (const row of result.rows) {
    taken.push(row.i);
    if (taken.length === 5000) break;
  }
  assert.deepEqual(taken, Array.from({ length: 5000 }, (_, at) => at));
  assert.ok(process.hrtime.bigint() - started < 10_000_000_000n, 'the first rows do not wait for the last');
});

test('many rows arrive whole, multi-byte text included', async () => {
  const found = await rows(alice, "SELECT i, 'é€𝄞' || i AS text FROM range(50000) t(i)");
  assert.equal(found.length, 50_000);
  for (const [at, row] of found.entries()) assert.deepEqual(row, { i: at, text: `é€𝄞${at}` });
});

test('a statement that fails is a bad request with the SQL error', async () => {
  await assert.rejects(alice.queryAll({ statement: 'FROM no_such_table' }), (error) => {
    assert.ok(error instanceof BadRequestError);
    assert.equal(error.statusCode, 400);
    assert.match(error.message, /Catalog Error: Table with name no_such_table does not exist/);
    assert.match(error.requestId, /^[0-9a-f-]{36}$/);
    return true;
  });
  await assert.rejects(alice.queryAll({ statement: '  ' }), BadRequestError);
});

test('a failure behind the first rows is found in the stream', async () => {
  const statement = "SELECT CASE WHEN i = 4000000 THEN error('boom') ELSE i END AS i FROM range(5000000) t(i)";
  const { rows } = await alice.query({ statement });
  await assert.rejects(async () => {
    for await (const row of rows) assert.ok(row.i >= 0);
  }, /boom/);
});

test('a session keeps what is its own', async () => {
  const session_id = randomUUID();
  await rows(alice, 'CREATE TEMP TABLE mine AS SELECT 7 AS i', { session_id });
  assert.deepEqual(await rows(alice, 'FROM mine', { session_id }), [{ i: 7 }]);
  await assert.rejects(rows(alice, 'FROM mine'), /does not exist/);
  await assert.rejects(rows(alice, 'FROM mine', { session_id, ephemeral: true }), /does not exist/);
});

test('appended rows are there at once', async () => {
  const target = freshTable();
  const first = await alice.append({ ...target, body: { id: 1, name: 'Ada' } });
  assert.deepEqual([first.ok, first.error_code, first.error_message], [true, null, null]);
  assert.match(first.task_id, /^[0-9a-f-]{36}$/);
  assert.ok((await alice.append({ ...target, body: [{ id: 2 }, { id: 3, tags: ['a', { b: 1 }] }] })).ok);
  assert.deepEqual(await rows(alice, `FROM ${target.table} ORDER BY id`), [
    { id: 1, name: 'Ada', tags: null },
    { id: 2, name: null, tags: null },
    { id: 3, name: null, tags: ['a', { b: 1 }] },
  ]);
});

test('a refused append says why and is no exception', async () => {
  const target = freshTable();
  await alice.append({ ...target, body: { id: 1 } });
  const refused = await alice.append({ ...target, body: { id: true } });
  assert.deepEqual([refused.ok, refused.error_code, refused.task_id], [false, 'invalid-data', null]);
  assert.match(refused.error_message, /"id" of type BIGINT/);
  const missing = await alice.append({ ...target, catalog: 'demo', body: { id: 1 } });
  assert.deepEqual([missing.ok, missing.error_code], [false, 'invalid-data']);
});

test('upsert merges by key whatever mode is sent, text or bytes', async () => {
  const target = freshTable();
  const options = { ...target, primary_key: 'id' };
  await alice.upsert({ ...options, mode: 'create' }, 'id,name\n1,a\n2,b\n');
  await alice.upsert({ ...options, mode: 'upsert' }, new TextEncoder().encode('id,name\n2,B\n3,c\n'));
  await alice.upsert({ ...options, mode: 'overwrite' }, new Blob(['[{"id":3,"name":"C"},{"id":4,"name":"d"}]']));
  assert.deepEqual(await rows(alice, `FROM ${target.table} ORDER BY id`), [
    { id: 1, name: 'a' },
    { id: 2, name: 'B' },
    { id: 3, name: 'C' },
    { id: 4, name: 'd' },
  ]);
});

test('an upsert without a key or a catalog is a bad request in plain words', async () => {
  const target = freshTable();
  await assert.rejects(alice.upsert(target, 'id\n1\n'), (error) => {
    assert.ok(error instanceof BadRequestError);
    return /primary_key/.test(error.message);
  });
  await assert.rejects(
    alice.upsert({ ...target, catalog: 'demo', primary_key: 'id' }, 'id\n1\n'),
    /^BadRequestError: Bad request: .*Catalog "demo" does not exist/,
  );
});

test('a running query is cancelled by its ids', async () => {
  const query_id = randomUUID();
  const session_id = randomUUID();
  const outcome = alice.queryAll({ statement: ENDLESS, query_id, session_id }).then(
    () => assert.fail('it cannot end by itself'),
    (error) => error,
  );
  const running = await logged(alice, query_id);
  assert.deepEqual([running.end_time, running.duration_ms, running.error], [null, null, null]);
  const other = await alice.cancelQuery(query_id, randomUUID());
  assert.equal(other.cancelled, false);
  const asked = Date.now();
  const cancelled = await alice.cancelQuery(query_id, session_id);
  assert.equal(cancelled.cancelled, true);
  assert.ok(cancelled.message);
  const error = await outcome;
  assert.ok(Date.now() - asked < 1500, 'LC-04: it stops within a second');
  assert.match(error.message, /cancelled/);
  assert.match((await alice.getQuery(query_id)).error, /cancelled/);
  assert.deepEqual(await rows(alice, 'SELECT 1 AS one', { session_id }), [{ one: 1 }]);
});

/** The log's entry of a query, as soon as there is one. */
async function logged(client, id) {
  for (let attempt = 0; attempt < 500; attempt += 1) {
    try {
      return await client.getQuery(id);
    } catch (error) {
      assert.equal(error.statusCode, 404);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
  return assert.fail('the query was never logged');
}

test('the log has the shape that the types promise', async () => {
  const query_id = randomUUID();
  await rows(alice, 'FROM range(3)', { query_id });
  const entry = await alice.getQuery(query_id);
  assert.deepEqual([entry.uuid, entry.query, entry.error], [query_id, 'FROM range(3)', null]);
  assert.equal(entry.client_interface, 'HttpQuery');
  assert.ok(Date.parse(entry.end_time) >= Date.parse(entry.start_time));
  assert.deepEqual([entry.percentage, entry.rows_processed], [100, 3]);
  assert.equal(entry.stats.caching.data_hits, 0);
  assert.match(entry.user_agent, /^altertable-lakehouse-js\/0\.2\.2/);
});

test('validation runs nothing', async () => {
  const { table } = freshTable();
  const valid = await alice.validate({ statement: `CREATE TABLE ${table} (i INTEGER);` });
  assert.deepEqual([valid.valid, valid.error, valid.connections_errors], [true, null, {}]);
  const invalid = await alice.validate({ statement: `FROM ${table}`, catalog: 'memory', schema: 'main' });
  assert.equal(invalid.valid, false);
  assert.match(invalid.error, /does not exist/);
});

test('a wrong password, or none, is refused', async () => {
  for (const options of [{ ...ALICE, password: 'wrong' }, { ...ALICE, username: 'nobody' }]) {
    await assert.rejects(connect(options).queryAll({ statement: 'SELECT 1' }), (error) => {
      assert.ok(error instanceof AuthError);
      return error.statusCode === 401;
    });
    await assert.rejects(connect(options).append({ ...freshTable(), body: {} }), AuthError);
  }
  assert.throws(() => connect({}), ConfigurationError);
});

test('a token of the same credentials opens the same database', async () => {
  const { table } = freshTable();
  await rows(alice, `CREATE TABLE ${table} AS SELECT 1 AS i`);
  const basicAuthToken = Buffer.from(`${ALICE.username}:${ALICE.password}`).toString('base64');
  assert.deepEqual(await rows(connect({ basicAuthToken }), `FROM ${table}`), [{ i: 1 }]);
});

test('users share no table, no query and no session', async () => {
  const { table } = freshTable();
  const query_id = randomUUID();
  const session_id = randomUUID();
  await rows(alice, `CREATE TABLE ${table} AS SELECT 1 AS i`, { query_id, session_id });
  await assert.rejects(rows(bob, `FROM ${table}`, { session_id }), /does not exist/);
  for (const call of [() => bob.getQuery(query_id), () => bob.cancelQuery(query_id, session_id)]) {
    await assert.rejects(call, (error) => error instanceof ApiError && error.statusCode === 404);
  }
});

test('a client that gives up ends its query', async () => {
  const query_id = randomUUID();
  const session_id = randomUUID();
  const impatient = connect({ ...ALICE, readTimeoutMs: 500, retryPolicy: { maxAttempts: 1 } });
  await assert.rejects(impatient.queryAll({ statement: ENDLESS, query_id, session_id }), TimeoutError);
  const deadline = Date.now() + 5_000;
  while ((await alice.getQuery(query_id)).end_time === null) {
    assert.ok(Date.now() < deadline, 'the query goes on without its client');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.ok((await alice.getQuery(query_id)).error);
});
