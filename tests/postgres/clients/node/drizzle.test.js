// drizzle-kit pull reads a schema; drizzle-orm uses it.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';

import { eq, sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { bigint, pgSchema, text } from 'drizzle-orm/pg-core';
import pg from 'pg';

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
let folder;

before(async () => {
  folder = await mkdtemp(join(import.meta.dirname, 'pulled-'));
  await pool.query(`CREATE SCHEMA farm;
    CREATE TYPE farm.kind AS ENUM ('crop', 'animal');
    CREATE TABLE farm.fields (id bigint PRIMARY KEY, name text NOT NULL, kind farm.kind, area numeric(10,2) DEFAULT 1, seen timestamptz, tags text[]);
    CREATE TABLE farm.harvests (id int PRIMARY KEY, field_id bigint NOT NULL REFERENCES farm.fields (id), weight float8, CHECK (weight > 0));
    CREATE UNIQUE INDEX fields_by_name ON farm.fields (name);
    CREATE VIEW farm.large AS SELECT id, name FROM farm.fields WHERE area > 10`);
});
after(async () => {
  await pool.end();
  await rm(folder, { recursive: true });
});

test('drizzle-kit pull writes the schema', async () => {
  const config = { dialect: 'postgresql', out: folder, schemaFilter: ['farm'], dbCredentials: { url: process.env.DATABASE_URL } };
  await writeFile(join(folder, 'drizzle.config.json'), JSON.stringify(config));
  const program = join(import.meta.dirname, 'node_modules', 'drizzle-kit', 'bin.cjs');
  await promisify(execFile)(process.execPath, [program, 'pull', `--config=${join(folder, 'drizzle.config.json')}`]);
  const pulled = await readFile(join(folder, 'schema.ts'), 'utf8');
  for (const part of [
    'farm = pgSchema("farm")',
    'kindInFarm = farm.enum("kind", [\'crop\', \'animal\'])',
    'name: text().notNull()',
    'numeric({ precision: 10, scale:  2 })',
    'timestamp({ withTimezone: true, mode: \'string\' })',
    'tags: text().array()',
    'fieldId: bigint("field_id", { mode: "number" }).notNull()',
    'doublePrecision()',
    'uniqueIndex("fields_by_name")',
    'foreignColumns: [fieldsInFarm.id]',
    'check(',
    'farm.view("large"',
  ]) {
    assert.ok(pulled.includes(part) || pulled.replaceAll('varchar', 'text').includes(part), `${part}\n${pulled}`);
  }
});

test('drizzle-orm reads and writes', async () => {
  const db = drizzle(pool);
  const fields = pgSchema('farm').table('fields', { id: bigint({ mode: 'number' }).primaryKey(), name: text().notNull() });
  await db.insert(fields).values([{ id: 1, name: 'north' }, { id: 2, name: 'south' }]);
  assert.deepEqual(await db.insert(fields).values({ id: 3, name: 'east' }).returning(), [{ id: 3, name: 'east' }]);
  await db.update(fields).set({ name: 'west' }).where(eq(fields.id, 3));
  assert.deepEqual(await db.select().from(fields).where(sql`${fields.name} like 'w%'`), [{ id: 3, name: 'west' }]);
  await assert.rejects(db.transaction(async (tx) => {
    await tx.delete(fields).where(eq(fields.id, 1));
    tx.rollback();
  }));
  assert.equal(await db.$count(fields), 3);
});
