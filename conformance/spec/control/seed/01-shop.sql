CREATE SCHEMA shop;
CREATE TABLE shop.orders (
    id INTEGER PRIMARY KEY,
    total DECIMAL(9, 2),
    state VARCHAR DEFAULT 'new'
);
CREATE SEQUENCE shop.ids START 3;
