//! The order of rows that a statement leaves open: PostgreSQL gives what its catalogs hold as it came in, and clients take the
//! first of several, or the columns of a table one after the other, without asking for that.

use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, GroupByExpr, Ident, ObjectNamePart, OrderBy, OrderByExpr, OrderByKind, OrderByOptions, Query,
    Select, SelectItem, SetExpr, TableFactor, Visit, Visitor,
};

use super::functions::bare;
use super::naming::folded;
use engine::postgres_catalogs::{CATALOG, INFORMATION, known};

/// What the rows of relations are ordered by that come in parts, the first that is there.
const PARTS: [(&str, &[&str]); 4] = [
    ("pg_attribute", &["attrelid", "attnum"]),
    ("pg_enum", &["enumtypid", "enumsortorder"]),
    ("columns", &["table_schema", "table_name", "ordinal_position"]),
    ("key_column_usage", &["table_schema", "table_name", "constraint_name", "ordinal_position"]),
];

/// Has a statement's rows come in PostgreSQL's order, where they are rows of the catalogs and have none.
pub(super) fn put(query: &mut Query) {
    let own: Vec<String> =
        query.with.iter().flat_map(|with| &with.cte_tables).map(|named| folded(&named.alias.name)).collect();
    let SetExpr::Select(select) = &*query.body else { return };
    if query.order_by.is_some() || !gives_rows_as_they_are(select) {
        return;
    }
    let columns = columns(select, &own);
    if !columns.is_empty() {
        query.order_by = Some(OrderBy { kind: OrderByKind::Expressions(columns), interpolate: None });
    }
}

/// Whether a row of an answer is a row of what it is read from.
fn gives_rows_as_they_are(select: &Select) -> bool {
    let is_grouped = !matches!(&select.group_by, GroupByExpr::Expressions(by, _) if by.is_empty());
    let is_plain = select.distinct.is_none() && select.having.is_none() && !is_grouped;
    is_plain && !select.projection.iter().any(gathers)
}

/// Whether a column may be made of many rows, or be many.
fn gathers(item: &SelectItem) -> bool {
    struct Calls;
    impl Visitor for Calls {
        type Break = ();

        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            match expr {
                Expr::Function(function)
                    if !bare(&function.name).is_some_and(|name| known().is_scalar(&name)) =>
                {
                    ControlFlow::Break(())
                }
                _ => ControlFlow::Continue(()),
            }
        }
    }
    item.visit(&mut Calls).is_break()
}

/// The columns to order by: of a relation whose rows are parts, else the number of the first relation.
fn columns(select: &Select, own: &[String]) -> Vec<OrderByExpr> {
    let factors = select.from.iter().flat_map(|table| {
        std::iter::once(&table.relation).chain(table.joins.iter().map(|join| &join.relation))
    });
    let relations: Vec<(String, Ident)> = factors.filter_map(|factor| relation(factor, own)).collect();
    for (name, columns) in PARTS {
        if let Some((_, alias)) = relations.iter().find(|(relation, _)| relation == name) {
            return columns.iter().map(|column| by(alias, column)).collect();
        }
    }
    let first = relations.first().filter(|(name, _)| {
        known().relation(CATALOG, name).is_some_and(|relation| relation.columns.contains(&("oid", 26)))
    });
    first.map(|(_, alias)| by(alias, "oid")).into_iter().collect()
}

/// A relation of the catalogs, and what the statement calls it.
fn relation(factor: &TableFactor, own: &[String]) -> Option<(String, Ident)> {
    let TableFactor::Table { name, alias, args: None, .. } = factor else { return None };
    let last = name.0.last().and_then(ObjectNamePart::as_ident)?;
    let relation = folded(last);
    let schema = match &name.0[..] {
        [_] if own.contains(&relation) => return None,
        [_] => CATALOG,
        [.., schema, _] => match folded(schema.as_ident()?).as_str() {
            "pg_catalog" => CATALOG,
            "information_schema" => INFORMATION,
            _ => return None,
        },
        [] => return None,
    };
    known().relation(schema, &relation)?;
    Some((relation, alias.as_ref().map_or(last, |alias| &alias.name).clone()))
}

fn by(alias: &Ident, column: &str) -> OrderByExpr {
    OrderByExpr {
        expr: Expr::CompoundIdentifier(vec![alias.clone(), Ident::new(column)]),
        options: OrderByOptions::default(),
        with_fill: None,
    }
}
