//! The columns of an answer: of which types PostgreSQL has them, and how DuckDB gives what those hold.

use sqlparser::ast::{
    Expr, GroupByExpr, Ident, Query, ReplaceSelectElement, ReplaceSelectItem, Select, SelectItem, SetExpr,
    TableFactor, Value,
};

use super::casts::{cast as cast_to, duck_type, named_object, object_type};
use super::naming;
use super::rewrite;
use super::sessions::Asker;
use super::words::OBJECT_TYPES;
use crate::doors::postgres::types;
use duck::types::LogicalType;
use engine::postgres_catalogs::{DATABASE, known};

/// The type of a column that DuckDB has as this one, where PostgreSQL's is known to be another.
pub(super) fn ty(duck: &LogicalType, known_as: Option<u32>) -> LogicalType {
    let named = |oid: u32| known().name_of(oid).map(|name| LogicalType::Other(name.to_owned()));
    match duck {
        LogicalType::Varchar => match known_as {
            Some(1043) => LogicalType::Varchar,
            // Numbers from 10,000 are those of types that have none of their own in any text.
            Some(oid) if is_text(oid) || oid == 24 || oid >= 10_000 => {
                named(oid).unwrap_or(LogicalType::Varchar)
            }
            _ => LogicalType::Other("text".to_owned()),
        },
        LogicalType::UInteger => match known_as {
            Some(oid @ (24 | 28 | 29 | 2202..=2206)) => named(oid),
            _ => named(26),
        }
        .unwrap_or(LogicalType::UInteger),
        LogicalType::List(element) => match (element.as_ref(), known_as) {
            (LogicalType::SmallInt, Some(22)) => named(22),
            (LogicalType::UInteger, Some(30)) => named(30),
            (element, known_as) => {
                let element_as = known_as.and_then(|oid| known().element(oid));
                Some(LogicalType::List(Box::new(ty(element, element_as))))
            }
        }
        .unwrap_or_else(|| duck.clone()),
        _ => duck.clone(),
    }
}

/// The type of a column that PostgreSQL has as this one.
pub(super) fn expected(oid: u32) -> Option<LogicalType> {
    let named = |oid: u32| known().name_of(oid).map(|name| LogicalType::Other(name.to_owned()));
    match known().element(oid) {
        _ if matches!(oid, 22 | 30) => named(oid),
        Some(element) => expected(element).map(|element| LogicalType::List(Box::new(element))),
        None if is_text(oid) || matches!(oid, 24 | 26 | 28) => named(oid),
        None => types::logical(oid),
    }
}

/// Whether the values of a type are carried as texts.
fn is_text(oid: u32) -> bool {
    !matches!(
        oid,
        16 | 17 | 20
            ..=24 | 26 | 28 | 30 | 114 | 700 | 701 | 1082 | 1083 | 1114 | 1184 | 1186 | 1266 | 1700 | 2950
    ) && known().element(oid).is_none()
}

/// Has the columns of a query come as PostgreSQL's types want them: by the types of each of its branches' columns.
pub(super) fn cast(query: &mut Query, branches: &[Vec<Option<u32>>], asker: &Asker) {
    cast_branches(&mut query.body, &mut branches.iter(), asker);
}

fn cast_branches<'a>(
    set: &mut SetExpr,
    branches: &mut impl Iterator<Item = &'a Vec<Option<u32>>>,
    asker: &Asker,
) {
    match set {
        SetExpr::Select(select) => {
            let Some(types) = branches.next() else { return };
            let is_plain = select.distinct.is_none() && is_ungrouped(&select.group_by);
            name_objects(select, asker);
            for (item, ty) in select.projection.iter_mut().zip(types) {
                if let Some(ty) = ty {
                    cast_item(item, *ty, is_plain, asker);
                }
            }
        }
        SetExpr::Query(query) => cast_branches(&mut query.body, branches, asker),
        SetExpr::SetOperation { left, right, .. } => {
            cast_branches(left, branches, asker);
            cast_branches(right, branches, asker);
        }
        _ => {}
    }
}

/// Of all columns of a relation, those that hold numbers of objects are shown as the objects' names.
fn name_objects(select: &mut Select, asker: &Asker) {
    let [table] = &select.from[..] else { return };
    let TableFactor::Table { name, .. } = &table.relation else { return };
    let parts: Vec<&str> = name.0.iter().filter_map(|part| Some(part.as_ident()?.value.as_str())).collect();
    let [DATABASE, schema, relation] = parts[..] else { return };
    let (true, Some(relation)) = (table.joins.is_empty(), known().relation(schema, relation)) else { return };
    let named = relation.columns.iter().filter_map(|(column, ty)| {
        let ident = Ident::with_quote('"', *column);
        let expr = named_object(text_of(*ty)?, Expr::Identifier(ident.clone()), asker);
        Some(Box::new(ReplaceSelectElement { expr, column_name: ident, as_keyword: true }))
    });
    let items: Vec<_> = named.collect();
    if let ([SelectItem::Wildcard(options)], false) = (&mut select.projection[..], items.is_empty()) {
        options.opt_replace = Some(ReplaceSelectItem { items });
    }
}

fn is_ungrouped(by: &GroupByExpr) -> bool {
    matches!(by, GroupByExpr::Expressions(by, _) if by.is_empty())
}

/// Casts a column; one that has the name of what it is keeps it.
fn cast_item(item: &mut SelectItem, ty: u32, is_plain: bool, asker: &Asker) {
    match item {
        SelectItem::ExprWithAlias { expr, .. } => cast_one(expr, ty, is_plain, asker),
        SelectItem::UnnamedExpr(expr) => {
            let before = expr.clone();
            cast_one(expr, ty, is_plain, asker);
            if *expr != before {
                let alias = Ident::with_quote('"', naming::name(&before));
                *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
            }
        }
        _ => {}
    }
}

/// Whether an expression is a column of no relation of the catalogs: of a function, whose numbers are longer in DuckDB.
fn is_computed(expr: &Expr) -> bool {
    rewrite::last_name(expr).is_some_and(|name| known().column_types(&name).next().is_none())
}

fn cast_one(expr: &mut Expr, ty: u32, is_plain: bool, asker: &Asker) {
    let take = |expr: &mut Expr| std::mem::replace(expr, Expr::Value(Value::Null.into()));
    let is_column = matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_));
    let is_literal = matches!(expr, Expr::Value(_));
    if let Some(text) = text_of(ty) {
        *expr = named_object(text, take(expr), asker);
        return;
    }
    let wanted = match ty {
        20 => "BIGINT",
        21 => "SMALLINT",
        23 => "INTEGER",
        1005 | 22 => "SMALLINT[]",
        1007 => "INTEGER[]",
        _ => return,
    };
    if !is_literal && (!is_column || ty == 23 && is_plain && is_computed(expr)) {
        *expr = cast_to(take(expr), duck_type(wanted));
    }
}

/// What names the objects of a type whose values are names of objects.
fn text_of(ty: u32) -> Option<&'static str> {
    let name = known().name_of(ty).filter(|name| OBJECT_TYPES.contains(name))?;
    object_type(name).map(|(_, text)| text)
}
