//! Calls of PostgreSQL's functions, in DuckDB's SQL.

use sqlparser::ast::helpers::attached_token::AttachedToken;
use sqlparser::ast::{
    CaseWhen, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident,
    ObjectName, ObjectNamePart, Value,
};

use super::casts::{cast, duck_type, number, text};
use super::naming::folded;
use super::sessions::Asker;
use super::{SetConfig, SetValue};
use engine::postgres_catalogs::{CATALOG, DATABASE, known};

/// A name in the hidden database.
pub(super) fn hidden(schema: &str, name: &str) -> ObjectName {
    ObjectName::from([DATABASE, schema, name].map(Ident::new).to_vec())
}

/// A call.
pub(super) fn call(name: ObjectName, given: Vec<Expr>) -> Expr {
    let args = given.into_iter().map(|expr| FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))).collect();
    let args = FunctionArguments::List(FunctionArgumentList {
        duplicate_treatment: None,
        args,
        clauses: Vec::new(),
    });
    Expr::Function(Function {
        name,
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args,
        within_group: Vec::new(),
        filter: None,
        null_treatment: None,
        over: None,
    })
}

/// A function's name without the schema that PostgreSQL's have; none if it has another.
pub(super) fn bare(name: &ObjectName) -> Option<String> {
    let parts: Option<Vec<String>> = name
        .0
        .iter()
        .map(|part| match part {
            ObjectNamePart::Identifier(ident) => Some(folded(ident)),
            ObjectNamePart::Function(_) => None,
        })
        .collect();
    match &parts?[..] {
        [name] => Some(name.clone()),
        [schema, name] if matches!(schema.as_str(), "pg_catalog" | "information_schema") => {
            Some(name.clone())
        }
        _ => None,
    }
}

/// The arguments of a call, where they are plain.
pub(super) fn given(function: &Function) -> Option<Vec<&Expr>> {
    let FunctionArguments::List(list) = &function.args else { return None };
    let plain = |arg: &FunctionArg| -> Option<usize> {
        matches!(arg, FunctionArg::Unnamed(FunctionArgExpr::Expr(_))).then_some(0)
    };
    list.args.iter().map(plain).collect::<Option<Vec<_>>>()?;
    Some(
        list.args
            .iter()
            .filter_map(|arg| match arg {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
                _ => None,
            })
            .collect(),
    )
}

/// A text that stands in the statement.
pub(super) fn literal(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => Some(text),
            _ => None,
        },
        Expr::Cast { expr, .. } | Expr::Nested(expr) => literal(expr),
        _ => None,
    }
}

/// A name without its schema, quoted if it was.
pub(super) fn alone(name: &ObjectName) -> ObjectName {
    ObjectName(name.0.last().cloned().into_iter().collect())
}

/// A call in DuckDB's SQL; what it sets is noted.
pub(super) fn translate(mut function: Function, asker: &Asker, settings: &mut Vec<SetConfig>) -> Expr {
    let Some(name) = bare(&function.name) else { return Expr::Function(function) };
    if let Some(answer) = of_session(&name, &function, asker, settings) {
        return answer;
    }
    if let Some(takes_owner) = known().function(&name) {
        function.name = hidden(CATALOG, &name);
        if let (true, FunctionArguments::List(list)) = (takes_owner, &mut function.args) {
            list.args.push(FunctionArg::Unnamed(FunctionArgExpr::Expr(text(&asker.user))));
        }
        return Expr::Function(function);
    }
    if let ("format", Some([template, values @ ..])) = (name.as_str(), given(&function).as_deref())
        && let Some(parts) = literal(template).and_then(|template| formatted(template, values))
    {
        return call(ObjectName::from(vec![Ident::new("concat")]), parts);
    }
    let own = match name.as_str() {
        "json_agg" | "jsonb_agg" => Some("json_group_array"),
        "json_object_agg" | "jsonb_object_agg" => Some("json_group_object"),
        "json_build_object" | "jsonb_build_object" => Some("json_object"),
        "json_build_array" | "jsonb_build_array" => Some("json_array"),
        "row_to_json" | "to_jsonb" => Some("to_json"),
        "btrim" => Some("trim"),
        "nextval" | "currval" | "setval" => {
            unfind(&mut function);
            None
        }
        _ => None,
    };
    function.name = own.map_or_else(|| alone(&function.name), |own| ObjectName::from(vec![Ident::new(own)]));
    Expr::Function(function)
}

/// The parts of a text that `format` puts together; none where its template is none.
fn formatted(template: &str, values: &[&Expr]) -> Option<Vec<Expr>> {
    let mut pieces = template.split('%');
    let mut parts = vec![text(pieces.next()?)];
    let mut next = 0;
    while let Some(piece) = pieces.next() {
        if piece.is_empty() {
            parts.push(text(&format!("%{}", pieces.next()?)));
            continue;
        }
        let digits = piece.len() - piece.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (at, piece) = match piece[digits..].strip_prefix('$') {
            Some(rest) if digits > 0 => (piece[..digits].parse::<usize>().ok()?.checked_sub(1)?, rest),
            _ => (next, piece),
        };
        next = at + 1;
        let value = cast((*values.get(at)?).clone(), duck_type("VARCHAR"));
        parts.push(match piece.chars().next()? {
            's' => value,
            'I' => call(hidden(CATALOG, "quote_ident"), vec![value]),
            'L' => call(hidden(CATALOG, "quote_nullable"), vec![value]),
            _ => return None,
        });
        parts.push(text(&piece[1..]));
    }
    Some(parts)
}

/// DuckDB's functions of sequences take names.
fn unfind(function: &mut Function) {
    let FunctionArguments::List(list) = &mut function.args else { return };
    for arg in &mut list.args {
        if let FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Function(find))) = arg
            && find.name == hidden("base", "find_relation")
            && let Some([name]) = given(find).as_deref()
        {
            *arg = FunctionArg::Unnamed(FunctionArgExpr::Expr((*name).clone()));
        }
    }
}

/// What the door itself knows of the session.
fn of_session(name: &str, function: &Function, asker: &Asker, settings: &mut Vec<SetConfig>) -> Option<Expr> {
    let given = given(function).unwrap_or_default();
    match (name, &given[..]) {
        ("current_user" | "session_user" | "current_role" | "user", []) => Some(text(&asker.user)),
        ("current_catalog", []) => Some(call(hidden(CATALOG, "current_catalog"), Vec::new())),
        ("current_schema", []) => Some(call(hidden(CATALOG, "current_schema"), Vec::new())),
        ("pg_backend_pid", []) => Some(number(asker.process.into())),
        ("current_setting", [wanted, ..]) => {
            let Some(wanted) = literal(wanted) else { return Some(any_setting((*wanted).clone(), asker)) };
            asker.settings.get(&wanted.to_ascii_lowercase()).map(|value| text(value))
        }
        ("set_config", [wanted, value, local]) => {
            let local = matches!(local, Expr::Value(local) if local.value == Value::Boolean(true));
            let set = literal(value).map(|text| SetValue::Text(text.to_owned())).or_else(|| parameter(value));
            if let (Some(name), Some(value)) = (literal(wanted), set) {
                settings.push(SetConfig { name: name.to_owned(), value, local });
            }
            Some(cast((*value).clone(), duck_type("VARCHAR")))
        }
        _ => None,
    }
}

/// The parameter that an expression is.
fn parameter(expr: &Expr) -> Option<SetValue> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::Placeholder(name) => name.strip_prefix('$')?.parse().ok().map(SetValue::Parameter),
            _ => None,
        },
        Expr::Cast { expr, .. } | Expr::Nested(expr) => parameter(expr),
        _ => None,
    }
}

/// The value of a setting whose name is computed.
fn any_setting(name: Expr, asker: &Asker) -> Expr {
    let when = |(name, value): (&String, &String)| CaseWhen { condition: text(name), result: text(value) };
    let lower = call(ObjectName::from(vec![Ident::new("lower")]), vec![cast(name, duck_type("VARCHAR"))]);
    Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: Some(Box::new(lower)),
        conditions: asker.settings.iter().map(when).collect(),
        else_result: None,
    }
}
