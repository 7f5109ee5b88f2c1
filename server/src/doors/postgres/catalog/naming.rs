//! What PostgreSQL calls a column that has no name of its own.

use sqlparser::ast::{
    AccessExpr, DataType, Expr, ObjectName, ObjectNamePart, Query, SelectItem, SetExpr, Subscript,
    TrimWhereField,
};

use super::casts;

/// What a column is called for which PostgreSQL knows no better name.
pub(super) const UNNAMED: &str = "?column?";

/// The name of a column of this expression.
pub(super) fn name(expr: &Expr) -> String {
    best(expr).map_or_else(|| UNNAMED.to_owned(), |(name, _)| name)
}

/// A name, and whether it is a good one: of a column or a function.
fn best(expr: &Expr) -> Option<(String, bool)> {
    let good = |name: String| Some((name, true));
    match expr {
        Expr::Identifier(ident) => good(folded(ident)),
        Expr::CompoundIdentifier(idents) => good(folded(idents.last()?)),
        Expr::CompoundFieldAccess { root, access_chain } => match access_chain.last()? {
            AccessExpr::Dot(Expr::Identifier(ident)) => good(folded(ident)),
            _ => {
                let field = access_chain.iter().rev().find_map(|access| match access {
                    AccessExpr::Dot(Expr::Identifier(ident)) => Some(folded(ident)),
                    AccessExpr::Dot(_)
                    | AccessExpr::Subscript(Subscript::Index { .. } | Subscript::Slice { .. }) => None,
                });
                field.map_or_else(|| best(root), good)
            }
        },
        Expr::Function(function) => good(last(&function.name)?),
        Expr::Nested(inner) | Expr::Collate { expr: inner, .. } => best(inner),
        Expr::Cast { expr, data_type, .. } => match best(expr) {
            Some((name, true)) => good(name),
            weak => typed(data_type).map(|name| (name, false)).or(weak),
        },
        Expr::TypedString(typed_string) => typed(&typed_string.data_type).map(|name| (name, false)),
        Expr::Case { else_result, .. } => match else_result.as_deref().and_then(best) {
            Some((name, true)) => good(name),
            _ => Some(("case".to_owned(), false)),
        },
        Expr::Array(_) => good("array".to_owned()),
        Expr::Exists { .. } => good("exists".to_owned()),
        Expr::Subquery(query) => first(query).and_then(|item| match item {
            SelectItem::ExprWithAlias { alias, .. } => good(folded(alias)),
            SelectItem::UnnamedExpr(expr) => best(expr),
            _ => None,
        }),
        Expr::Substring { .. } => good("substring".to_owned()),
        Expr::Trim { trim_where, .. } => good(match trim_where {
            Some(TrimWhereField::Leading) => "ltrim".to_owned(),
            Some(TrimWhereField::Trailing) => "rtrim".to_owned(),
            _ => "btrim".to_owned(),
        }),
        Expr::Position { .. } => good("position".to_owned()),
        Expr::Extract { .. } => good("extract".to_owned()),
        Expr::Interval(_) => Some(("interval".to_owned(), false)),
        Expr::Tuple(_) => good("row".to_owned()),
        Expr::Value(value) if matches!(value.value, sqlparser::ast::Value::Boolean(_)) => {
            Some(("bool".to_owned(), false))
        }
        _ => None,
    }
}

fn first(query: &Query) -> Option<&SelectItem> {
    match &*query.body {
        SetExpr::Select(select) => select.projection.first(),
        SetExpr::Query(query) => first(query),
        _ => None,
    }
}

fn last(name: &ObjectName) -> Option<String> {
    match name.0.last()? {
        ObjectNamePart::Identifier(ident) => Some(folded(ident)),
        ObjectNamePart::Function(_) => None,
    }
}

fn typed(ty: &DataType) -> Option<String> {
    let (name, _) = casts::name_of(ty);
    Some(name).filter(|name| !name.is_empty())
}

/// A name as PostgreSQL takes it: in lower case unless it is quoted.
pub(super) fn folded(ident: &sqlparser::ast::Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
}
