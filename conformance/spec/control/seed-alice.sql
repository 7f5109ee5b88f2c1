CREATE TABLE of_alice AS SELECT count(*) AS orders FROM shop.orders;
