-- Runs when the data is there.
CREATE VIEW shop.paid AS
SELECT o.id, o.total FROM shop.orders o
WHERE o.id IN (SELECT (properties ->> 'order')::INTEGER FROM product_analytics.main.events WHERE event = 'paid');
CREATE TABLE shop.sums AS SELECT sum(total) AS total FROM shop.orders;
