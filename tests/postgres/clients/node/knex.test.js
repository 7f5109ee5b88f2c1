// knex: its schema builder and migrations.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import createKnex from 'knex';

const knex = createKnex({ client: 'pg', connection: process.env.DATABASE_URL, searchPath: ['stock'], pool: { min: 0, max: 3 } });

class Migrations {
  async getMigrations() {
    return ['first', 'second'];
  }

  getMigrationName(name) {
    return name;
  }

  async getMigration(name) {
    return {
      first: {
        up: (db) =>
          db.schema
            .createTable('makers', (table) => {
              table.increments('id');
              table.string('name', 80).notNullable();
              // As a constraint it is added by ALTER TABLE, which DuckDB does not do.
              table.unique(['name'], { useConstraint: false });
              table.timestamps(true, true);
            })
            .createTable('parts', (table) => {
              table.bigIncrements('id');
              table.integer('maker_id').notNullable();
              table.decimal('price', 10, 2).defaultTo(0);
              table.boolean('is_sold').notNullable().defaultTo(false);
              table.json('details');
              table.uuid('code');
              table.index(['maker_id', 'price'], 'parts_by_maker');
            }),
        down: (db) => db.schema.dropTable('parts').dropTable('makers'),
      },
      second: {
        up: (db) => db.schema.createTable('notes', (table) => table.text('words')),
        down: (db) => db.schema.dropTable('notes'),
      },
    }[name];
  }
}

before(() => knex.raw('CREATE SCHEMA stock'));
after(() => knex.destroy());

test('migrations go up once', async () => {
  const migrationSource = new Migrations();
  assert.deepEqual((await knex.migrate.latest({ migrationSource }))[1], ['first', 'second']);
  assert.deepEqual((await knex.migrate.latest({ migrationSource }))[1], []);
  assert.deepEqual([await knex.schema.hasTable('parts'), await knex.schema.hasTable('nothing')], [true, false]);
  assert.deepEqual([await knex.schema.hasColumn('parts', 'price'), await knex.schema.hasColumn('parts', 'nothing')], [true, false]);
});

test('columns are described', async () => {
  const columns = await knex('parts').columnInfo();
  assert.deepEqual(Object.fromEntries(Object.entries(columns).map(([name, { type, nullable }]) => [name, [type, nullable]])), {
    id: ['bigint', false],
    maker_id: ['integer', false],
    price: ['numeric', true],
    is_sold: ['boolean', false],
    details: ['json', true],
    code: ['uuid', true],
  });
});

test('rows are written and read', async () => {
  const [{ id }] = await knex('makers').insert({ name: 'Ada' }).returning('id');
  assert.equal(id, 1);
  await knex.batchInsert('parts', Array.from({ length: 100 }, (_, i) => ({ maker_id: id, price: i, details: { i } })), 30);
  assert.deepEqual(await knex('parts').count({ n: '*' }).sum({ total: 'price' }), [{ n: '100', total: '4950.00' }]);
  const found = await knex('parts as p').join('makers as m', 'm.id', 'p.maker_id').where('p.price', '>', 97).orderBy('p.id').select('p.id', 'm.name', 'p.details');
  assert.deepEqual(found, [
    { id: '99', name: 'Ada', details: { i: 98 } },
    { id: '100', name: 'Ada', details: { i: 99 } },
  ]);
  await knex('makers').insert({ id: 1, name: 'Augusta' }).onConflict('id').merge(['name']).catch((error) => assert.fail(error));
  assert.deepEqual(await knex('makers').pluck('name'), ['Augusta']);
  await assert.rejects(knex.transaction((tx) => tx('makers').insert({ name: 'Augusta' })), { code: '23505' });
  assert.equal(await knex('parts').where({ is_sold: false }).whereIn('id', [1, 2]).update({ is_sold: true }), 2);
});
