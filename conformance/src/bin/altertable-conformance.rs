//! Holds a server to the behaviour spec from the command line.

use altertable_mock_conformance::choice::Choice;
use altertable_mock_conformance::client::Client;
use altertable_mock_conformance::driver::Driver;
use altertable_mock_conformance::fault::{During as _, Fault, Result};
use altertable_mock_conformance::floors::Floor;
use altertable_mock_conformance::outcomes;
use altertable_mock_conformance::quirks::glob;
use altertable_mock_conformance::report::{self, Tally};
use altertable_mock_conformance::run;
use altertable_mock_conformance::spec::{self, Case};
use altertable_mock_conformance::verdict::CaseResult;
use clap::{Args, Parser, Subcommand};
use std::io::{BufReader, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

/// Hold any Altertable server to the behaviour spec. Exit code 0: as the spec says; 1: not so; 2: could not run.
#[derive(Parser)]
#[command(version)]
struct Cli {
    /// Folder of the spec files, named `spec`; the one this program was built from if not given.
    #[arg(long, env = "CONFORMANCE_SPEC", global = true)]
    spec: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run cases.
    Run(Box<Run>),
    /// Run cases whose calls the program at the other end of standard input and output makes (spec/DRIVERS.md).
    Drive(Box<Drive>),
    /// List cases and their clauses.
    List {
        #[command(flatten)]
        which: Which,
        /// As JSON, an object a line.
        #[arg(long)]
        json: bool,
    },
    /// Show the steps of cases.
    Explain(Which),
}

#[derive(Args)]
struct Which {
    /// Cases by id; `*` stands for any text. The variable holds one a line.
    #[arg(env = "CONFORMANCE_CASES", value_delimiter = '\n')]
    case: Vec<String>,
    /// Cases by clause, such as `LQ-*`.
    #[arg(long)]
    clause: Vec<String>,
}

#[derive(Args)]
struct Run {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    choice: Choice,
    /// Cases at a time.
    #[arg(long, default_value_t = 16)]
    jobs: usize,
    /// Write JUnit XML here.
    #[arg(long)]
    junit: Option<PathBuf>,
    /// Write a Markdown table here.
    #[arg(long)]
    report: Option<PathBuf>,
    /// Write the outcome of each case here, as JSON.
    #[arg(long, env = "CONFORMANCE_REPORT")]
    json: Option<PathBuf>,
}

#[derive(Args)]
struct Drive {
    #[command(flatten)]
    run: Run,
    /// `flight/*=90`: fail if the driver can express fewer than 90 % of the cases so named that fit the target;
    /// `http:*=90`: of those that need HTTP alone.
    #[arg(long)]
    floor: Vec<Floor>,
}

fn main() -> ExitCode {
    match act(Cli::parse()) {
        Ok(code) => code,
        Err(fault) => {
            let _ = writeln!(std::io::stderr(), "altertable-conformance: {fault}");
            ExitCode::from(2)
        }
    }
}

fn act(cli: Cli) -> Result<ExitCode> {
    let folder = cli.spec.unwrap_or_else(spec::folder);
    if !folder.is_dir() {
        let folder = folder.display();
        return Err(Fault(format!(
            "{folder} is no folder: say where the spec is with --spec or CONFORMANCE_SPEC"
        )));
    }
    let cases = spec::load_all(&folder)?;
    let mut out = std::io::stdout();
    match cli.command {
        Command::Run(options) => run_cases(&options, &options.which.of(&cases)?),
        Command::Drive(options) => {
            if let Some(floor) =
                options.floor.iter().find(|floor| !cases.iter().any(|case| floor.names(case)))
            {
                return Err(Fault(format!("--floor {floor}: no case is called so; `list` shows them all")));
            }
            drive(&options, &options.run.which.of(&cases)?)
        }
        Command::List { which, json } => {
            for Case { id, clauses, .. } in which.of(&cases)? {
                let line = if json {
                    serde_json::json!({"id": id, "clauses": clauses}).to_string()
                } else {
                    format!("{id}  ({})", clauses.join(", "))
                };
                writeln!(out, "{line}").during("writing")?;
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Explain(which) => {
            for case in which.of(&cases)? {
                let steps = serde_norway::to_string(&case.steps).during("writing")?;
                let (clauses, flags) = (case.clauses.join(", "), case.server.join(" "));
                writeln!(out, "# {}\n# clauses: {clauses}\n# server:  {flags}\n{steps}", case.id)
                    .during("writing")?;
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

impl Which {
    fn of(&self, cases: &[Case]) -> Result<Vec<Case>> {
        let by_id =
            |case: &Case| self.case.is_empty() || self.case.iter().any(|pattern| glob(pattern, &case.id));
        let by_clause = |case: &Case| {
            self.clause.is_empty()
                || self.clause.iter().any(|pattern| case.clauses.iter().any(|clause| glob(pattern, clause)))
        };
        let found: Vec<Case> = cases.iter().filter(|case| by_id(case) && by_clause(case)).cloned().collect();
        if found.is_empty() { Err(Fault::new("no case matches; `list` shows them all")) } else { Ok(found) }
    }
}

fn run_cases(options: &Run, cases: &[Case]) -> Result<ExitCode> {
    let target = options.choice.target()?;
    let runtime = altertable_mock::runtime().during("starting")?;
    let started = std::time::Instant::now();
    let results = runtime.block_on(run::run_all(&target, cases, options.jobs, |result| {
        if result.verdict.is_bad() {
            let _ = writeln!(std::io::stdout(), "{}\n", report::told(result));
        }
    }));
    let took = started.elapsed().as_secs_f64();
    let asked = target.liveness();
    runtime.block_on(target.stop_for_exit());
    let mut out = std::io::stdout();
    writeln!(out, "{} in {took:.1} s{}", Tally::of(&results), report::liveness(&results))
        .during("writing")?;
    let mut in_time = true;
    if let Some([servers, twin]) = asked {
        writeln!(out, "liveness: {servers}; idle twin: {twin}").during("writing")?;
        if let Some(bound) = servers.missed(&twin) {
            in_time = false;
            writeln!(out, "liveness: FAILED, since p99 has to be within {bound:.1?}").during("writing")?;
        }
    }
    options.write("rust", &results)?;
    Ok(code(&results, in_time))
}

fn drive(options: &Drive, cases: &[Case]) -> Result<ExitCode> {
    let (driver, hello) = Driver::connect(BufReader::new(std::io::stdin()), std::io::stdout())?;
    let target = options.run.choice.target()?;
    let fit: Vec<&Case> = cases.iter().filter(|case| target.unfit_for(case).is_none()).collect();
    let runtime = altertable_mock::runtime().during("starting")?;
    let client = |number| Client::Driven(driver.connection(number));
    let tell = |number, result: &CaseResult| driver.tell(number, outcomes::verdict(result));
    let results = runtime.block_on(run::run_all_by(&target, cases, options.run.jobs, client, tell));
    runtime.block_on(target.stop_for_exit());
    driver.finish();
    let mut told = std::io::stderr();
    writeln!(told, "{}: {}{}", hello.driver, report::skips(&results), report::liveness(&results))
        .during("writing")?;
    let short: Vec<String> = options.floor.iter().filter_map(|floor| floor.missed(&fit, &results)).collect();
    for floor in &short {
        writeln!(told, "{}: {floor}", hello.driver).during("writing")?;
    }
    options.run.write(&hello.driver, &results)?;
    Ok(code(&results, short.is_empty()))
}

fn code(results: &[CaseResult], enough: bool) -> ExitCode {
    let good = enough && !results.iter().any(|result| result.verdict.is_bad());
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

impl Run {
    /// Writes the reports that were asked for.
    fn write(&self, language: &str, results: &[CaseResult]) -> Result<()> {
        if let Some(path) = &self.junit {
            std::fs::write(path, report::junit(results)?).during(&path.display().to_string())?;
        }
        if let Some(path) = &self.report {
            std::fs::write(path, report::markdown(results)).during(&path.display().to_string())?;
        }
        if let Some(path) = &self.json {
            std::fs::write(path, outcomes::json(language, results)?).during(&path.display().to_string())?;
        }
        Ok(())
    }
}
