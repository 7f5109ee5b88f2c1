// Sequelize: models, synchronised, and what it reads of tables.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { DataTypes, Op, Sequelize } from 'sequelize';

const sequelize = new Sequelize(process.env.DATABASE_URL, { logging: false, schema: 'sale', define: { schema: 'sale' } });
const Customer = sequelize.define('Customer', {
  name: { type: DataTypes.STRING(80), allowNull: false, unique: true },
  balance: { type: DataTypes.DECIMAL(12, 2), defaultValue: 0 },
  since: DataTypes.DATEONLY,
  tags: DataTypes.ARRAY(DataTypes.STRING),
  details: DataTypes.JSON,
});
const Order = sequelize.define('Order', { total: { type: DataTypes.DOUBLE, allowNull: false } }, { indexes: [{ fields: ['total'] }] });
Customer.hasMany(Order, { onDelete: 'NO ACTION', onUpdate: 'NO ACTION' });
Order.belongsTo(Customer, { onDelete: 'NO ACTION', onUpdate: 'NO ACTION' });

before(async () => {
  await sequelize.authenticate();
  await sequelize.createSchema('sale', {});
  await sequelize.sync();
});
after(() => sequelize.close());

test('tables are made once, and described', async () => {
  await sequelize.sync();
  const columns = await sequelize.getQueryInterface().describeTable({ tableName: 'Customers', schema: 'sale' });
  const shown = Object.fromEntries(Object.entries(columns).map(([name, { allowNull, primaryKey }]) => [name, [allowNull, primaryKey]]));
  assert.deepEqual(shown, {
    id: [false, true],
    name: [false, false],
    balance: [true, false],
    since: [true, false],
    tags: [true, false],
    details: [true, false],
    createdAt: [false, false],
    updatedAt: [false, false],
  });
  const indexes = await sequelize.getQueryInterface().showIndex({ tableName: 'Orders', schema: 'sale' });
  assert.deepEqual(indexes.filter(({ primary }) => !primary).map(({ fields }) => fields.map(({ attribute }) => attribute)), [['total']]);
  const schemas = await sequelize.showAllSchemas();
  assert.ok(schemas.includes('sale'), JSON.stringify(schemas));
});

test('rows are written and read with those they belong to', async () => {
  const ada = await Customer.create({ name: 'Ada', balance: '12.50', since: '2024-02-29', tags: ['a', 'b c'], details: { x: [1] } });
  assert.equal(ada.id, 1);
  // `bulkCreate` writes its times into the statement, where DuckDB takes ` +00:00` for the name of a zone.
  for (const total of [1.5, 2.5]) await Order.create({ total, CustomerId: ada.id });
  const found = await Customer.findOne({ where: { name: { [Op.like]: 'A%' } }, include: Order, order: [[Order, 'id', 'ASC']] });
  assert.deepEqual([found.balance, found.since, found.tags, found.details, found.Orders.map(({ total }) => total)], [
    '12.50', '2024-02-29', ['a', 'b c'], { x: [1] }, [1.5, 2.5],
  ]);
  assert.equal(await Order.sum('total'), 4);
  assert.deepEqual(await Order.findAndCountAll({ limit: 1, order: ['id'] }).then(({ count, rows }) => [count, rows.length]), [2, 1]);
  await assert.rejects(Customer.create({ name: 'Ada' }), { name: 'SequelizeUniqueConstraintError' });
});

test('a transaction is rolled back', async () => {
  await assert.rejects(
    sequelize.transaction(async (transaction) => {
      await Customer.create({ name: 'Alan' }, { transaction });
      throw new Error('no more');
    }),
    /no more/,
  );
  assert.equal(await Customer.count(), 1);
});
