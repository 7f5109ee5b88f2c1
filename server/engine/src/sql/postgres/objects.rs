//! The statements that made the hidden database.

use std::collections::{BTreeMap, HashSet};

use super::{DATABASE, INFORMATION, Known, definitions, fields, known, owned, references};

/// A name in the hidden database.
type Name = (&'static str, &'static str);

/// The rows that every PostgreSQL has, by relation.
macro_rules! rows {
    ($($name:literal)*) => { [$(($name, include_str!(concat!("rows/", $name, ".tsv")))),*] };
}

const ROWS: [(&str, &str); 40] = rows!(
    "auth_members" "constraint_texts" "function_texts" "index_texts" "keywords" "operator_names" "pg_aggregate" "pg_am"
    "pg_amop" "pg_amproc" "pg_attribute" "pg_cast" "pg_class" "pg_collation" "pg_constraint" "pg_conversion"
    "pg_description" "pg_index" "pg_language" "pg_namespace" "pg_opclass" "pg_operator" "pg_opfamily" "pg_proc" "pg_range"
    "pg_settings" "pg_tablespace" "pg_ts_config" "pg_ts_config_map" "pg_ts_dict" "pg_ts_parser" "pg_ts_template"
    "pg_type" "roles" "sql_features" "sql_implementation_info" "sql_parts" "sql_sizing" "timezone_abbrevs" "type_names"
);

/// The columns of those that are no relation of PostgreSQL's.
const EXTRA: &[(&str, &[(&str, u32)])] = &[
    ("roles", &[("oid", 26), ("rolname", 19)]),
    ("auth_members", &[("roleid", 26), ("member", 26), ("grantor", 26), ("admin_option", 16)]),
    ("function_texts", &[("oid", 26), ("arguments", 25), ("identity", 25), ("result", 25)]),
    ("index_texts", &[("oid", 26), ("text", 25)]),
    ("constraint_texts", &[("oid", 26), ("text", 25)]),
    ("type_names", &[("oid", 26), ("format", 25)]),
    ("operator_names", &[("oid", 26), ("name", 25)]),
    ("keywords", &[("word", 25), ("catcode", 18), ("barelabel", 16), ("catdesc", 25), ("baredesc", 25)]),
    ("timezone_abbrevs", &[("abbrev", 25), ("utc_offset", 1186), ("is_dst", 16)]),
];

/// The statements, in a database that is empty.
pub fn objects() -> Vec<String> {
    let mut statements: Vec<String> =
        ["base", "pg", "info", "rows"].map(|schema| format!("CREATE SCHEMA {DATABASE}.{schema}")).to_vec();
    statements.extend(ROWS.iter().map(|(name, text)| table(name, text)));
    let bodies = bodies();
    let (mut done, owned) = (HashSet::new(), owned());
    for name in bodies.keys() {
        add(*name, &bodies, &owned, &mut done, &mut statements);
    }
    statements
}

/// What stands behind each name, relations of which nothing is said here included.
fn bodies() -> BTreeMap<Name, (bool, String)> {
    let given: BTreeMap<Name, _> =
        definitions().map(|it| ((it.schema, it.name), (it.is_function(), it.rest))).collect();
    let mut bodies: BTreeMap<Name, (bool, String)> = given
        .iter()
        .map(|(name, (is_function, rest))| {
            let body = if *is_function { rest } else { rest.trim_start().trim_start_matches("AS") };
            (*name, (*is_function, body.to_owned()))
        })
        .collect();
    let relations = known().relations.iter();
    for (schema, name, relation) in
        relations.flat_map(|(schema, it)| it.iter().map(|(name, it)| (*schema, *name, it)))
    {
        let body = given.get(&(schema, name)).map(|(_, rest)| rest.trim_start().trim_start_matches("AS"));
        bodies.insert((schema, name), (false, view(schema, name, &relation.columns, body)));
    }
    bodies
}

/// A view of all columns of a relation in their order, over what is said of the current catalog and what is built in.
fn view(schema: &str, name: &str, columns: &[(&str, u32)], body: Option<&str>) -> String {
    let list = |write: &dyn Fn(&str, &str) -> String| {
        let columns = columns.iter().map(|(column, ty)| write(column, type_of(*ty)));
        columns.collect::<Vec<_>>().join(", ")
    };
    let nothing = list(&|column, ty| format!("NULL::{ty} AS \"{column}\""));
    let shown = list(&|column, ty| format!("\"{column}\"::{ty} AS \"{column}\""));
    let mut parts = vec![format!("SELECT {nothing} WHERE false")];
    parts.extend(body.map(|body| format!("({body})")));
    if schema != INFORMATION && ROWS.iter().any(|(row, _)| *row == name) {
        parts.push(format!("(SELECT * FROM @rows.{name})"));
    }
    format!("SELECT {shown} FROM ({})", parts.join(" UNION ALL BY NAME "))
}

/// Defines a name behind those that it reads.
fn add(
    name: Name,
    bodies: &BTreeMap<Name, (bool, String)>,
    owned: &HashSet<Name>,
    done: &mut HashSet<Name>,
    statements: &mut Vec<String>,
) {
    let Some((is_function, body)) = bodies.get(&name) else { panic!("nothing is named {name:?}") };
    if !done.insert(name) {
        return;
    }
    let read: Vec<Name> = bodies.keys().copied().filter(|read| mentions(body, *read)).collect();
    for read in read {
        add(read, bodies, owned, done, statements);
    }
    let (schema, own) = name;
    let body = resolved(body, owned);
    statements.push(match (is_function, owned.contains(&name)) {
        (true, _) => format!("CREATE MACRO {DATABASE}.{schema}.{own}{body}"),
        (_, true) => format!("CREATE MACRO {DATABASE}.{schema}.{own}(session_owner) AS TABLE {body}"),
        _ => format!("CREATE VIEW {DATABASE}.{schema}.{own} AS {body}"),
    });
}

fn mentions(body: &str, (schema, name): Name) -> bool {
    let wanted = format!("@{schema}.{name}");
    body.match_indices(&wanted).any(|(at, _)| {
        !body[at + wanted.len()..].starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
    })
}

/// A text with the hidden database's names in it.
fn resolved(body: &str, owned: &HashSet<Name>) -> String {
    let mut parts = body.split('@');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end =
            part.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '.').unwrap_or(part.len());
        match part[..end].split_once('.') {
            Some((schema, name)) if owned.contains(&(schema, name)) => {
                text.push_str(&format!("{DATABASE}.{schema}.{name}(session_owner)"));
            }
            Some((schema, name)) => text.push_str(&format!("{DATABASE}.{schema}.{name}")),
            None if &part[..end] == "owner" => text.push_str("session_owner"),
            None => text.push_str(&reserved()),
        }
        text.push_str(&part[end..]);
    }
    text
}

/// The words that are no names unless they are quoted.
fn reserved() -> String {
    let rows = ROWS.iter().find(|(name, _)| *name == "keywords").map_or("", |(_, rows)| rows);
    let words = rows.lines().map(fields::<2>).filter(|[_, kind]| matches!(*kind, "R" | "T" | "C"));
    words.map(|[word, _]| word).collect::<Vec<_>>().join("|")
}

/// A table of rows as COPY writes them.
fn table(name: &str, rows: &str) -> String {
    let columns = EXTRA.iter().find(|(extra, _)| *extra == name).map(|(_, columns)| *columns);
    let known: &Known = known();
    let of = |schema| known.relation(schema, name).map(|relation| &relation.columns[..]);
    let columns = columns.or_else(|| of("pg")).or_else(|| of(INFORMATION)).unwrap_or_default();
    assert!(!columns.is_empty(), "nothing is known of {name}");
    let read = |(at, (column, ty)): (usize, &(&str, u32))| {
        let duck = type_of(*ty);
        let given = format!("nullif(r[{}], '\\N')", at + 1);
        let value = match ty {
            22 | 30 => format!("'[' || replace({given}, ' ', ',') || ']'"),
            _ if duck.ends_with("[]") => format!("'[' || {given}[2:-2] || ']'"),
            _ if duck == "VARCHAR" => format!("replace(replace({given}, '\\n', chr(10)), '\\\\', '\\')"),
            _ => given,
        };
        format!("({value})::{duck} AS \"{column}\"")
    };
    let columns: Vec<String> = columns.iter().enumerate().map(read).collect();
    format!(
        "CREATE TABLE {DATABASE}.rows.{name} AS SELECT {} FROM (SELECT string_split(unnest(string_split($tsv${}$tsv$, chr(10))), chr(9)) AS r)",
        columns.join(", "),
        rows.trim_end_matches('\n')
    )
}

/// The DuckDB type that carries values of a type of PostgreSQL's.
fn type_of(oid: u32) -> &'static str {
    match oid {
        16 => "BOOLEAN",
        17 => "BLOB",
        20 => "BIGINT",
        21 => "SMALLINT",
        23 => "INTEGER",
        24 | 26 | 28 | 2206 => "UINTEGER",
        22 | 1005 => "SMALLINT[]",
        30 | 1028 | 2211 => "UINTEGER[]",
        700 => "FLOAT",
        701 => "DOUBLE",
        1700 => "DECIMAL(38,6)",
        1184 => "TIMESTAMPTZ",
        1186 => "INTERVAL",
        1000 => "BOOLEAN[]",
        1002 | 1003 | 1009 | 1034 => "VARCHAR[]",
        1021 => "FLOAT[]",
        1022 => "DOUBLE[]",
        _ => "VARCHAR",
    }
}

#[test]
fn every_name_that_is_read_is_defined() {
    let bodies = bodies();
    for definition in definitions() {
        for read in references(definition.rest) {
            assert!(bodies.contains_key(&read), "{read:?} of {}", definition.name);
        }
    }
}
