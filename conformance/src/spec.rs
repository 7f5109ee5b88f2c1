//! Spec files: cases as data, table rows expanded (format: `spec/README.md`).

use crate::fault::{During, Fault, Result};
use crate::vars::{self, Unknown, Vars};
use serde::Deserialize;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The flags of the server that cases run against unless they say otherwise.
pub const DEFAULT_FLAGS: [&str; 1] = ["--allow-any-user"];

/// A door that takes SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Door {
    /// `POST /query` of the Lakehouse REST API.
    Rest,
    /// StatementQuery over Flight SQL.
    Flight,
}

impl Door {
    /// The name used in spec files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rest => "rest",
            Self::Flight => "flight",
        }
    }
}

/// One behaviour, ready to run: one row of a table, over one door.
#[derive(Debug, Clone)]
pub struct Case {
    /// `lakehouse/query: a blank statement is refused [flight]`.
    pub id: String,
    /// Path of the file below `spec/`, without its extension.
    pub file: String,
    /// The clauses it proves, as `LQ-02`.
    pub clauses: Vec<String>,
    /// All flags of its server.
    pub server: Vec<String>,
    /// Names of the fresh tenants; the first is the default.
    pub tenants: Vec<String>,
    /// The door its `sql` steps use.
    pub door: Option<Door>,
    /// Why nobody looks whether the server lives while it runs, if nobody does.
    pub unwatched: Option<String>,
    /// The steps, with captures still to be filled in.
    pub steps: Vec<Value>,
}

impl Case {
    /// Whether any step needs another door than HTTP.
    pub fn speaks_flight(&self) -> bool {
        let on_flight = |step: &Value| {
            step["door"] == "flight"
                || step["socket"] == "flight"
                || step.as_object().is_some_and(|step| step.keys().any(|key| key.starts_with("flight.")))
        };
        self.door == Some(Door::Flight) || self.steps.iter().any(on_flight)
    }
}

#[derive(Deserialize)]
struct RawFile {
    server: Option<Vec<String>>,
    #[serde(default)]
    before: Vec<Value>,
    cases: Vec<RawCase>,
}

#[derive(Deserialize)]
struct RawCase {
    name: String,
    clauses: Vec<String>,
    server: Option<Vec<String>>,
    tenants: Option<Vec<String>>,
    doors: Option<Vec<Door>>,
    liveness: Option<String>,
    table: Option<Table>,
    steps: Vec<Value>,
}

#[derive(Deserialize)]
struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<Value>>,
}

/// The folder of the spec that this crate was built from.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("spec")
}

/// Every spec file below `folder`, in order.
///
/// # Errors
/// An unreadable folder.
pub fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(&next).during(&next.display().to_string())? {
            let path = entry.during("reading a folder")?.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "yaml") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The data of a YAML file.
///
/// # Errors
/// An unreadable file or malformed YAML, with its place.
pub fn read(path: &Path) -> Result<Value> {
    let text = std::fs::read_to_string(path).during(&path.display().to_string())?;
    serde_norway::from_str(&text).during(&path.display().to_string())
}

/// The cases of one file, tables and doors expanded.
///
/// # Errors
/// As [`read`], and data that is no spec file.
pub fn load(path: &Path) -> Result<Vec<Case>> {
    let raw: RawFile = serde_json::from_value(read(path)?).during(&path.display().to_string())?;
    let (folder, file) = place_of(path);
    let mut cases = Vec::new();
    for case in &raw.cases {
        let server = case.server.clone().or_else(|| raw.server.clone());
        let server = server.unwrap_or_else(|| DEFAULT_FLAGS.map(str::to_owned).to_vec());
        let unwatched = case.liveness.as_deref().map(off).transpose();
        let unwatched = unwatched.map_err(|fault| Fault(format!("{file}: {}: {fault}", case.name)))?;
        let steps: Vec<Value> = raw.before.iter().chain(&case.steps).cloned().collect();
        for (suffix, vars) in
            rows_of(case).map_err(|fault| Fault(format!("{file}: {}: {fault}", case.name)))?
        {
            let fill = |value: &Value| vars::fill(value, &vars, Unknown::Keep);
            let steps = steps.iter().map(fill).collect::<Result<Vec<_>>>()?;
            let flag = |flag: &String| {
                let flag = flag.replace("${spec}", &folder);
                fill(&Value::from(flag)).map(|flag| vars::as_text(&flag))
            };
            let server = server.iter().map(flag).collect::<Result<Vec<_>>>()?;
            for door in doors_of(case, &steps) {
                let over = door.map(|door| format!(" [{}]", door.name())).unwrap_or_default();
                cases.push(Case {
                    id: format!("{file}: {}{suffix}{over}", case.name),
                    file: file.clone(),
                    clauses: case.clauses.clone(),
                    server: server.clone(),
                    tenants: case.tenants.clone().unwrap_or_else(|| vec!["default".to_owned()]),
                    door,
                    unwatched: unwatched.clone(),
                    steps: steps.clone(),
                });
            }
        }
    }
    Ok(cases)
}

/// Every case of the spec below `folder`.
///
/// # Errors
/// As [`load`].
pub fn load_all(folder: &Path) -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    for path in files(folder)? {
        cases.extend(load(&path)?);
    }
    Ok(cases)
}

/// The folder of the spec that a file is in, and its name below that.
fn place_of(path: &Path) -> (String, String) {
    let path = path.with_extension("");
    let folder = path.ancestors().skip(1).find(|folder| folder.ends_with("spec")).unwrap_or(Path::new(""));
    let name = path.strip_prefix(folder).unwrap_or(&path);
    (folder.display().to_string(), name.display().to_string())
}

/// The reason of `off: REASON`.
fn off(text: &str) -> Result<String> {
    let reason = text.strip_prefix("off: ").map(str::trim).filter(|reason| !reason.is_empty());
    let malformed = || Fault(format!("liveness is \"off: REASON\", not {text:?}"));
    reason.map(str::to_owned).ok_or_else(malformed)
}

fn rows_of(case: &RawCase) -> Result<Vec<(String, Vars)>> {
    let Some(table) = &case.table else { return Ok(vec![(String::new(), Vars::new())]) };
    let row = |(index, row): (usize, &Vec<Value>)| {
        if row.len() != table.columns.len() {
            return Err(Fault(format!(
                "table row {} has {} values for {} columns",
                index + 1,
                row.len(),
                table.columns.len()
            )));
        }
        let first: String = row.first().map(vars::as_text).unwrap_or_default().chars().take(60).collect();
        Ok((
            format!(" #{} {first}", index + 1),
            table.columns.iter().cloned().zip(row.iter().cloned()).collect(),
        ))
    };
    table.rows.iter().enumerate().map(row).collect()
}

fn doors_of(case: &RawCase, steps: &[Value]) -> Vec<Option<Door>> {
    let open = |step: &Value| step.get("sql").is_some() && step.get("door").is_none();
    if !steps.iter().any(open) {
        return vec![None];
    }
    let doors = case.doors.clone().unwrap_or_else(|| vec![Door::Rest, Door::Flight]);
    doors.into_iter().map(Some).collect()
}
