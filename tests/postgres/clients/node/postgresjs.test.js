// postgres.js, which asks the catalogs for the types of arrays when it connects.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import postgres from 'postgres';

// Where a query is not cancelled, its time ends.
const sql = postgres(process.env.DATABASE_URL, { max: 3, onnotice: () => {}, connection: { statement_timeout: 30_000 } });

after(() => sql.end());

test('values and parameters', async () => {
  const [row] = await sql`SELECT ${42}::int AS whole, ${'text'}::text AS words, ${[1, 2]}::int[] AS list, ${sql.json({ a: 1 })}::json AS document, 2::bigint AS big`;
  assert.deepEqual({ ...row, list: [...row.list] }, { whole: 42, words: 'text', list: [1, 2], document: { a: 1 }, big: '2' });
});

test('rows are inserted by helpers, in a transaction', async () => {
  await sql`CREATE TABLE people (id int PRIMARY KEY, name text)`;
  await sql.begin(async (tx) => {
    await tx`INSERT INTO people ${tx([{ id: 1, name: 'Ada' }, { id: 2, name: 'Grace' }])}`;
  });
  await assert.rejects(
    sql.begin(async (tx) => {
      await tx`INSERT INTO people ${tx({ id: 3, name: 'Alan' })}`;
      await tx`SELECT * FROM nowhere`;
    }),
    { code: '42P01' },
  );
  assert.deepEqual([...(await sql`SELECT id, name FROM people WHERE id IN ${sql([1, 2, 3])} ORDER BY id`)], [
    { id: 1, name: 'Ada' },
    { id: 2, name: 'Grace' },
  ]);
});

test('a cursor, and a description without a run', async () => {
  const sizes = [];
  for await (const rows of sql`SELECT i FROM generate_series(1, 25) t(i)`.cursor(10)) sizes.push(rows.length);
  assert.deepEqual(sizes, [10, 10, 5]);
  const { columns } = await sql`SELECT id, name FROM people`.describe();
  assert.deepEqual(columns.map(({ name }) => name), ['id', 'name']);
});

test('a query is cancelled', async () => {
  const query = sql`SELECT sum((a.i * b.i * c.i) % 7) FROM generate_series(1, 100000) a(i), generate_series(1, 100000) b(i), generate_series(1, 1000) c(i)`;
  const begun = Date.now();
  const answer = assert.rejects(query, { code: '57014' });
  setTimeout(() => query.cancel(), 300);
  await answer;
  assert.ok(Date.now() - begun < 20_000);
});
