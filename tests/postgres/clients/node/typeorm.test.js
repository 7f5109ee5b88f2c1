// TypeORM: what it has made of entities is what it finds again.

import 'reflect-metadata';

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { DataSource, EntitySchema } from 'typeorm';

const Author = new EntitySchema({
  name: 'Author',
  schema: 'books',
  tableName: 'author',
  columns: {
    id: { type: 'int', primary: true, generated: 'increment' },
    name: { type: 'varchar' },
    born: { type: 'date', nullable: true },
    fee: { type: 'numeric', precision: 12, scale: 2, nullable: true },
  },
});
const Book = new EntitySchema({
  name: 'Book',
  schema: 'books',
  tableName: 'book',
  columns: {
    id: { type: 'bigint', primary: true, generated: 'increment' },
    title: { type: 'varchar' },
    pages: { type: 'int', default: 0 },
    details: { type: 'json', nullable: true },
    isOut: { type: 'boolean', default: false },
  },
  // It would add the key by ALTER TABLE, which DuckDB does not do.
  relations: { author: { type: 'many-to-one', target: 'Author', joinColumn: { name: 'author_id' }, createForeignKeyConstraints: false } },
  indices: [{ name: 'book_by_title', columns: ['title'] }],
});

const source = new DataSource({ type: 'postgres', url: process.env.DATABASE_URL, schema: 'books', entities: [Author, Book], installExtensions: false });

before(async () => {
  await source.initialize();
  await source.query('CREATE SCHEMA books');
  await source.synchronize();
});
after(() => source.destroy());

// Defaults are DuckDB's texts there, which it does not take for those that it has made (PW-40).
test('nothing but defaults is left to be changed', async () => {
  const { upQueries } = await source.driver.createSchemaBuilder().log();
  assert.deepEqual(upQueries.map(({ query }) => query).filter((query) => !/ DEFAULT|SEQUENCE/.test(query)), []);
});

test('entities are saved and found', async () => {
  const authors = source.getRepository(Author);
  const ada = await authors.save({ name: 'Ada', born: '1815-12-10', fee: '10.50' });
  await source.getRepository(Book).save([{ title: 'Notes', pages: 65, author: ada, details: { a: [1] } }, { title: 'Letters', author: ada }]);
  const found = await source.getRepository(Book).find({ relations: { author: true }, order: { id: 'ASC' } });
  assert.deepEqual(found.map(({ id, title, pages, isOut, details, author }) => [id, title, pages, isOut, details, author.name, author.fee]), [
    ['1', 'Notes', 65, false, { a: [1] }, 'Ada', '10.50'],
    ['2', 'Letters', 0, false, null, 'Ada', '10.50'],
  ]);
  await source.getRepository(Book).update({ title: 'Letters' }, { pages: 7 });
  const { total } = await source.getRepository(Book).createQueryBuilder('b').select('sum(b.pages)::int', 'total').getRawOne();
  assert.equal(total, 72);
});

test('a transaction is rolled back', async () => {
  await assert.rejects(source.transaction(async (manager) => {
    await manager.save(Author, { name: 'Alan' });
    throw new Error('no more');
  }), /no more/);
  assert.equal(await source.getRepository(Author).count(), 1);
});
