// node-postgres with its cursors, streams and COPY.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { after, before, test } from 'node:test';

import pg from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import Cursor from 'pg-cursor';
import QueryStream from 'pg-query-stream';

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 4 });

/** Runs something on a connection of its own. */
async function connected(options, run) {
  const client = new pg.Client({ connectionString: process.env.DATABASE_URL, ...options });
  await client.connect();
  try {
    await run(client);
  } finally {
    await client.end();
  }
}

before(() => pool.query('CREATE TABLE numbers AS SELECT i::int AS i, i * 0.5::float8 AS half FROM generate_series(0, 9999) t(i)'));
after(() => pool.end());

test('values come back as what JavaScript has for them', async () => {
  const { rows, fields } = await pool.query(`SELECT 1::smallint AS small, 2::int AS whole, 3::bigint AS big, 1.50::numeric(6,2) AS exact,
    1.5::float8 AS double, true AS yes, 'text' AS words, '{"a": [1, null]}'::json AS document, ARRAY[1, 2, NULL] AS list, ARRAY['a b', '"'] AS texts,
    DATE '2024-02-29' AS day, TIMESTAMPTZ '2024-02-29 12:00:00+00' AS moment, TIME '01:02:03' AS clock, NULL::int AS nothing,
    '6b1c53a6-3c9a-4b0c-9e6f-0a8a4f8d8f3c'::uuid AS id, INTERVAL '1' DAY AS span`);
  assert.deepEqual({ ...rows[0], span: rows[0].span.toPostgres() }, {
    small: 1,
    whole: 2,
    big: '3',
    exact: '1.50',
    double: 1.5,
    yes: true,
    words: 'text',
    document: { a: [1, null] },
    list: [1, 2, null],
    texts: ['a b', '"'],
    day: new Date(2024, 1, 29),
    moment: new Date('2024-02-29T12:00:00Z'),
    clock: '01:02:03',
    nothing: null,
    id: '6b1c53a6-3c9a-4b0c-9e6f-0a8a4f8d8f3c',
    span: '1 days',
  });
  const types = Object.fromEntries(fields.map((field) => [field.name, field.dataTypeID]));
  assert.deepEqual([types.small, types.exact, types.document, types.list, types.moment], [21, 1700, 114, 1007, 1184]);
});

test('parameters arrive as they are meant', async () => {
  const bytes = Buffer.from([0, 1, 0xfe, 0xff]);
  const at = new Date('2024-02-29T12:34:56.789Z');
  const { rows } = await pool.query({
    text: `SELECT $1::int AS whole, $2::text AS words, $3::boolean AS yes, $4::timestamptz AS moment, $5::bytea AS bytes, $6::json AS document,
      $7::int[] AS list, $8::text AS nothing`,
    values: [42, "it's", false, at, bytes, { a: 1 }, [1, 2, 3], null],
  });
  assert.deepEqual(rows, [{ whole: 42, words: "it's", yes: false, moment: at, bytes, document: { a: 1 }, list: [1, 2, 3], nothing: null }]);
});

test('a named statement is prepared once and executed often', async () => {
  const client = await pool.connect();
  for (let i = 0; i < 20; i++) {
    const { rows } = await client.query({ name: 'plus', text: 'SELECT $1::int + 1 AS next', values: [i], rowMode: 'array' });
    assert.deepEqual(rows, [[i + 1]]);
  }
  client.release();
});

// Of this driver's numbers in binary, those of 64 bits lose digits, whichever server sends them.
test('binary results are what text results are', async () => {
  await connected({ binary: true }, async (client) => {
    const { rows } = await client.query("SELECT i, i % 2 = 0 AS even, 'x' || i AS words FROM numbers WHERE i < $1 ORDER BY i", [2]);
    assert.deepEqual(rows, [{ i: 0, even: true, words: 'x0' }, { i: 1, even: false, words: 'x1' }]);
  });
});

test('several statements of a text have a result each', async () => {
  const results = await pool.query("CREATE TEMP TABLE several (a int); INSERT INTO several VALUES (1), (2); SELECT count(*) AS n FROM several");
  assert.deepEqual(results.map((result) => [result.command, result.rowCount]), [['CREATE', null], ['INSERT', 2], ['SELECT', 1]]);
  assert.deepEqual(results[2].rows, [{ n: '2' }]);
});

test('errors have their codes, and the connection goes on', async () => {
  const client = await pool.connect();
  for (const [sql, code] of [['SELECT * FROM nowhere', '42P01'], ['SELECT 1 FROM WHERE', '42601'], ['SELECT nothing FROM numbers', '42703'],
    ["SELECT 'x'::int", '22P02'], ['SELECT $1::int', '08P01']]) {
    await assert.rejects(client.query(sql, code === '08P01' ? [1, 2] : []), (error) => error instanceof pg.DatabaseError && error.code === code, sql);
  }
  assert.equal((await client.query('SELECT 1 AS one')).rows[0].one, 1);
  client.release();
});

test('a transaction that fails leaves nothing', async () => {
  await pool.query('CREATE TABLE accounts (id int PRIMARY KEY, amount int NOT NULL)');
  const client = await pool.connect();
  await client.query('BEGIN');
  await client.query('INSERT INTO accounts VALUES ($1, $2)', [1, 10]);
  await assert.rejects(client.query('INSERT INTO accounts VALUES (2, NULL)'), { code: '23502' });
  await assert.rejects(client.query('SELECT 1'), { code: '25P02' });
  await client.query('ROLLBACK');
  await client.query('INSERT INTO accounts VALUES (1, 10)');
  await assert.rejects(client.query('INSERT INTO accounts VALUES (1, 11)'), { code: '23505' });
  const { rows } = await client.query('UPDATE accounts SET amount = amount + 1 RETURNING id, amount');
  assert.deepEqual(rows, [{ id: 1, amount: 11 }]);
  client.release();
});

test('a pool serves more callers than it has connections', async () => {
  const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => pool.query('SELECT $1::int AS i', [i])));
  assert.deepEqual(answers.map(({ rows }) => rows[0].i), Array.from({ length: 50 }, (_, i) => i));
  assert.ok(pool.totalCount <= 4);
});

test('a cursor reads parts, and may be closed before its end', async () => {
  const client = await pool.connect();
  const cursor = client.query(new Cursor('SELECT i FROM numbers WHERE i >= $1 ORDER BY i', [10]));
  assert.deepEqual((await cursor.read(3)).map(({ i }) => i), [10, 11, 12]);
  assert.deepEqual((await cursor.read(2)).map(({ i }) => i), [13, 14]);
  await cursor.close();
  const whole = client.query(new Cursor('SELECT i FROM numbers ORDER BY i LIMIT 25'));
  const sizes = [];
  for (let part = await whole.read(10); part.length > 0; part = await whole.read(10)) sizes.push(part.length);
  assert.deepEqual(sizes, [10, 10, 5]);
  await assert.rejects(client.query(new Cursor('SELECT * FROM nowhere')).read(1), { code: '42P01' });
  assert.equal((await client.query('SELECT 1 AS one')).rows[0].one, 1);
  client.release();
});

test('a stream reads all rows in batches', async () => {
  const client = await pool.connect();
  let sum = 0;
  for await (const row of client.query(new QueryStream('SELECT i FROM numbers', [], { batchSize: 64 }))) sum += row.i;
  assert.equal(sum, 49995000);
  for await (const row of client.query(new QueryStream('SELECT i FROM numbers ORDER BY i'))) if (row.i === 5) break;
  assert.equal((await client.query('SELECT 1 AS one')).rows[0].one, 1);
  client.release();
});

test('COPY streams go in and out', async () => {
  const client = await pool.connect();
  await client.query('CREATE TABLE copied (a int, b text)');
  const lines = Array.from({ length: 5000 }, (_, i) => `${i}\t${i % 3 === 0 ? '\\N' : `row ${i}`}\n`);
  const input = client.query(copyFrom('COPY copied FROM STDIN'));
  await pipeline(Readable.from(lines), input);
  assert.equal(input.rowCount, 5000);
  const out = [];
  for await (const chunk of client.query(copyTo('COPY (SELECT a, b FROM copied ORDER BY a) TO STDOUT'))) out.push(chunk);
  assert.equal(Buffer.concat(out).toString(), lines.join(''));
  const broken = client.query(copyFrom('COPY copied FROM STDIN'));
  await assert.rejects(pipeline(Readable.from(['1\tgood\n', 'x\tbad\n']), broken), { code: '22P02' });
  assert.deepEqual((await client.query('SELECT count(*)::int AS n FROM copied')).rows, [{ n: 5000 }]);
  client.release();
});

test('statement_timeout ends a query', async () => {
  await connected({ statement_timeout: 200 }, async (client) => {
    await assert.rejects(client.query('SELECT sum((a.i * b.i * c.i) % 7) FROM numbers a, numbers b, numbers c'), { code: '57014' });
  });
});

test('what a session says of itself is reported', async () => {
  await connected({ application_name: 'pg test', options: '-c timezone=Europe/Paris' }, async (client) => {
    const { rows } = await client.query("SELECT current_setting('application_name') AS name, current_setting('timezone') AS zone, current_user AS who");
    assert.deepEqual(rows, [{ name: 'pg test', zone: 'Europe/Paris', who: 'alice' }]);
    assert.equal((await client.query('SHOW application_name')).rows[0].application_name, 'pg test');
    const notice = once(client, 'notice');
    await client.query('COMMIT');
    assert.equal((await notice)[0].code, '25P01');
  });
});
