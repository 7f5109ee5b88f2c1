"""Statements of every kind of nesting, by depth: what a text or a value must not do to a thread's stack.

`FAMILIES` maps a name to a function from a depth to a list of statements, of which the last is the deep one. Statements
that build a deep value with repeat() are short at any depth; the others are as long as they are deep.

Run as a program it tries each family on a `duckdb` package, each probe in a process of its own, and tells what ends it:

    python depth_families.py --stack 256 [--only GLOB] [--depths 100,1000,10000]
"""

# ruff: noqa: E501 (a statement reads better in one line)
from __future__ import annotations

import argparse
import fnmatch
import json
import subprocess
import sys
import time
from collections.abc import Callable

Family = Callable[[int], "list[str]"]
FAMILIES: dict[str, Family] = {}


def add(name: str, make: Callable[[int], str | list[str]]) -> None:
    def made(depth: int) -> list[str]:
        statements = make(depth)
        return [statements] if isinstance(statements, str) else statements

    FAMILIES[name] = made


# Deep JSON as an expression of SQL, short at any depth.
def arrays(depth: int) -> str:
    return f"(repeat('[', {depth}) || repeat(']', {depth}))"


def objects(depth: int) -> str:
    return f"""(repeat('{{"a":', {depth}) || '1' || repeat('}}', {depth}))"""


# ---- values: JSON text that nests ----
ONE_ARGUMENT = [
    "json",
    "json_valid",
    "json_pretty",
    "json_structure",
    "json_type",
    "json_keys",
    "json_array_length",
    "json_quote",
    "to_json",
    "json_serialize_sql",
    "json_deserialize_sql",
    "json_array",
    "json_group_array",
    "json_group_structure",
    "length",
    "hash",
    "md5",
    "row_to_json",
    "array_to_json",
]
for shape_name, shape in (("arrays", arrays), ("objects", objects)):
    for name in ONE_ARGUMENT:
        add(f"value_{name}_{shape_name}", lambda n, f=name, s=shape: f"SELECT length({f}({s(n)})::VARCHAR)")
        add(f"value_{name}_json_{shape_name}", lambda n, f=name, s=shape: f"SELECT length({f}({s(n)}::JSON)::VARCHAR)")
    for name, call in {
        "json_group_object": "json_group_object('k', {})",
        "json_object": "json_object('k', {})",
        "json_object_json": "json_object('k', {}::JSON)",
        "json_merge_patch": "json_merge_patch({0}, {0})",
        "json_merge_patch_left": "json_merge_patch({0}, '{{\"b\":1}}')",
        "json_merge_patch_right": "json_merge_patch('{{\"b\":1}}', {0})",
        "json_contains": "json_contains({0}, {0})",
        "json_contains_leaf": "json_contains({0}, '7')",
        "json_extract": "json_extract({0}, '$')",
        "json_extract_recursive": "json_extract({0}, '$..a')",
        "json_extract_wildcard": "json_extract({0}, '$.*')",
        "json_extract_list_wildcard": "json_extract({0}, '$[*]')",
        "json_extract_string": "json_extract_string({0}, '$')",
        "json_extract_list": "json_extract({0}, ['$','$.a','$[0]'])",
        "json_value": "json_value({0}, '$')",
        "json_exists": "json_exists({0}, '$..b')",
        "json_transform_json": "json_transform({0}, '\"JSON\"')",
        "json_transform_varchar": "json_transform({0}, '\"VARCHAR\"')",
        "json_transform_list": "json_transform({0}, '[\"JSON\"]')",
        "json_transform_list_varchar": "json_transform({0}, '[\"VARCHAR\"]')",
        "json_transform_struct": 'json_transform({0}, \'{{"a":"JSON"}}\')',
        "json_transform_structure": "json_transform('[]', {0})",
        "json_transform_both": "json_transform({0}, {1})",
        "json_transform_strict": "json_transform_strict({0}, '\"JSON\"')",
        "from_json": "from_json({0}, '[\"JSON\"]')",
        "from_json_structure": "from_json('[]', {0})",
        "cast_json": "{0}::JSON",
        "cast_variant": "{0}::JSON::VARIANT",
        "cast_variant_varchar": "{0}::VARIANT::VARCHAR",
        "cast_variant_back": "{0}::JSON::VARIANT::JSON",
        "variant_typeof": "variant_typeof({0}::JSON::VARIANT)",
        "cast_list": "{0}::JSON::VARCHAR[]",
        "cast_list_json": "{0}::JSON::JSON[]",
        "cast_struct": "{0}::JSON::STRUCT(a JSON)",
        "cast_struct_varchar": "{0}::JSON::STRUCT(a VARCHAR)",
        "cast_map": "{0}::JSON::MAP(VARCHAR, JSON)",
        "text_list": "{0}::VARCHAR[]",
        "text_list_list": "{0}::VARCHAR[][][]",
        "text_struct": "{0}::STRUCT(a VARCHAR)",
        "text_map": "{0}::MAP(VARCHAR, VARCHAR)",
        "try_text_list": "TRY_CAST({0} AS INTEGER[])",
        "text_union": "{0}::JSON::UNION(a VARCHAR, b INTEGER)",
        "text_variant": "{0}::VARIANT",
        "arrow": "{0}::JSON -> '$'",
        "arrow_chain": "{0}::JSON -> 0 -> 0 -> 'a'",
        "json_strip": "json_strip_nulls({0})",
        "json_sort": "{0}::JSON < {0}::JSON",
    }.items():
        add(
            f"value_{name}_{shape_name}",
            lambda n, c=call, s=shape: (
                "SELECT length((" + c.format(s(n), s(n).replace("'1'", "'\"INTEGER\"'")) + ")::VARCHAR)"
            ),
        )
    for name in ("json_each", "json_tree"):
        add(f"value_{name}_{shape_name}", lambda n, f=name, s=shape: f"SELECT count(*) FROM {f}({s(n)})")
    add(
        f"value_column_structure_{shape_name}",
        lambda n, s=shape: [f"CREATE TABLE t AS SELECT {s(n)} AS j", "SELECT length(json_structure(j)) FROM t"],
    )
    add(
        f"value_column_variant_{shape_name}",
        lambda n, s=shape: [f"CREATE TABLE t AS SELECT {s(n)}::JSON AS j", "SELECT length(j::VARIANT::VARCHAR) FROM t"],
    )
    add(
        f"value_column_insert_variant_{shape_name}",
        lambda n, s=shape: ["CREATE TABLE t (v VARIANT)", f"INSERT INTO t SELECT {s(n)}::JSON"],
    )
    # Schema inference over a deep file is the file's variant of json_structure.
    add(
        f"file_read_json_{shape_name}",
        lambda n, s=shape: [
            f"COPY (SELECT {s(n)} AS j) TO 'deep.json' (FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\t')",
            "SELECT count(*) FROM read_json('deep.json', maximum_object_size=1000000000)",
        ],
    )
    add(
        f"file_read_json_depth_{shape_name}",
        lambda n, s=shape: [
            f"COPY (SELECT {s(n)} AS j) TO 'deep.json' (FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\t')",
            "SELECT count(*) FROM read_json('deep.json', maximum_object_size=1000000000, maximum_depth=3)",
        ],
    )
    add(
        f"file_read_json_column_{shape_name}",
        lambda n, s=shape: [
            f"COPY (SELECT '{{\"j\":' || {s(n)} || '}}') TO 'deep.json' (FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\t')",
            "SELECT sum(length(j::VARCHAR)) FROM read_json('deep.json', maximum_object_size=1000000000, columns={j:'JSON'})",
        ],
    )
    add(
        f"file_read_json_objects_{shape_name}",
        lambda n, s=shape: [
            f"COPY (SELECT {s(n)} AS j) TO 'deep.json' (FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\t')",
            "SELECT sum(length(json)) FROM read_json_objects('deep.json', maximum_object_size=1000000000)",
        ],
    )
    add(
        f"file_read_csv_{shape_name}",
        lambda n, s=shape: [
            f"COPY (SELECT {s(n)} AS j, 1 AS b) TO 'deep.csv'",
            "SELECT count(j) FROM read_csv('deep.csv', max_line_size=100000000)",
        ],
    )

add("value_text_list_braces", lambda n: f"SELECT length((repeat('{{', {n}) || repeat('}}', {n}))::VARCHAR[]::VARCHAR)")
add(
    "value_text_list_quotes",
    lambda n: f"SELECT length((repeat('(', {n}) || repeat(')', {n}))::STRUCT(a VARCHAR)::VARCHAR)",
)
add("value_json_path_long", lambda n: f"SELECT json_extract('{{}}', '$' || repeat('.a', {n}))")
add("value_json_path_index", lambda n: f"SELECT json_extract('[]', '$' || repeat('[0]', {n}))")
add("value_json_path_wild", lambda n: f"SELECT json_extract({arrays(10)}, '$' || repeat('[*]', {n}))")
add("value_json_path_recursive", lambda n: f"SELECT json_extract('{{}}', '$' || repeat('..a', {n}))")
add("value_json_path_deep", lambda n: f"SELECT length(json_extract({arrays(n)}, '$' || repeat('[0]', {n} - 1)))")
add(
    "value_json_path_wild_deep",
    lambda n: f"SELECT length(json_extract({arrays(n)}, '$' || repeat('[*]', {n} - 1))::VARCHAR)",
)
add("value_regexp_parens", lambda n: f"SELECT regexp_matches('a', repeat('(', {n}) || 'a' || repeat(')', {n}))")
add("value_regexp_stars", lambda n: f"SELECT regexp_matches('a', repeat('(?:a*', {n}) || repeat(')*', {n}))")
add("value_regexp_concat", lambda n: f"SELECT regexp_matches('a', repeat('a?', {n}))")
add("value_regexp_alternate", lambda n: f"SELECT regexp_matches('a', repeat('a|', {n}) || 'b')")
add("value_like", lambda n: f"SELECT repeat('a', {n}) LIKE repeat('%a', {n}) || '_'")
add("value_like_escape", lambda n: f"SELECT repeat('a', {n}) LIKE repeat('_', {n}) ESCAPE '\\'")
add("value_ilike", lambda n: f"SELECT repeat('a', {n}) ILIKE repeat('%', {n}) || 'b'")
add("value_similar", lambda n: f"SELECT repeat('a', {n}) SIMILAR TO repeat('(a', {n}) || repeat(')', {n})")
add("value_glob", lambda n: f"SELECT repeat('a', {n}) GLOB repeat('*a', {n}) || 'b'")
add("value_glob_class", lambda n: f"SELECT 'a' GLOB repeat('[a', {n})")
add("value_printf", lambda n: f"SELECT length(printf(repeat('%s', {n}), 'a'))")
add("value_format", lambda n: f"SELECT length(format(repeat('{{}}', {n}), 'a'))")
add("value_format_nested", lambda n: f"SELECT length(format(repeat('{{:', {n}) || repeat('}}', {n}), 'a'))")
add("value_strptime", lambda n: f"SELECT strptime('1', repeat('%', {n}))")
add("value_query", lambda n: f"SELECT * FROM query('SELECT ' || repeat('(', {n}) || '1' || repeat(')', {n}))")
add("value_enum_text", lambda n: "SELECT 'x'::VARCHAR::BIGNUM")
add("value_timestamp", lambda n: f"SELECT TRY_CAST(repeat('1', {n}) AS TIMESTAMP)")
add("value_interval", lambda n: f"SELECT TRY_CAST(repeat('1 day ', {n}) AS INTERVAL)")
add("value_bignum", lambda n: f"SELECT length(repeat('1', {n})::BIGNUM::VARCHAR)")
add("value_levenshtein", lambda n: f"SELECT levenshtein(repeat('a', least({n}, 10000)), 'b')")
add("value_jaro", lambda n: f"SELECT jaro_similarity(repeat('a', least({n}, 10000)), 'b')")
add("value_type_text", lambda n: f"SELECT json_transform('[]', '\"' || 'INTEGER' || repeat('[]', {n}) || '\"')")
add(
    "value_type_text_struct",
    lambda n: f"SELECT json_transform('[]', '\"' || repeat('STRUCT(a ', {n}) || 'INTEGER' || repeat(')', {n}) || '\"')",
)
add(
    "value_read_csv_types",
    lambda n: [
        "COPY (SELECT 1 AS a) TO 'x.csv'",
        f"SELECT * FROM read_csv('x.csv', types={{'a': 'INTEGER' || repeat('[]', {n})}})",
    ],
)
add(
    "value_read_json_types",
    lambda n: [
        "COPY (SELECT 1 AS a) TO 'x.json'",
        f"SELECT * FROM read_json('x.json', columns={{'a': 'INTEGER' || repeat('[]', {n})}})",
    ],
)
add(
    "value_read_json_types_struct",
    lambda n: [
        "COPY (SELECT 1 AS a) TO 'x.json'",
        f"SELECT * FROM read_json('x.json', columns={{'a': repeat('STRUCT(a ', {n}) || 'INTEGER' || repeat(')', {n})}})",
    ],
)
add(
    "value_json_wkt",
    lambda n: f"SELECT TRY_CAST(repeat('GEOMETRYCOLLECTION(', {n}) || 'POINT(0 0)' || repeat(')', {n}) AS GEOMETRY)",
)
add(
    "value_wkb",
    lambda n: (
        f"SELECT length(st_geomfromwkb(unhex(repeat('010700000001000000', {n}) || '010100000000000000000000000000000000000000'))::VARCHAR)"
    ),
)
add(
    "value_wkb_cast",
    lambda n: (
        f"SELECT (unhex(repeat('010700000001000000', {n}) || '010100000000000000000000000000000000000000'))::GEOMETRY::VARCHAR"
    ),
)
add("value_search_path", lambda n: f"SELECT parse_path(repeat('/a', {n}))")
add("value_sql_tokenize", lambda n: f"SELECT * FROM sql_auto_complete(repeat('(', {n}) || 'SELECT ')")
add(
    "value_sql_serialize",
    lambda n: f"SELECT length(json_serialize_sql('SELECT ' || repeat('(', {n}) || '1' || repeat(')', {n})))",
)
add("value_sql_serialize_or", lambda n: f"SELECT length(json_serialize_sql('SELECT 1' || repeat(' + 1', {n})))")
add(
    "value_sql_serialize_subq",
    lambda n: f"SELECT length(json_serialize_sql(repeat('SELECT * FROM (', {n}) || 'SELECT 1' || repeat(')', {n})))",
)
add(
    "value_sql_serialize_plan",
    lambda n: f"SELECT length(json_serialize_plan(repeat('SELECT * FROM (', {n}) || 'SELECT 1' || repeat(')', {n})))",
)
add(
    "value_sql_deserialize",
    lambda n: (
        f"SELECT length(json_deserialize_sql(json_serialize_sql(repeat('SELECT * FROM (', {n}) || 'SELECT 1' || repeat(')', {n}))))"
    ),
)
add(
    "value_check_peg",
    lambda n: f"SELECT * FROM check_peg_parser('SELECT ' || repeat('(', {n}) || '1' || repeat(')', {n}))",
)


# ---- texts that nest ----
def nest(opening: str, middle: str, closing: str) -> Callable[[int], str]:
    return lambda n: opening * n + middle + closing * n


def select(opening: str, middle: str, closing: str, before: str = "SELECT ") -> Callable[[int], str]:
    return lambda n: before + opening * n + middle + closing * n


for name, parts in {
    "parens": ("(", "1", ")"),
    "abs": ("abs(", "1", ")"),
    "not": ("NOT ", "true", ""),
    "minus": ("- ", "1", ""),
    "plus": ("1+", "1", ""),
    "plus_right": ("1+(", "1", ")"),
    "concat": ("'a'||", "'b'", ""),
    "and": ("true AND ", "true", ""),
    "or": ("x=1 OR ", "true FROM (SELECT 1 AS x)", ""),
    "and_or": ("true AND (false OR ", "true", ")"),
    "or_distinct": ("true OR (x IS NULL AND ", "true", ")"),
    "case": ("CASE WHEN true THEN ", "1", " END"),
    "case_when": ("CASE WHEN ", "true", " THEN true END"),
    "case_else": ("CASE WHEN false THEN 1 ELSE ", "1", " END"),
    "list": ("[", "1", "]"),
    "row": ("row(", "1", ")"),
    "tuple": ("(1,", "1", ")"),
    "struct": ("{'a':", "1", "}"),
    "map": ("MAP {1:", "1", "}"),
    "cast": ("CAST(", "1", " AS INTEGER)"),
    "cast_postfix": ("", "1", "::INTEGER::VARCHAR"),
    "between": ("1 BETWEEN 0 AND ", "1", ""),
    "in": ("1 IN (", "1", ")"),
    "in_list": ("", "1 IN (1", ")"),
    "exists": ("EXISTS (SELECT ", "1", ")"),
    "subquery": ("(SELECT ", "1", ")"),
    "array_subquery": ("ARRAY(SELECT ", "1", ")"),
    "coalesce": ("coalesce(NULL,", "1", ")"),
    "list_transform": ("list_transform([1], x -> ", "1", ")"),
    "lambda": ("list_transform([1], lambda x: ", "1", ")"),
    "list_comprehension": ("[", "1", " for x in [1]]"),
    "list_subscript": ("", "[1]", "[1]"),
    "slice": ("", "[1]", "[1:1]"),
    "struct_access": ("", "{'a':1}", ".a"),
    "method_chain": ("", "'a'", ".upper()"),
    "collate": ("", "'a'", " COLLATE NOCASE"),
    "interval": ("INTERVAL (", "1", ") DAY"),
    "arrow_op": ("", "'[]'::JSON", "->0"),
    "is_null": ("", "1", " IS NULL"),
    "like_chain": ("", "'a'", " LIKE 'a'"),
    "power": ("2^", "1", ""),
    "comparison": ("", "1", " = 1"),
    "at_tz": ("", "now()", " AT TIME ZONE 'UTC'"),
    "positional": ("", "1", "**1"),
    "tilde": ("~", "1", ""),
    "columns": ("COLUMNS(", "*", ")"),
    "unpack": ("*", "COLUMNS(*)", ""),
    "window": ("sum(", "1", ") OVER ()"),
    "in_subquery": ("1 IN (SELECT ", "1", ")"),
    "any": ("1 = ANY(SELECT ", "1", ")"),
    "if": ("if(true,", "1", ",2)"),
    "list_value_concat": ("list_concat([1],", "[1]", ")"),
    "grouping": ("", "1 ORDER BY 1", ",1"),
    "brackets_type": ("", "NULL::INTEGER", "[]"),
    "array_type": ("", "NULL::INTEGER", "[1]"),
    "comments": ("/*", "1", "*/"),
    "unlist": ("unnest(", "[1]", ")"),
}.items():
    add(f"text_{name}", select(*parts))

add("text_type_struct", lambda n: "SELECT NULL::" + "STRUCT(a " * n + "INTEGER" + ")" * n)
add("text_type_map", lambda n: "SELECT NULL::" + "MAP(INTEGER, " * n + "INTEGER" + ")" * n)
add("text_type_union", lambda n: "SELECT NULL::" + "UNION(a " * n + "INTEGER" + ")" * n)
add("text_type_decl_list", lambda n: "CREATE TABLE t (a INTEGER" + "[]" * n + ")")
add("text_type_decl_struct", lambda n: "CREATE TABLE t (a " + "STRUCT(a " * n + "INTEGER" + "))" * 1 + ")" * n)
add("text_create_type_list", lambda n: "CREATE TYPE x AS INTEGER" + "[]" * n)
add("text_create_type_struct", lambda n: "CREATE TYPE x AS " + "STRUCT(a " * n + "INTEGER" + ")" * n)
add("text_type_describe", lambda n: "DESCRIBE SELECT NULL::INTEGER" + "[]" * n)
add("text_from_subquery", lambda n: "SELECT * FROM (" * n + "SELECT 1" + ")" * n)
add("text_from_first", lambda n: "FROM (" * n + "SELECT 1" + ")" * n)
add("text_from_parens", lambda n: "SELECT * FROM " + "(" * n + "range(1)" + ")" * n)
add("text_paren_select", lambda n: "(" * n + "SELECT 1" + ")" * n)
add("text_where_subquery", lambda n: "SELECT 1 WHERE EXISTS (" * n + "SELECT 1" + ")" * n)
add(
    "text_join",
    lambda n: "SELECT count(*) FROM range(1) t0" + "".join(f" JOIN range(1) t{i} USING (range)" for i in range(1, n)),
)
add("text_join_comma", lambda n: "SELECT count(*) FROM range(1) t0" + "".join(f", range(1) t{i}" for i in range(1, n)))
add(
    "text_join_left",
    lambda n: "SELECT count(*) FROM range(1) t0" + "".join(f" LEFT JOIN range(1) t{i} ON true" for i in range(1, n)),
)
add(
    "text_join_positional",
    lambda n: "SELECT count(*) FROM range(1) t0" + "".join(f" POSITIONAL JOIN range(1) t{i}" for i in range(1, n)),
)
add("text_join_paren", lambda n: "SELECT count(*) FROM " + "(range(1) CROSS JOIN " * n + "range(1)" + ")" * n)
add("text_join_values", lambda n: "SELECT 1 FROM (VALUES (1)) t" + " CROSS JOIN (VALUES (1))" * n)
add("text_union_all", lambda n: "SELECT 1" + " UNION ALL SELECT 1" * n)
add("text_union", lambda n: "SELECT 1" + " UNION SELECT 1" * n)
add("text_except", lambda n: "SELECT 1" + " EXCEPT SELECT 1" * n)
add("text_intersect", lambda n: "SELECT 1" + " INTERSECT SELECT 1" * n)
add("text_union_right", lambda n: "SELECT 1 UNION ALL (" * n + "SELECT 1" + ")" * n)
add("text_union_by_name", lambda n: "SELECT 1 AS a" + " UNION ALL BY NAME SELECT 1 AS a" * n)
add(
    "text_cte_chain",
    lambda n: (
        "WITH c0 AS (SELECT 1 AS x)"
        + "".join(f", c{i} AS (SELECT * FROM c{i - 1})" for i in range(1, n))
        + f" SELECT * FROM c{n - 1}"
    ),
)
add(
    "text_cte_chain_add",
    lambda n: (
        "WITH c0 AS (SELECT 1 AS x)"
        + "".join(f", c{i} AS (SELECT x+1 AS x FROM c{i - 1})" for i in range(1, n))
        + f" SELECT * FROM c{n - 1}"
    ),
)
add(
    "text_cte_materialized",
    lambda n: (
        "WITH c0 AS MATERIALIZED (SELECT 1 AS x)"
        + "".join(f", c{i} AS MATERIALIZED (SELECT x+1 AS x FROM c{i - 1})" for i in range(1, n))
        + f" SELECT * FROM c{n - 1}"
    ),
)
add(
    "text_cte_not_materialized",
    lambda n: (
        "WITH c0 AS NOT MATERIALIZED (SELECT 1 AS x)"
        + "".join(f", c{i} AS NOT MATERIALIZED (SELECT x+1 AS x FROM c{i - 1})" for i in range(1, n))
        + f" SELECT * FROM c{n - 1}"
    ),
)
add("text_cte_unused", lambda n: "WITH " + ", ".join(f"c{i} AS (SELECT 1)" for i in range(n)) + " SELECT 1")
add("text_cte_nested", lambda n: "WITH c AS (" * n + "SELECT 1" + ") SELECT * FROM c" * n)
add(
    "text_cte_nested_names",
    lambda n: (
        "".join(f"WITH c{i} AS (" for i in range(n))
        + "SELECT 1"
        + "".join(f") SELECT * FROM c{i}" for i in reversed(range(n)))
    ),
)
add(
    "text_cte_inner",
    lambda n: "".join(f"WITH c{i} AS (SELECT 1) SELECT * FROM (" for i in range(n)) + "SELECT 1" + ")" * n,
)
add(
    "text_cte_values",
    lambda n: (
        "WITH c0(x) AS (VALUES (1))"
        + "".join(f", c{i}(x) AS (SELECT a.x FROM c{i - 1} a JOIN c{i - 1} b USING (x))" for i in range(1, min(n, 20)))
        + ", "
        + ", ".join(f"d{i} AS (SELECT 1 AS y)" for i in range(n))
        + " SELECT 1"
    ),
)
add(
    "text_cte_recursive",
    lambda n: (
        "WITH RECURSIVE c0 AS (SELECT 1 AS x)"
        + "".join(f", c{i} AS (SELECT x FROM c{i - 1} UNION SELECT x FROM c{i} WHERE false)" for i in range(1, n))
        + f" SELECT * FROM c{n - 1}"
    ),
)
add(
    "text_cte_create_view",
    lambda n: (
        "CREATE VIEW v AS WITH c0 AS (SELECT 1 AS x)"
        + "".join(f", c{i} AS (SELECT * FROM c{i - 1})" for i in range(1, n))
        + f" SELECT * FROM c{n - 1}"
    ),
)
add(
    "text_cte_insert",
    lambda n: [
        "CREATE TABLE t (x INTEGER)",
        "INSERT INTO t WITH c0 AS (SELECT 1 AS x)"
        + "".join(f", c{i} AS (SELECT * FROM c{i - 1})" for i in range(1, n))
        + f" SELECT * FROM c{n - 1}",
    ],
)
add(
    "text_subquery_alias_chain",
    lambda n: "SELECT * FROM (" * n + "SELECT 1 AS x" + "".join(f") s{i}" for i in range(n)),
)
add("text_subquery_agg", lambda n: "SELECT max(x) AS x FROM (" * n + "SELECT 1 AS x" + ")" * n)
add(
    "text_subquery_lateral",
    lambda n: (
        "SELECT * FROM range(1) t0" + "".join(f", LATERAL (SELECT t{i - 1}.range) t{i}(range)" for i in range(1, n))
    ),
)
add(
    "text_correlated",
    lambda n: "SELECT " + "".join("(SELECT " for _ in range(n)) + "t.x" + ")" * n + " FROM (SELECT 1 AS x) t",
)
add(
    "text_pipe_views",
    lambda n: (
        ["CREATE VIEW v0 AS SELECT 1 AS x"]
        + [f"CREATE VIEW v{i} AS SELECT * FROM v{i - 1}" for i in range(1, min(n, 5000))]
        + [f"SELECT * FROM v{min(n, 5000) - 1}"]
    ),
)
add(
    "text_view_first_bind",
    lambda n: (
        ["CREATE VIEW v0 AS SELECT 1 AS x"]
        + [f"CREATE VIEW v{i} AS SELECT x+1 AS x FROM v{i - 1} WHERE x > 0" for i in range(1, min(n, 5000))]
        + [f"SELECT * FROM v{min(n, 5000) - 1}"]
    ),
)
add(
    "text_macros",
    lambda n: (
        ["CREATE MACRO m0(x) AS x"]
        + [f"CREATE MACRO m{i}(x) AS m{i - 1}(x)" for i in range(1, min(n, 20000))]
        + [f"SELECT m{min(n, 20000) - 1}(1)"]
    ),
)
add("text_macros_nested_args", lambda n: ["CREATE MACRO m(x) AS (x + 1)", "SELECT " + "m(" * n + "1" + ")" * n])
add(
    "text_macro_table",
    lambda n: (
        ["CREATE MACRO m0() AS TABLE SELECT 1 AS x"]
        + [f"CREATE MACRO m{i}() AS TABLE SELECT * FROM m{i - 1}()" for i in range(1, min(n, 5000))]
        + [f"SELECT * FROM m{min(n, 5000) - 1}()"]
    ),
)
add(
    "text_macro_self",
    lambda n: [
        "CREATE MACRO m(x) AS x",
        "CREATE OR REPLACE MACRO m2(x) AS m(x)",
        "CREATE OR REPLACE MACRO m(x) AS m2(x)",
        "SELECT m(1)",
    ],
)
add(
    "text_macro_table_self",
    lambda n: [
        "CREATE MACRO m() AS TABLE SELECT 1 AS x",
        "CREATE OR REPLACE MACRO m2() AS TABLE SELECT * FROM m()",
        "CREATE OR REPLACE MACRO m() AS TABLE SELECT * FROM m2()",
        "SELECT * FROM m()",
    ],
)
add(
    "text_macro_query_self",
    lambda n: ["CREATE MACRO m() AS TABLE SELECT * FROM query('SELECT * FROM m()')", "SELECT * FROM m()"],
)
add(
    "text_view_self",
    lambda n: [
        "CREATE VIEW a AS SELECT 1 AS x",
        "CREATE VIEW b AS SELECT * FROM a",
        "CREATE OR REPLACE VIEW a AS SELECT * FROM b",
        "SELECT * FROM a",
    ],
)
add(
    "text_macro_subquery_self",
    lambda n: [
        "CREATE MACRO m(x) AS x",
        "CREATE MACRO m2(x) AS (SELECT m(x))",
        "CREATE OR REPLACE MACRO m(x) AS (SELECT m2(x))",
        "SELECT m(1)",
    ],
)
add(
    "text_doubling_macro",
    lambda n: (
        ["CREATE MACRO m0(x) AS x"]
        + [f"CREATE MACRO m{i}(x) AS m{i - 1}(x) + 0" for i in range(1, min(n, 5000))]
        + [f"SELECT m{min(n, 5000) - 1}(1)"]
    ),
)
add(
    "text_generated_columns",
    lambda n: [
        "CREATE TABLE t (c0 INTEGER" + "".join(f", c{i} AS (c{i - 1} + 1)" for i in range(1, min(n, 10000))) + ")",
        "INSERT INTO t VALUES (1)",
        f"SELECT c{min(n, 10000) - 1} FROM t",
    ],
)
add("text_alias_chain", lambda n: "SELECT 1 AS a0" + "".join(f", a{i - 1} + 1 AS a{i}" for i in range(1, n)))
add("text_in_values", lambda n: "SELECT 1 IN (" + ",".join("1" * 1 for _ in range(n)) + ")")
add("text_in_columns", lambda n: "SELECT x IN (" + ",".join(f"x+{i}" for i in range(n)) + ") FROM range(3) t(x)")
add("text_and_flat", lambda n: "SELECT 1 FROM range(3) t(x) WHERE " + " AND ".join(f"x<>{i}" for i in range(n)))
add("text_or_flat", lambda n: "SELECT 1 FROM range(3) t(x) WHERE " + " OR ".join(f"x={i}" for i in range(n)))
add("text_filter_clauses", lambda n: "SELECT * FROM (" * n + "SELECT x FROM range(3) t(x)" + ") WHERE x >= 0" * n)
add("text_pivot", lambda n: "FROM (PIVOT " * n + "(SELECT 1 AS a, 2 AS b)" + " ON a IN (1) USING sum(b))" * n)
add("text_unpivot", lambda n: "FROM (UNPIVOT " * n + "(SELECT 1 AS a)" + " ON COLUMNS(*))" * n)
add("text_explain", lambda n: "EXPLAIN " * n + "SELECT 1")
add("text_prepare", lambda n: "PREPARE a AS " * n + "SELECT 1")
add("text_query_call", lambda n: "SELECT * FROM query('SELECT 1" + " " * n + "')")
add(
    "text_dollar_query",
    lambda n: (
        "".join(f"FROM query($a{i}$" for i in range(n)) + "SELECT 1" + "".join(f"$a{i}$)" for i in reversed(range(n)))
    ),
)
add("text_qualified_name", lambda n: "SELECT " + "a." * n + "a")
add("text_quoted_qualified", lambda n: "SELECT * FROM " + "a." * n + "a")
add("text_default_expr", lambda n: "CREATE TABLE t (a INTEGER DEFAULT " + "(" * n + "1" + "))" + ")" * (n - 1))
add("text_check_expr", lambda n: "CREATE TABLE t (a INTEGER CHECK (" + "NOT " * n + "true))")
add("text_order_by", lambda n: "SELECT 1 ORDER BY " + ",".join("1" for _ in range(n)))
add("text_qualify", lambda n: "SELECT * FROM (" * n + "SELECT 1 AS x" + ") QUALIFY row_number() OVER () = 1" * n)
add("text_values_rows", lambda n: "SELECT count(*) FROM (VALUES " + ",".join("(1)" for _ in range(n)) + ")")
add("text_many_statements", lambda n: "SELECT 1;" * n)
add("text_grouping_sets", lambda n: "SELECT 1 FROM range(1) GROUP BY " + "GROUPING SETS (" * n + "()" + ")" * n)
add("text_limit", lambda n: "SELECT * FROM (" * n + "SELECT 1" + ") LIMIT 1" * n)
add("text_set_variable", lambda n: "SET VARIABLE a = " + "[" * n + "1" + "]" * n)
add(
    "text_case_switch",
    lambda n: "SELECT CASE x " + "".join(f"WHEN {i} THEN {i} " for i in range(n)) + "END FROM range(3) t(x)",
)
add("text_update_set", lambda n: ["CREATE TABLE t (a INTEGER)", "UPDATE t SET a = " + "(" * n + "1" + ")" * n])
add("text_nested_begin", lambda n: "BEGIN;" * n)
add("text_window_chain", lambda n: "SELECT sum(x) OVER () AS x FROM (" * n + "SELECT 1 AS x" + ")" * n)
add("text_struct_pack_deep_star", lambda n: "SELECT " + "struct_pack(a := " * n + "1" + ")" * n)
add("text_union_value", lambda n: "SELECT " + "union_value(a := " * n + "1" + ")" * n)
add(
    "text_struct_insert",
    lambda n: "SELECT " + "struct_insert(" * n + "{'z':1}" + "".join(f", a{i} := 1)" for i in range(n)),
)
add("text_at", lambda n: "SELECT 1 FROM range(1) t TABLESAMPLE " + "(" * n + "1" + ")" * n)

# ---- values that nest because each table holds the one before, fifty levels deeper: no one text is deep ----
GROWN = {"list": ("[", "]"), "struct": ("{'a': ", "}"), "map": ("MAP {1: ", "}")}
USES = {
    "select": "SELECT x FROM {}",
    "to_json": "SELECT length(to_json(x)) FROM {}",
    "varchar": "SELECT length(x::VARCHAR) FROM {}",
    "variant": "SELECT length(x::VARIANT::VARCHAR) FROM {}",
    "order": "SELECT 1 FROM {} ORDER BY x",
    "group": "SELECT count(*) FROM {} GROUP BY x",
    "equal": "SELECT a.x = b.x FROM {0} a, {0} b",
    "hash": "SELECT hash(x) FROM {}",
    "describe": "DESCRIBE {}",
    "typeof": "SELECT typeof(x) FROM {}",
    "parquet": "COPY {} TO 'deep.parquet'",
}


def grown(depth: int, parts: tuple[str, str], use: str) -> list[str]:
    opening, closing = parts
    count = max(1, min(depth // 50, 400))
    statements = ["CREATE TABLE v0 AS SELECT 1 AS x"]
    for i in range(1, count + 1):
        value = f"{opening * 50}x{closing * 50}"
        statements += [f"CREATE TABLE v{i} AS SELECT {value} AS x FROM v{i - 1}", f"DROP TABLE v{i - 1}"]
    return [*statements, use.format(f"v{count}")]


for name, parts in GROWN.items():
    for use, last in USES.items():
        add(f"grown_{name}_{use}", lambda n, p=parts, u=last: grown(n, p, u))

# What DuckDB takes more than eight seconds to plan or compute at some depth below its own limits, on an idle machine or a
# busy one; the time may double with each level.
PLANNED_SLOWLY = frozenset(
    [
        "file_read_json_objects",
        "grown_list_describe",
        "grown_list_equal",
        "grown_list_group",
        "grown_list_hash",
        "grown_list_order",
        "grown_list_parquet",
        "grown_list_select",
        "grown_list_to_json",
        "grown_list_typeof",
        "grown_list_varchar",
        "grown_list_variant",
        "grown_map_describe",
        "grown_map_equal",
        "grown_map_group",
        "grown_map_hash",
        "grown_map_order",
        "grown_map_parquet",
        "grown_map_select",
        "grown_map_to_json",
        "grown_map_typeof",
        "grown_map_varchar",
        "grown_map_variant",
        "grown_struct_describe",
        "grown_struct_equal",
        "grown_struct_group",
        "grown_struct_hash",
        "grown_struct_order",
        "grown_struct_parquet",
        "grown_struct_select",
        "grown_struct_to_json",
        "grown_struct_typeof",
        "grown_struct_varchar",
        "grown_struct_variant",
        "text_abs",
        "text_alias_chain",
        "text_array_subquery",
        "text_arrow_op",
        "text_at_tz",
        "text_concat",
        "text_cte_materialized",
        "text_cte_recursive",
        "text_doubling_macro",
        "text_except",
        "text_exists",
        "text_generated_columns",
        "text_intersect",
        "text_join",
        "text_join_comma",
        "text_join_left",
        "text_join_positional",
        "text_join_values",
        "text_lambda",
        "text_list",
        "text_list_comprehension",
        "text_list_transform",
        "text_macro_table",
        "text_map",
        "text_pipe_views",
        "text_plus",
        "text_plus_right",
        "text_positional",
        "text_power",
        "text_row",
        "text_set_variable",
        "text_struct",
        "text_struct_pack_deep_star",
        "text_subquery",
        "text_subquery_agg",
        "text_subquery_lateral",
        "text_tuple",
        "text_union_value",
        "text_view_first_bind",
        "text_where_subquery",
        "value_glob",
        "value_json_transform_both_objects",
        "value_like",
    ]
)

PROBE = r"""
import sys, threading, json, os, resource, tempfile
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
stack = int(sys.argv[1])
statements = json.load(sys.stdin)
import duckdb
os.chdir(tempfile.mkdtemp(prefix="depth-"))
def work():
    db = duckdb.connect(':memory:', config={'threads': 1, 'memory_limit': '2GB'})
    try:
        for statement in statements:
            r = db.execute(statement)
            if r is not None:
                try: r.fetchmany(10)
                except duckdb.Error: raise
                except Exception as e: print('FINE client ' + str(e)[:80], flush=True); os._exit(0)
        print('FINE', flush=True)
    except BaseException as error:
        print('ERROR ' + ' '.join(str(error)[:150].split()), flush=True)
    db.close()
    os._exit(0)
threading.stack_size(stack << 20)
t = threading.Thread(target=work); t.start(); t.join()
"""


def probe(python: str, stack: int, statements: list[str], timeout: float) -> tuple[str, float]:
    begun = time.monotonic()
    try:
        done = subprocess.run(
            [python, "-c", PROBE, str(stack)],
            input=json.dumps(statements),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "SLOW", timeout
    taken = time.monotonic() - begun
    lines = done.stdout.strip().splitlines()
    if done.returncode < 0:
        return f"DEAD {-done.returncode} {lines[-1] if lines else ''}", taken
    return (lines[-1] if lines else f"EXIT {done.returncode} {done.stderr[-200:]}"), taken


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--stack", type=int, default=256, help="MiB")
    arguments.add_argument("--only", default="*")
    arguments.add_argument("--depths", default="100,1000,10000,100000,1000000")
    arguments.add_argument("--timeout", type=float, default=30)
    arguments.add_argument("--python", default=sys.executable)
    given = arguments.parse_args()
    for name, make in FAMILIES.items():
        if not fnmatch.fnmatch(name, given.only):
            continue
        same = None
        for depth in map(int, given.depths.split(",")):
            statements = make(depth)
            if sum(map(len, statements)) > 64 << 20:
                break
            said, taken = probe(given.python, given.stack, statements, given.timeout)
            print(f"{name}\t{given.stack}\t{depth}\t{taken:.1f}\t{said}", flush=True)
            kind = said[:24]
            if said.startswith(("DEAD", "SLOW", "EXIT")) or (said.startswith("ERROR") and kind == same):
                break
            same = kind


if __name__ == "__main__":
    main()
