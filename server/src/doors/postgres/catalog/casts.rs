//! Casts to PostgreSQL's types, in DuckDB's.

use sqlparser::ast::{Array, CastKind, DataType, Expr, Ident, ObjectName, ObjectNamePart, Value};

use super::functions::{call, hidden};
use super::sessions::Asker;
use engine::postgres_catalogs::known;

/// A type's name as pg_type has it, without its schema and its arguments, and whether an array of it is meant.
pub(super) fn name_of(ty: &DataType) -> (String, bool) {
    let text = ty.to_string();
    let (text, is_array) = match text.strip_suffix(']').and_then(|text| text.rsplit_once('[')) {
        Some((element, _)) => (element.to_owned(), true),
        None => (text, false),
    };
    let is_quoted = text.ends_with('"');
    let bare = text.rsplit('.').next().unwrap_or_default().trim_matches('"').to_ascii_lowercase();
    let bare = bare.split('(').next().unwrap_or_default().trim();
    let name = match bare {
        "char" if is_quoted => "char",
        "char" | "character" => "bpchar",
        "int" | "integer" => "int4",
        "smallint" => "int2",
        "bigint" => "int8",
        "real" => "float4",
        "double precision" | "float" | "double" => "float8",
        "boolean" => "bool",
        "character varying" | "character_data" | "yes_or_no" => "varchar",
        "sql_identifier" => "name",
        "cardinal_number" => "int4",
        "decimal" => "numeric",
        "timestamp without time zone" => "timestamp",
        "timestamp with time zone" => "timestamptz",
        "time without time zone" => "time",
        "time with time zone" => "timetz",
        other => other,
    };
    (name.to_owned(), is_array)
}

/// PostgreSQL's number of a type.
pub(super) fn oid(ty: &DataType) -> Option<u32> {
    let (name, is_array) = name_of(ty);
    let oid = known().type_named(&name)?;
    if is_array { known().array(oid) } else { Some(oid) }
}

/// The name of the DuckDB type that carries values of a type; none where DuckDB has the type by its name.
fn carrier(name: &str) -> Option<&'static str> {
    Some(match name {
        "char" | "name" | "text" | "bpchar" | "varchar" | "cstring" | "pg_node_tree" | "aclitem" | "inet"
        | "unknown" | "anyarray" => "VARCHAR",
        "oid" | "xid" | "cid" => "UINTEGER",
        "int2vector" => "SMALLINT[]",
        "oidvector" => "UINTEGER[]",
        "jsonb" => "JSON",
        "int2" => "SMALLINT",
        "int4" => "INTEGER",
        "int8" => "BIGINT",
        _ => return None,
    })
}

/// What finds the object of a name and what names the object, for types whose values are names of objects.
pub(super) fn object_type(name: &str) -> Option<(&'static str, &'static str)> {
    Some(match name {
        "regclass" => ("find_relation", "relation_text"),
        "regtype" => ("find_type", "type_text"),
        "regproc" => ("find_function", "function_text"),
        "regprocedure" => ("find_procedure", "procedure_text"),
        "regoper" => ("find_oper", "oper_text"),
        "regoperator" => ("find_operator", "operator_text"),
        "regnamespace" => ("find_namespace", "namespace_text"),
        "regrole" => ("find_role", "role_text"),
        "regcollation" => ("find_collation", "collation_text"),
        _ => return None,
    })
}

/// A type of DuckDB's by its name.
pub(super) fn duck_type(name: &str) -> DataType {
    DataType::Custom(ObjectName(vec![ObjectNamePart::Identifier(Ident::new(name))]), Vec::new())
}

/// A cast to a type of DuckDB's.
pub(super) fn cast(expr: Expr, ty: DataType) -> Expr {
    Expr::Cast { kind: CastKind::Cast, expr: Box::new(expr), data_type: ty, format: None }
}

/// A cast to one of PostgreSQL's types, in DuckDB's SQL.
pub(super) fn translate(kind: CastKind, inner: Expr, ty: DataType, asker: &Asker) -> Expr {
    let (name, is_array) = name_of(&ty);
    match object_type(&name) {
        Some((find, _)) if !is_array => return found(find, inner, asker),
        Some((find, _)) => {
            if let Some(names) = elements(&inner) {
                let elem = names.into_iter().map(|name| found(find, text(&name), asker)).collect();
                return Expr::Array(Array { elem, named: false });
            }
        }
        None => {}
    }
    let inner = match named(&inner).filter(|_| carrier(&name) == Some("VARCHAR") && !is_array) {
        Some(text) => named_object(text, inner, asker),
        None => inner,
    };
    let inner = if is_array || name.ends_with("vector") { list(inner) } else { inner };
    if name == "char" && !is_array {
        let text = cast(inner, duck_type("VARCHAR"));
        return call(ObjectName::from(vec![Ident::new("left")]), vec![text, number(1)]);
    }
    let ty = match carrier(&name) {
        Some(carrier) if is_array => duck_type(&format!("{carrier}[]")),
        Some(carrier) => duck_type(carrier),
        None if object_type(&name).is_some() => duck_type("UINTEGER[]"),
        None => ty,
    };
    Expr::Cast { kind, expr: Box::new(inner), data_type: ty, format: None }
}

/// A call that finds the object of a name; a value of such a type is the number of its object already.
fn found(find: &str, inner: Expr, asker: &Asker) -> Expr {
    if named(&inner).is_some_and(|text| object_finder(text) == find) {
        return inner;
    }
    let inner = match super::functions::literal(&inner).filter(|_| find == "find_type").and_then(of_sql) {
        Some(name) => text(&name),
        None => inner,
    };
    let mut given = vec![inner];
    if find == "find_role" {
        given.push(text(&asker.user));
    }
    call(hidden("base", find), given)
}

/// The name in pg_type of a type by what SQL calls it as well, such as `int`.
fn of_sql(name: &str) -> Option<String> {
    let (bare, is_array) = name.strip_suffix("[]").map_or((name, false), |bare| (bare, true));
    let (own, _) = name_of(&duck_type(bare));
    let ty = known().type_named(&own).filter(|_| own != bare || is_array)?;
    let ty = if is_array { known().array(ty)? } else { ty };
    known().name_of(ty).map(str::to_owned)
}

fn object_finder(text: &str) -> &'static str {
    super::words::OBJECT_TYPES
        .iter()
        .filter_map(|name| object_type(name))
        .find(|(_, named)| *named == text)
        .map_or("", |(find, _)| find)
}

/// What names the objects that an expression, already translated, gives the numbers of.
pub(super) fn named(expr: &Expr) -> Option<&'static str> {
    let Expr::Function(function) = expr else { return None };
    let ObjectNamePart::Identifier(name) = function.name.0.last()? else { return None };
    let finders = super::words::OBJECT_TYPES.iter().filter_map(|name| object_type(name));
    finders.into_iter().find(|(find, _)| *find == name.value).map(|(_, text)| text)
}

/// The names of objects by their numbers.
pub(super) fn named_object(with: &str, numbers: Expr, asker: &Asker) -> Expr {
    let mut given = vec![numbers];
    if with == "role_text" {
        given.push(text(&asker.user));
    }
    call(hidden("base", with), given)
}

/// A literal of an array, such as `'{a,b}'`, as a list.
pub(super) fn list(expr: Expr) -> Expr {
    let Expr::Value(value) = &expr else { return expr };
    let (Value::SingleQuotedString(text) | Value::EscapedStringLiteral(text)) = &value.value else {
        return expr;
    };
    let Some(inner) = text.trim().strip_prefix('{').and_then(|text| text.strip_suffix('}')) else {
        return expr;
    };
    Expr::Value(Value::SingleQuotedString(format!("[{inner}]")).into())
}

/// The elements of a literal of an array of names.
fn elements(expr: &Expr) -> Option<Vec<String>> {
    let inner = super::functions::literal(expr)?.trim().strip_prefix('{')?.strip_suffix('}')?;
    let names = inner.split(',').map(|name| name.trim().trim_matches('"').to_owned());
    Some(names.filter(|name| !name.is_empty()).collect())
}

/// A text literal.
pub(super) fn text(text: &str) -> Expr {
    Expr::Value(Value::SingleQuotedString(text.to_owned()).into())
}

/// A number.
pub(super) fn number(number: i64) -> Expr {
    Expr::Value(Value::Number(number.to_string(), false).into())
}
