//! Of which types PostgreSQL would have a query's columns.
//!
//! DuckDB has one type of texts and one of unsigned numbers of 32 bits where PostgreSQL's catalogs have many: names, single
//! characters, numbers and names of objects. What a column of an answer is, is found here by where it comes from.

use std::collections::HashMap;

use sqlparser::ast::{
    AccessExpr, BinaryOperator, Expr, FunctionArguments, ObjectName, ObjectNamePart, Query, Select,
    SelectItem, SelectItemQualifiedWildcardKind, SetExpr, TableAlias, TableFactor, TableWithJoins,
    UnaryOperator, Value,
};

use super::casts;
use super::functions::{bare, given};
use super::naming::{self, folded};
use engine::postgres_catalogs::{CATALOG, INFORMATION, known};

/// The type of a column, as far as it is known.
type Ty = Option<u32>;

/// Columns with their names; none where not even their number is known.
type Columns = Option<Vec<(String, Ty)>>;

const BOOL: Ty = Some(16);
const INT8: Ty = Some(20);
const INT4: Ty = Some(23);
const TEXT: Ty = Some(25);
/// A text literal or NULL, which is of the type that is wanted.
const UNKNOWN: Ty = Some(705);

/// The types of the items of each branch of a query, and of its columns.
pub(super) fn of(query: &Query) -> (Vec<Vec<Ty>>, Vec<(String, Ty)>) {
    let names = NamedQueries::default();
    let mut branches = Vec::new();
    let columns = query_columns(query, &names, None, Some(&mut branches));
    let named = columns.unwrap_or_default();
    (branches, named.into_iter().map(|(name, ty)| (name, if ty == UNKNOWN { TEXT } else { ty })).collect())
}

/// The queries that have names, with their columns.
#[derive(Default, Clone)]
struct NamedQueries(HashMap<String, Columns>);

/// The tables that names are looked for in.
struct VisibleTables<'a> {
    tables: Vec<(String, Columns)>,
    outer: Option<&'a VisibleTables<'a>>,
    named: &'a NamedQueries,
}

fn query_columns(
    query: &Query,
    named: &NamedQueries,
    outer: Option<&VisibleTables<'_>>,
    branches: Option<&mut Vec<Vec<Ty>>>,
) -> Columns {
    let mut named = named.clone();
    for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
        let columns = query_columns(&cte.query, &named, outer, None);
        named.0.insert(folded(&cte.alias.name), renamed(columns, &cte.alias));
    }
    set_columns(&query.body, &named, outer, branches)
}

fn set_columns(
    set: &SetExpr,
    named: &NamedQueries,
    outer: Option<&VisibleTables<'_>>,
    mut branches: Option<&mut Vec<Vec<Ty>>>,
) -> Columns {
    match set {
        SetExpr::Select(select) => select_columns(select, named, outer, branches),
        SetExpr::Query(query) => query_columns(query, named, outer, branches),
        SetExpr::SetOperation { left, right, .. } => {
            let left = set_columns(left, named, outer, branches.as_deref_mut())?;
            let right = set_columns(right, named, outer, branches).unwrap_or_default();
            let unified = |(at, (name, ty)): (usize, (String, Ty))| {
                let other = right.get(at).and_then(|(_, ty)| *ty);
                (name, common(ty, other))
            };
            Some(left.into_iter().enumerate().map(unified).collect())
        }
        SetExpr::Values(values) => {
            let scope = VisibleTables { tables: Vec::new(), outer, named };
            let row = values.rows.first()?;
            let column = |(at, value): (usize, &Expr)| (format!("column{}", at + 1), ty(value, &scope));
            Some(row.content.iter().enumerate().map(column).collect())
        }
        _ => None,
    }
}

/// The type that holds values of both: a text literal or NULL takes the other's.
fn common(left: Ty, right: Ty) -> Ty {
    match (left, right) {
        (Some(705) | None, Some(right)) => Some(right),
        (Some(left), Some(right))
            if matches!((left, right), (21 | 23, 20) | (21, 23) | (20 | 21 | 23, 26)) =>
        {
            Some(right)
        }
        _ => left,
    }
}

fn select_columns(
    select: &Select,
    named: &NamedQueries,
    outer: Option<&VisibleTables<'_>>,
    branches: Option<&mut Vec<Vec<Ty>>>,
) -> Columns {
    let mut scope = VisibleTables { tables: Vec::new(), outer, named };
    for table in &select.from {
        add_tables(table, &mut scope);
    }
    let items: Vec<Option<Vec<(String, Ty)>>> =
        select.projection.iter().map(|item| item_columns(item, &scope)).collect();
    if let Some(branches) = branches {
        let single = |columns: &Option<Vec<(String, Ty)>>| match columns.as_deref() {
            Some([(_, ty)]) => *ty,
            _ => None,
        };
        branches.push(items.iter().map(single).collect());
    }
    let all: Option<Vec<Vec<(String, Ty)>>> = items.into_iter().collect();
    all.map(|items| items.into_iter().flatten().collect())
}

fn item_columns(item: &SelectItem, scope: &VisibleTables<'_>) -> Columns {
    match item {
        SelectItem::UnnamedExpr(expr) => Some(vec![(naming::name(expr), ty(expr, scope))]),
        SelectItem::ExprWithAlias { expr, alias } => Some(vec![(folded(alias), ty(expr, scope))]),
        SelectItem::Wildcard(_) => {
            let all: Option<Vec<_>> = scope.tables.iter().map(|(_, columns)| columns.clone()).collect();
            all.map(|tables| tables.into_iter().flatten().collect())
        }
        SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
            let wanted = last(name)?;
            scope.tables.iter().find(|(table, _)| *table == wanted)?.1.clone()
        }
        _ => None,
    }
}

fn last(name: &ObjectName) -> Option<String> {
    name.0.last().and_then(ObjectNamePart::as_ident).map(folded)
}

fn add_tables(table: &TableWithJoins, scope: &mut VisibleTables<'_>) {
    add_table(&table.relation, scope);
    for join in &table.joins {
        add_table(&join.relation, scope);
    }
}

fn add_table(factor: &TableFactor, scope: &mut VisibleTables<'_>) {
    let (name, columns, alias) = match factor {
        TableFactor::Table { name, alias, args: None, .. } => (last(name), relation(name, scope), alias),
        TableFactor::Table { name, alias, args: Some(_), .. } | TableFactor::Function { name, alias, .. } => {
            (last(name), function_columns(name, alias.as_ref()), alias)
        }
        TableFactor::Derived { subquery, alias, .. } => {
            (None, query_columns(subquery, scope.named, Some(scope), None), alias)
        }
        TableFactor::UNNEST { alias, array_exprs, with_ordinality, .. } => {
            let mut columns: Vec<(String, Ty)> = array_exprs
                .iter()
                .map(|array| ("unnest".to_owned(), ty(array, scope).and_then(|ty| known().element(ty))))
                .collect();
            columns.extend(with_ordinality.then(|| ("ordinality".to_owned(), INT8)));
            (Some("unnest".to_owned()), Some(single_as_table(columns, alias.as_ref())), alias)
        }
        TableFactor::NestedJoin { table_with_joins, .. } => return add_tables(table_with_joins, scope),
        _ => (None, None, &None),
    };
    let columns = match alias {
        Some(alias) => renamed(columns, alias),
        None => columns,
    };
    let name = alias.as_ref().map(|alias| folded(&alias.name)).or(name);
    scope.tables.push((name.unwrap_or_default(), columns));
}

/// A single column of a function is called as the function's alias.
fn single_as_table(mut columns: Vec<(String, Ty)>, alias: Option<&TableAlias>) -> Vec<(String, Ty)> {
    if let ([(name, _)], Some(alias)) = (&mut columns[..], alias) {
        *name = folded(&alias.name);
    }
    columns
}

fn function_columns(name: &ObjectName, alias: Option<&TableAlias>) -> Columns {
    let name = bare(name)?;
    let ty = match name.as_str() {
        "generate_series" | "generate_subscripts" => INT4,
        name => known().result(name).filter(|ty| *ty != 2249),
    };
    Some(single_as_table(vec![(name, ty)], alias))
}

fn renamed(columns: Columns, alias: &TableAlias) -> Columns {
    let mut columns = columns?;
    for (column, given) in columns.iter_mut().zip(&alias.columns) {
        column.0 = folded(&given.name);
    }
    Some(columns)
}

fn relation(name: &ObjectName, scope: &VisibleTables<'_>) -> Columns {
    let parts: Vec<String> = name.0.iter().filter_map(ObjectNamePart::as_ident).map(folded).collect();
    let (schema, relation) = match &parts[..] {
        [name] => match scope.named.0.get(name) {
            Some(columns) => return columns.clone(),
            None => (CATALOG, name),
        },
        [.., schema, name] if schema == "pg_catalog" => (CATALOG, name),
        [.., schema, name] if schema == "information_schema" => (INFORMATION, name),
        _ => return None,
    };
    let columns = &known().relation(schema, relation)?.columns;
    Some(columns.iter().map(|(name, ty)| ((*name).to_owned(), Some(*ty))).collect())
}

impl VisibleTables<'_> {
    /// The type of a column by its name, and its table's if that is given.
    fn find(&self, table: Option<&str>, column: &str) -> Ty {
        let tables = self.tables.iter().filter(|(name, _)| table.is_none_or(|table| table == name));
        let mut columns = tables.flat_map(|(_, columns)| columns.iter().flatten());
        match columns.find(|(name, _)| name == column) {
            Some((_, ty)) => *ty,
            None => self.outer.and_then(|outer| outer.find(table, column)),
        }
    }
}

/// The type of an expression.
fn ty(expr: &Expr, scope: &VisibleTables<'_>) -> Ty {
    match expr {
        Expr::Identifier(ident) => scope.find(None, &folded(ident)),
        Expr::CompoundIdentifier(parts) => match &parts[..] {
            [.., table, column] => scope.find(Some(&folded(table)), &folded(column)),
            _ => None,
        },
        Expr::Value(value) => literal(&value.value),
        Expr::Nested(inner) | Expr::Collate { expr: inner, .. } => ty(inner, scope),
        Expr::Cast { data_type, .. } => casts::oid(data_type),
        Expr::TypedString(typed) => casts::oid(&typed.data_type),
        Expr::Function(_) => call(expr, scope),
        Expr::Case { conditions, else_result, .. } => {
            let results =
                else_result.as_deref().into_iter().chain(conditions.iter().map(|when| &when.result));
            results.map(|result| ty(result, scope)).reduce(common).flatten()
        }
        Expr::BinaryOp { left, op, right } => operation(ty(left, scope), op, ty(right, scope)),
        Expr::UnaryOp { op: UnaryOperator::Not, .. } => BOOL,
        Expr::UnaryOp { expr, .. } => ty(expr, scope),
        Expr::Subquery(query) => {
            let columns = query_columns(query, scope.named, Some(scope), None)?;
            columns.first().and_then(|(_, ty)| *ty)
        }
        Expr::Array(array) => {
            array.elem.first().and_then(|first| ty(first, scope)).and_then(|ty| known().array(ty))
        }
        Expr::CompoundFieldAccess { root, access_chain } => accessed(root, access_chain, scope),
        Expr::Substring { .. } | Expr::Trim { .. } | Expr::Overlay { .. } => TEXT,
        Expr::Position { .. } => INT4,
        Expr::Interval(_) => Some(1186),
        Expr::IsNull(_)
        | Expr::IsNotNull(_)
        | Expr::IsTrue(_)
        | Expr::IsFalse(_)
        | Expr::IsNotTrue(_)
        | Expr::IsNotFalse(_)
        | Expr::In { .. }
        | Expr::Between { .. }
        | Expr::Like { .. }
        | Expr::ILike { .. }
        | Expr::Exists { .. }
        | Expr::AnyOp { .. }
        | Expr::AllOp { .. }
        | Expr::IsDistinctFrom(..)
        | Expr::IsNotDistinctFrom(..) => BOOL,
        _ => None,
    }
}

fn literal(value: &Value) -> Ty {
    match value {
        Value::Number(digits, _) if digits.contains(['.', 'e', 'E']) => Some(1700),
        Value::Number(digits, _) if digits.parse::<i32>().is_ok() => INT4,
        Value::Number(..) => INT8,
        Value::Boolean(_) => BOOL,
        Value::Placeholder(_) => None,
        _ => UNKNOWN,
    }
}

fn operation(left: Ty, op: &BinaryOperator, right: Ty) -> Ty {
    use BinaryOperator as Op;
    match op {
        Op::StringConcat => left.filter(|ty| known().element(*ty).is_some()).or(TEXT),
        Op::Plus
        | Op::Minus
        | Op::Multiply
        | Op::Divide
        | Op::Modulo
        | Op::BitwiseAnd
        | Op::BitwiseOr
        | Op::PGBitwiseShiftLeft
        | Op::PGBitwiseShiftRight => match (left, right) {
            (Some(20), Some(20 | 21 | 23)) | (Some(21 | 23), Some(20)) => INT8,
            (Some(21 | 23), Some(23)) | (Some(23), Some(21)) => INT4,
            (Some(21), Some(21)) => Some(21),
            _ => None,
        },
        Op::PGCustomBinaryOperator(_) => None,
        _ => BOOL,
    }
}

/// The type of what a call gives: some take it from what they are given.
fn call(expr: &Expr, scope: &VisibleTables<'_>) -> Ty {
    let Expr::Function(function) = expr else { return None };
    let name = bare(&function.name)?;
    if let FunctionArguments::Subquery(query) = &function.args {
        let columns = query_columns(query, scope.named, Some(scope), None)?;
        return columns.first().and_then(|(_, ty)| *ty).and_then(|ty| known().array(ty));
    }
    let given: Vec<Ty> =
        given(function).unwrap_or_default().into_iter().map(|expr| ty(expr, scope)).collect();
    let first = given.first().copied().flatten();
    match name.as_str() {
        "coalesce" | "greatest" | "least" => given.into_iter().reduce(common).flatten(),
        "nullif" | "max" | "min" | "lag" | "lead" | "first_value" | "last_value" | "nth_value" => first,
        "array_agg" => first.and_then(|ty| known().array(ty)),
        "unnest" => first.and_then(|ty| known().element(ty)),
        "array_remove" | "array_append" | "array_cat" => first,
        "array_prepend" => given.get(1).copied().flatten(),
        "sum" => match first {
            Some(21 | 23) => INT8,
            Some(20) => Some(1700),
            other => other,
        },
        "current_user" | "session_user" | "current_role" | "user" | "current_catalog" => Some(19),
        "abs" | "mod" | "round" | "floor" | "ceil" => first,
        "generate_series" => INT4,
        name => {
            known().result(name).filter(|ty| !matches!(ty, 2249 | 2276 | 2277 | 2283 | 2776 | 5077 | 5078))
        }
    }
}

fn accessed(root: &Expr, chain: &[AccessExpr], scope: &VisibleTables<'_>) -> Ty {
    let mut parts = chain.iter();
    let mut found = match (root, chain) {
        (Expr::Identifier(table), [AccessExpr::Dot(Expr::Identifier(column)), ..]) => {
            parts.next();
            scope.find(Some(&folded(table)), &folded(column))
        }
        _ => ty(root, scope),
    };
    for access in parts {
        found = match access {
            AccessExpr::Subscript(sqlparser::ast::Subscript::Index { .. }) => {
                found.and_then(|ty| known().element(ty))
            }
            AccessExpr::Subscript(_) => found,
            AccessExpr::Dot(Expr::Identifier(field)) if folded(field) == "n" => INT4,
            AccessExpr::Dot(_) => None,
        };
    }
    found
}
