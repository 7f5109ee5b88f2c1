-- Tables of the shape that TPC-H has at scale factor 1: as many rows, the same ranges of values, and texts with the words
-- that its queries look for. The values come from hashes of numbers, so that whoever runs this text has the same ones.

-- A number from 0 to below `n`, for the row `id` and one of its columns.
CREATE OR REPLACE MACRO pick(id, salt, n) AS (hash(id * 64 + salt) % n)::BIGINT;

-- One of these, likewise.
CREATE OR REPLACE MACRO one_of(id, salt, words) AS words[1 + pick(id, salt, len(words))];

CREATE OR REPLACE MACRO prose() AS
    'slyly use even instructions foxes pending sleep excuses final bold special furiously deposits unusual integrate '
    'pinto-beans platelets wake requests courts theodolites are regular packages detect silent carefully quickly '
    'haggle ideas accounts boost asymptotes express nag fluffily blithely dolphins ironic dependencies even '
    'theodolites ideas boost silent slyly accounts dependencies nag platelets haggle final asymptotes quickly use '
    'carefully pending excuses bold ironic regular requests integrate special detect unusual wake are pinto-beans '
    'express courts instructions foxes dolphins packages deposits blithely sleep furiously fluffily deposits accounts '
    'pending detect quickly final boost ironic packages special dependencies even slyly haggle excuses asymptotes '
    'courts pinto-beans fluffily theodolites express dolphins foxes carefully nag are sleep blithely use unusual bold '
    'furiously integrate requests regular silent ideas wake instructions platelets boost regular carefully excuses '
    'nag accounts requests bold courts fluffily special asymptotes deposits detect silent express theodolites ideas '
    'pending quickly ironic slyly dolphins even unusual foxes wake integrate blithely haggle sleep packages '
    'pinto-beans instructions use dependencies final furiously platelets are';

-- A piece of it.
CREATE OR REPLACE MACRO comment(id, salt, shortest, longest) AS
    substr(prose(), 1 + pick(id, salt, 1151), shortest + pick(id, salt + 1, longest - shortest + 1));

CREATE OR REPLACE MACRO money(id, salt, least, greatest) AS
    ((least * 100 + pick(id, salt, (greatest - least) * 100 + 1)) / 100)::DECIMAL(15, 2);

CREATE OR REPLACE MACRO phone(id, salt, nation) AS format('{}-{}-{}-{}', nation + 10, 100 + pick(id, salt, 900),
    100 + pick(id, salt + 1, 900), 1000 + pick(id, salt + 2, 9000));

CREATE OR REPLACE MACRO retail_price(part) AS
    ((90000 + (part // 10) % 20001 + 100 * (part % 1000)) / 100)::DECIMAL(15, 2);

-- The `nth` of the four suppliers of a part.
CREATE OR REPLACE MACRO supplier_of(part, nth) AS (part + nth * (2500 + (part - 1) // 10000)) % 10000 + 1;

CREATE OR REPLACE TABLE region AS
SELECT i::INTEGER AS r_regionkey, ['AFRICA', 'AMERICA', 'ASIA', 'EUROPE', 'MIDDLE EAST'][i + 1] AS r_name,
    comment(i, 0, 31, 115) AS r_comment
FROM range(5) t(i);

CREATE OR REPLACE TABLE nation AS
SELECT i::INTEGER AS n_nationkey,
    ['ALGERIA', 'ARGENTINA', 'BRAZIL', 'CANADA', 'EGYPT', 'ETHIOPIA', 'FRANCE', 'GERMANY', 'INDIA', 'INDONESIA', 'IRAN', 'IRAQ',
     'JAPAN', 'JORDAN', 'KENYA', 'MOROCCO', 'MOZAMBIQUE', 'PERU', 'CHINA', 'ROMANIA', 'SAUDI ARABIA', 'VIETNAM', 'RUSSIA',
     'UNITED KINGDOM', 'UNITED STATES'][i + 1] AS n_name,
    [0, 1, 1, 1, 4, 0, 3, 3, 2, 2, 4, 4, 2, 4, 0, 0, 0, 1, 2, 3, 4, 2, 3, 3, 1][i + 1]::INTEGER AS n_regionkey,
    comment(i, 0, 31, 114) AS n_comment
FROM range(25) t(i);

CREATE OR REPLACE TABLE supplier AS
SELECT i AS s_suppkey, format('Supplier#{:09d}', i) AS s_name, left(md5(i::VARCHAR), 10 + pick(i, 0, 22)) AS s_address,
    pick(i, 1, 25)::INTEGER AS s_nationkey, phone(i, 2, pick(i, 1, 25)) AS s_phone, money(i, 5, -999, 9999) AS s_acctbal,
    CASE WHEN i % 2000 = 7 THEN 'Customer ' || comment(i, 6, 5, 40) || ' Complaints' ELSE comment(i, 6, 25, 100) END AS s_comment
FROM range(1, 10001) t(i);

CREATE OR REPLACE TABLE part AS
SELECT i AS p_partkey,
    concat_ws(' ', one_of(i, 0, colours), one_of(i, 1, colours), one_of(i, 2, colours), one_of(i, 3, colours),
        one_of(i, 4, colours)) AS p_name,
    'Manufacturer#' || (1 + pick(i, 5, 5)) AS p_mfgr, format('Brand#{}{}', 1 + pick(i, 5, 5), 1 + pick(i, 6, 5)) AS p_brand,
    concat_ws(' ', one_of(i, 7, ['STANDARD', 'SMALL', 'MEDIUM', 'LARGE', 'ECONOMY', 'PROMO']),
        one_of(i, 8, ['ANODIZED', 'BURNISHED', 'PLATED', 'POLISHED', 'BRUSHED']),
        one_of(i, 9, ['TIN', 'NICKEL', 'BRASS', 'STEEL', 'COPPER'])) AS p_type,
    (1 + pick(i, 10, 50))::INTEGER AS p_size,
    concat_ws(' ', one_of(i, 11, ['SM', 'LG', 'MED', 'JUMBO', 'WRAP']),
        one_of(i, 12, ['CASE', 'BOX', 'BAG', 'JAR', 'PKG', 'PACK', 'CAN', 'DRUM'])) AS p_container,
    retail_price(i) AS p_retailprice, comment(i, 13, 5, 22) AS p_comment
FROM range(1, 200001) t(i), (SELECT ['almond', 'antique', 'aquamarine', 'azure', 'beige', 'bisque', 'black', 'blanched', 'blue',
    'blush', 'brown', 'burlywood', 'burnished', 'chartreuse', 'chiffon', 'chocolate', 'coral', 'cornflower', 'cornsilk', 'cream',
    'cyan', 'dark', 'deep', 'dim', 'dodger', 'drab', 'firebrick', 'floral', 'forest', 'frosted', 'gainsboro', 'ghost',
    'goldenrod', 'green', 'grey', 'honeydew', 'hot', 'indian', 'ivory', 'khaki', 'lace', 'lavender', 'lawn', 'lemon', 'light',
    'lime', 'linen', 'magenta', 'maroon', 'medium', 'metallic', 'midnight', 'mint', 'misty', 'moccasin', 'navajo', 'navy', 'olive',
    'orange', 'orchid', 'pale', 'papaya', 'peach', 'peru', 'pink', 'plum', 'powder', 'puff', 'purple', 'red', 'rose', 'rosy',
    'royal', 'saddle', 'salmon', 'sandy', 'seashell', 'sienna', 'sky', 'slate', 'smoke', 'snow', 'spring', 'steel', 'tan',
    'thistle', 'tomato', 'turquoise', 'violet', 'wheat', 'white', 'yellow'] AS colours);

CREATE OR REPLACE TABLE partsupp AS
SELECT part AS ps_partkey, supplier_of(part, nth) AS ps_suppkey, (1 + pick(part * 4 + nth, 0, 9999))::INTEGER AS ps_availqty,
    money(part * 4 + nth, 1, 1, 1000) AS ps_supplycost,
    comment(part * 4 + nth, 2, 49, 119) AS ps_comment
FROM range(1, 200001) p(part), range(4) s(nth);

CREATE OR REPLACE TABLE customer AS
SELECT i AS c_custkey, format('Customer#{:09d}', i) AS c_name, left(md5(i::VARCHAR), 10 + pick(i, 0, 22)) AS c_address,
    pick(i, 1, 25)::INTEGER AS c_nationkey, phone(i, 2, pick(i, 1, 25)) AS c_phone, money(i, 5, -999, 9999) AS c_acctbal,
    one_of(i, 6, ['AUTOMOBILE', 'BUILDING', 'FURNITURE', 'MACHINERY', 'HOUSEHOLD']) AS c_mktsegment,
    comment(i, 7, 29, 116) AS c_comment
FROM range(1, 150001) t(i);

-- Of 32 keys of orders eight are in use.
CREATE OR REPLACE TABLE lineitem AS
WITH ordered AS (SELECT i, (i // 8) * 32 + i % 8 AS l_orderkey, DATE '1992-01-01' + pick(i, 0, 2406)::INTEGER AS ordered_on,
        unnest(range(1, 2 + pick(i, 1, 7)))::INTEGER AS l_linenumber
    FROM range(1, 1500001) t(i)),
lines AS (SELECT *, i * 8 + l_linenumber AS line, 1 + pick(i * 8 + l_linenumber, 2, 200000) AS l_partkey,
        1 + pick(i * 8 + l_linenumber, 3, 50) AS quantity, ordered_on + (1 + pick(i * 8 + l_linenumber, 4, 121))::INTEGER AS shipped
    FROM ordered),
received AS (SELECT *, shipped + (1 + pick(line, 5, 30))::INTEGER AS received_on FROM lines)
SELECT l_orderkey, l_partkey, supplier_of(l_partkey, pick(line, 6, 4)) AS l_suppkey, l_linenumber,
    quantity::DECIMAL(15, 2) AS l_quantity, (quantity * retail_price(l_partkey))::DECIMAL(15, 2) AS l_extendedprice,
    (pick(line, 7, 11) / 100)::DECIMAL(15, 2) AS l_discount, (pick(line, 8, 9) / 100)::DECIMAL(15, 2) AS l_tax,
    CASE WHEN received_on > DATE '1995-06-17' THEN 'N' WHEN pick(line, 9, 2) = 0 THEN 'R' ELSE 'A' END AS l_returnflag,
    CASE WHEN shipped > DATE '1995-06-17' THEN 'O' ELSE 'F' END AS l_linestatus, shipped AS l_shipdate,
    ordered_on + (30 + pick(line, 10, 61))::INTEGER AS l_commitdate, received_on AS l_receiptdate,
    one_of(line, 11, ['DELIVER IN PERSON', 'COLLECT COD', 'NONE', 'TAKE BACK RETURN']) AS l_shipinstruct,
    one_of(line, 12, ['REG AIR', 'AIR', 'RAIL', 'SHIP', 'TRUCK', 'MAIL', 'FOB']) AS l_shipmode, comment(line, 13, 10, 43) AS l_comment
FROM received;

-- A third of the customers has no orders.
CREATE OR REPLACE TABLE orders AS
WITH totals AS (SELECT l_orderkey, sum(l_extendedprice * (1 + l_tax) * (1 - l_discount))::DECIMAL(15, 2) AS total,
        count(*) FILTER (l_linestatus = 'F') AS shipped, count(*) AS lines
    FROM lineitem GROUP BY l_orderkey)
SELECT (i // 8) * 32 + i % 8 AS o_orderkey, pick(i, 20, 50000) * 3 + 1 + pick(i, 21, 2) AS o_custkey,
    CASE WHEN shipped = lines THEN 'F' WHEN shipped = 0 THEN 'O' ELSE 'P' END AS o_orderstatus, total AS o_totalprice,
    DATE '1992-01-01' + pick(i, 0, 2406)::INTEGER AS o_orderdate,
    one_of(i, 22, ['1-URGENT', '2-HIGH', '3-MEDIUM', '4-NOT SPECIFIED', '5-LOW']) AS o_orderpriority,
    format('Clerk#{:09d}', 1 + pick(i, 23, 1000)) AS o_clerk, 0::INTEGER AS o_shippriority,
    CASE WHEN pick(i, 24, 80) = 0 THEN comment(i, 25, 5, 30) || ' special ' || comment(i, 27, 5, 20) || ' requests'
        ELSE comment(i, 25, 19, 78) END AS o_comment
FROM range(1, 1500001) t(i), totals WHERE l_orderkey = (i // 8) * 32 + i % 8 ORDER BY i;
