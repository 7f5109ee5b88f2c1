//! DECLARE, FETCH, MOVE and CLOSE: portals that SQL makes and reads, forward only (PW-32).

use std::sync::Arc;

use engine::lexer::{self, Token};

use super::client::{Client, told};
use super::command::Command;
use super::encode::ValueFormat;
use super::execute;
use super::fault::Halt;
use super::job::Job;
use super::report::{Result, SqlReport};
use super::run::Sending;
use super::statement::{Hold, NamedSql, Portal, State, described};
use super::tag;
use super::transaction::{Block, aborted};
use super::wire::Wire;
use super::wire::backend::FieldDescription;
use duck::types::Fidelity;
use engine::Bind;

/// A cursor to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Declaration {
    name: String,
    /// Whether its rows are bytes, whatever else is asked.
    is_binary: bool,
    /// Whether it outlives its transaction.
    is_held: bool,
    /// The statement whose rows it reads.
    pub(super) query: String,
}

/// Rows to read, or to leave out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fetch {
    name: String,
    direction: Direction,
    /// Whether they are left out: MOVE.
    pub(super) is_move: bool,
}

/// Which rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    /// So many; all that are left if none.
    Forward(Option<u64>),
    /// The one of this number, counted from one.
    Absolute(u64),
    /// The one so many further.
    Relative(u64),
    /// Those before.
    Backward,
}

/// Reads `name [options] CURSOR [WITH HOLD] FOR query`, which stands behind DECLARE.
pub(super) fn read_declaration(sql: &str) -> Option<Declaration> {
    let mut tokens = lexer::tokens_in_place(sql).skip(1);
    let Token::Word { name, quoted } = tokens.next()?.1 else { return None };
    let name = if quoted { name } else { name.to_ascii_lowercase() };
    let (mut is_binary, mut is_held, mut is_without) = (false, false, false);
    loop {
        let Token::Word { name: word, quoted: false } = tokens.next()?.1 else { return None };
        match word.to_ascii_lowercase().as_str() {
            "binary" => is_binary = true,
            "insensitive" | "asensitive" | "no" | "scroll" => {}
            "cursor" => break,
            _ => return None,
        }
    }
    for (place, token) in tokens {
        if token.is_keyword("for") {
            let query = sql[place.end..].trim().trim_end_matches(';').to_owned();
            return Some(Declaration { name, is_binary, is_held: is_held && !is_without, query });
        }
        is_without |= token.is_keyword("without");
        is_held |= token.is_keyword("hold");
    }
    None
}

/// Reads `[direction] [FROM | IN] name`, which stands behind FETCH or MOVE.
pub(super) fn read_fetch(tokens: &[Token<'_>], is_move: bool) -> Option<Fetch> {
    let (last, rest) = tokens.split_last()?;
    let Token::Word { name, quoted } = last else { return None };
    let name = if *quoted { name.clone() } else { name.to_ascii_lowercase() };
    let rest = match rest {
        [rest @ .., from] if from.is_keyword("from") || from.is_keyword("in") => rest,
        rest => rest,
    };
    let words: Vec<String> = rest.iter().map(word).collect::<Option<_>>()?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (words, negative) = match words.as_slice() {
        [before @ .., "-", number] => ([before, &[*number]].concat(), true),
        words => (words.to_vec(), false),
    };
    let count = |text: &str| text.parse::<u64>().ok();
    let backward = |direction: Direction, number: u64| {
        if negative && number > 0 { Direction::Backward } else { direction }
    };
    let direction = match words.as_slice() {
        [] | ["next" | "forward"] => Direction::Forward(Some(1)),
        ["all"] | ["forward", "all"] => Direction::Forward(None),
        ["first"] => Direction::Absolute(1),
        ["prior" | "last" | "backward"] | ["backward", "all"] => Direction::Backward,
        ["backward", number] => match count(number)? {
            0 => Direction::Relative(0),
            number if negative => Direction::Forward(Some(number)),
            _ => Direction::Backward,
        },
        ["absolute", number] => backward(Direction::Absolute(count(number)?), count(number)?),
        ["relative", number] => backward(Direction::Relative(count(number)?), count(number)?),
        [number] | ["forward", number] => match count(number)? {
            0 => Direction::Relative(0),
            number => backward(Direction::Forward(Some(number)), number),
        },
        _ => return None,
    };
    Some(Fetch { name, direction, is_move })
}

fn word(token: &Token<'_>) -> Option<String> {
    match token {
        Token::Word { name, quoted: false } => Some(name.to_ascii_lowercase()),
        Token::Number(number) => Some((*number).to_owned()),
        Token::Symbol('-') => Some("-".to_owned()),
        Token::Symbol('+') => Some("+".to_owned()),
        _ => None,
    }
}

fn backward() -> SqlReport {
    SqlReport::error("55000", "cursor can only scan forward")
}

fn missing(name: &str) -> SqlReport {
    SqlReport::error("34000", format!("cursor \"{name}\" does not exist"))
}

impl Client {
    /// The columns that a FETCH will give; none if there is no such cursor, or it gives none.
    pub(super) fn fetched_columns(&self, fetch: &Fetch) -> Option<Vec<FieldDescription>> {
        let portal = self.portals.get(&fetch.name).filter(|_| !fetch.is_move)?;
        portal.told.as_deref().map(described)
    }

    /// CLOSE, of all cursors if none is named.
    ///
    /// # Errors
    /// 34000 for one that there is not.
    pub(super) fn close_cursor(&mut self, name: Option<&str>) -> Result<&'static str> {
        match name {
            None => {
                self.portals.clear();
                Ok("CLOSE CURSOR ALL")
            }
            Some(name) => {
                self.portals.remove(name).ok_or_else(|| missing(name))?;
                Ok("CLOSE CURSOR")
            }
        }
    }
}

/// DECLARE: the statement begins, and its rows wait. A prepared one comes with what it was planned as and is bound to.
///
/// # Errors
/// DuckDB's; 25P01 outside of a block, 42P03 for a name that is taken.
pub(super) async fn declare(
    client: &mut Client,
    wire: &mut Wire,
    job: &Job,
    declaration: &Declaration,
    prepared: Option<(Arc<NamedSql>, Option<Bind>)>,
) -> Result<(), Halt> {
    let Declaration { name, is_binary, is_held, query } = declaration;
    check_declaration(client, declaration)?;
    let (statement, bind) = match prepared {
        Some((declared, bind)) => (within(client, &declared)?, bind),
        None => (plan(client, wire, job, query).await?, None),
    };
    let statement = Arc::new(statement);
    if statement.columns().is_none() {
        return Err(SqlReport::error("42P11", "a cursor needs a statement that gives rows").into());
    }
    let told = statement.columns();
    let formats = vec![ValueFormat::Text.code(); told.as_ref().map_or(0, |columns| columns.len())];
    let hold = if *is_held { Hold::New } else { Hold::No };
    let share = client.session.cursors().hold(query.len()).map_err(|error| SqlReport::of(&error, ""))?;
    let portal = Portal::new(statement, bind, formats, told, share);
    let mut portal = Portal { is_binary: *is_binary, hold, ..portal };
    execute::begin_rows(client, wire, job, &mut portal).await?;
    client.portals.insert(name.clone(), portal);
    wire.out.command_complete(tag::DECLARE);
    Ok(())
}

fn check_declaration(client: &Client, declaration: &Declaration) -> Result<()> {
    if client.block == Block::Failed {
        return Err(aborted());
    }
    if client.block == Block::Idle && !declaration.is_held {
        let message = format!("{} can only be used in transaction blocks", tag::DECLARE);
        return Err(SqlReport::error("25P01", message));
    }
    let name = &declaration.name;
    if client.portals.contains_key(name) {
        return Err(SqlReport::error("42P03", format!("cursor \"{name}\" already exists")));
    }
    client.check_room(client.portals.len())
}

/// The statement within a DECLARE that was prepared.
fn within(client: &Client, declared: &NamedSql) -> Result<NamedSql> {
    let query = declared.sql().to_owned();
    let room = client.session.statement_room(&query).map_err(told(""))?;
    let (catalog, prepared) = (declared.catalog.clone(), declared.prepared());
    Ok(NamedSql::new(query, Command::Sql, catalog, prepared, declared.oids.clone(), room))
}

async fn plan(client: &Client, wire: &mut Wire, job: &Job, query: &str) -> Result<NamedSql, Halt> {
    let room = client.session.statement_room(query).map_err(told(""))?;
    let catalog = client.translated(query, &Command::Sql).await?;
    let to_run = catalog.as_ref().map_or(query, |catalog| &catalog.sql).to_owned();
    let planned = wire.watch(async {
        let turn = client.turn(job.call(), "").await?;
        let turn = client.ready_for(turn, catalog.is_some()).await?;
        turn.prepare(to_run, Fidelity::Exact).await.map(|(planned, _)| planned).map_err(told(""))
    });
    let planned = planned.await??;
    Ok(NamedSql::new(query.to_owned(), Command::Sql, catalog, Some(planned), Vec::new(), room))
}

/// FETCH and MOVE: sends rows in these formats, with their columns where the client was not told of any format, or leaves
/// them out.
///
/// # Errors
/// DuckDB's; 34000 for an unknown cursor, 55000 for rows before the present one.
pub(super) async fn fetch(
    client: &mut Client,
    wire: &mut Wire,
    job: &Job,
    fetch: &Fetch,
    formats: Option<&[ValueFormat]>,
) -> Result<(), Halt> {
    if client.block == Block::Failed {
        return Err(aborted().into());
    }
    let mut portal = client.portals.remove(&fetch.name).ok_or_else(|| missing(&fetch.name))?;
    let read = read_rows(client, wire, job, fetch, formats, &mut portal).await;
    client.portals.insert(fetch.name.clone(), portal);
    let rows = read?;
    wire.out.command_complete(&if fetch.is_move { tag::moved(rows) } else { tag::fetched(rows) });
    Ok(())
}

/// Gives how many rows were read.
async fn read_rows(
    client: &mut Client,
    wire: &mut Wire,
    job: &Job,
    fetch: &Fetch,
    formats: Option<&[ValueFormat]>,
    portal: &mut Portal,
) -> Result<u64, Halt> {
    if let State::Ready = portal.state {
        execute::begin_rows(client, wire, job, portal).await?;
    }
    if fetch.is_move && fetch.direction == Direction::Relative(0) && portal.is_on_row() {
        return Ok(1);
    }
    let (skipped, wanted) = fetch.direction.steps(portal)?;
    let told = portal.told.clone();
    let format = if portal.is_binary { ValueFormat::Binary } else { ValueFormat::Text };
    if let Some(columns) = told.as_deref().filter(|_| formats.is_none() && !fetch.is_move) {
        wire.out.row_description(&described(columns), |_| format.code());
    }
    let own = vec![format; portal.formats.len()];
    let formats = formats.filter(|_| !portal.is_binary).unwrap_or(&own);
    let State::Rows(rows) = &mut portal.state else { return Ok(0) };
    client.running.set(vec![job.call().cancel().clone(), rows.cancel.clone()]);
    let how = Sending { sql: "", told: told.as_ref(), formats, limit: limit(skipped), is_sent: false };
    let outcome = async {
        let left_out = if skipped > 0 { rows.send(wire, job, how).await? } else { Default::default() };
        if left_out.is_all || wanted == 0 {
            return Ok::<_, Halt>((left_out, Default::default()));
        }
        let limit = limit(wanted);
        let how = Sending { sql: "", told: told.as_ref(), formats, limit, is_sent: !fetch.is_move };
        Ok((left_out, rows.send(wire, job, how).await?))
    };
    match outcome.await {
        Ok((left_out, read)) => {
            portal.position += (left_out.rows + read.rows) as u64;
            if left_out.is_all || read.is_all {
                portal.state = State::Done { gave_rows: true };
            }
            Ok(read.rows as u64)
        }
        Err(fault) => {
            portal.state = State::Done { gave_rows: true };
            Err(fault)
        }
    }
}

impl Portal {
    /// Whether SQL has read a row of it, and not its end.
    fn is_on_row(&self) -> bool {
        self.position > 0 && matches!(self.state, State::Rows(_))
    }
}

impl Direction {
    /// How many rows are left out, and how many are wanted then.
    fn steps(self, portal: &Portal) -> Result<(u64, u64)> {
        match self {
            Self::Forward(wanted) => Ok((0, wanted.unwrap_or(u64::MAX))),
            Self::Relative(0) if !portal.is_on_row() => Ok((0, 0)),
            Self::Relative(0) | Self::Backward => Err(backward()),
            Self::Relative(number) => Ok((number - 1, 1)),
            Self::Absolute(number) if number > portal.position => Ok((number - 1 - portal.position, 1)),
            Self::Absolute(_) => Err(backward()),
        }
    }
}

fn limit(rows: u64) -> usize {
    usize::try_from(rows).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("DECLARE c CURSOR FOR SELECT 1;", Some(("c", false, false, "SELECT 1")))]
    #[case("declare \"C d\" no scroll cursor with hold for select 'for'", Some(("C d", false, true, "select 'for'")))]
    #[case("DECLARE C BINARY INSENSITIVE CURSOR WITHOUT HOLD FOR SELECT 1", Some(("c", true, false, "SELECT 1")))]
    #[case("DECLARE c", None)]
    #[case("DECLARE c NONSENSE CURSOR FOR SELECT 1", None)]
    fn declarations(#[case] sql: &str, #[case] expected: Option<(&str, bool, bool, &str)>) {
        let read = read_declaration(sql);
        let parts = read.as_ref().map(|read| (&*read.name, read.is_binary, read.is_held, &*read.query));
        assert_eq!(parts, expected);
    }

    #[rstest]
    #[case("c", Some(Direction::Forward(Some(1))))]
    #[case("NEXT FROM c", Some(Direction::Forward(Some(1))))]
    #[case("10 c", Some(Direction::Forward(Some(10))))]
    #[case("FORWARD 10 IN c", Some(Direction::Forward(Some(10))))]
    #[case("ALL FROM c", Some(Direction::Forward(None)))]
    #[case("-1 FROM c", Some(Direction::Backward))]
    #[case("BACKWARD -2 FROM c", Some(Direction::Forward(Some(2))))]
    #[case("ABSOLUTE 5 FROM c", Some(Direction::Absolute(5)))]
    #[case("RELATIVE -1 FROM c", Some(Direction::Backward))]
    #[case("0 FROM c", Some(Direction::Relative(0)))]
    #[case("SIDEWAYS 1 c", None)]
    fn directions(#[case] sql: &str, #[case] expected: Option<Direction>) {
        let tokens: Vec<_> = lexer::tokens(sql).collect();
        assert_eq!(read_fetch(&tokens, false).map(|fetch| fetch.direction), expected);
    }
}
