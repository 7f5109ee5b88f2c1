package altertable;

import static altertable.Rows.query;
import static altertable.Rows.update;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Connecting, statements, transactions, cancelling. */
class StatementTest {
  static MockServer server;
  Connection connection;

  @BeforeAll
  static void start() throws Exception {
    server = new MockServer("--allow-any-user", "--catalog", "lake");
  }

  @AfterAll
  static void stop() {
    assertTrue(server.alive(), "the server ended during the tests");
    server.close();
  }

  @BeforeEach
  void connect() throws SQLException {
    connection = server.connectAsNewUser();
  }

  @AfterEach
  void disconnect() throws SQLException {
    connection.close();
  }

  @Test
  void aQueryReturnsRows() throws SQLException {
    assertEquals(List.of(List.of(0L, "n0"), List.of(1L, "n1")), query(connection, "SELECT i, 'n' || i FROM range(2) t(i)"));
  }

  @Test
  void aResultOfManyBatchesArrivesWhole() throws SQLException {
    try (var statement = connection.createStatement();
        var results = statement.executeQuery("SELECT i FROM range(300000) t(i)")) {
      long sum = 0;
      while (results.next()) {
        sum += results.getLong("i");
      }
      assertEquals(300000L * 299999 / 2, sum);
    }
  }

  @Test
  void updatesTellHowManyRowsTheyChanged() throws SQLException {
    assertEquals(0, update(connection, "CREATE TABLE t (i INTEGER)"));
    assertEquals(3, update(connection, "INSERT INTO t SELECT * FROM range(3)"));
    assertEquals(2, update(connection, "DELETE FROM t WHERE i > 0"));
    assertEquals(List.of(List.of(0)), query(connection, "FROM t"));
  }

  @Test
  void executeTellsQueriesFromUpdates() throws SQLException {
    try (var statement = connection.createStatement()) {
      assertFalse(statement.execute("CREATE TABLE t (i INTEGER)"));
      assertFalse(statement.execute("INSERT INTO t VALUES (1), (2)"));
      assertEquals(2, statement.getUpdateCount());
      assertTrue(statement.execute("SELECT count(*) FROM t"));
      assertTrue(statement.getResultSet().next());
      assertEquals(2, statement.getResultSet().getInt(1));
    }
  }

  @Test
  void anErrorCarriesTheTextOfTheDatabaseAndLeavesTheConnectionUsable() throws SQLException {
    var error = assertThrows(SQLException.class, () -> query(connection, "SELECT * FROM missing"));
    assertTrue(messages(error).contains("Table with name missing does not exist"), messages(error));
    assertEquals(List.of(List.of(1)), query(connection, "SELECT 1"));
  }

  @Test
  void aTransactionInSqlRollsBackOrCommits() throws SQLException {
    update(connection, "CREATE TABLE t (i INTEGER)");
    update(connection, "BEGIN TRANSACTION");
    update(connection, "INSERT INTO t VALUES (1)");
    update(connection, "ROLLBACK");
    update(connection, "BEGIN TRANSACTION");
    update(connection, "INSERT INTO t VALUES (2)");
    update(connection, "COMMIT");
    assertEquals(List.of(List.of(2)), query(connection, "FROM t"));
  }

  @Test
  void aWrongPasswordIsRefused() throws Exception {
    try (var closed = new MockServer("--user", "alice:secret")) {
      closed.connect("alice", "secret").close();
      var error = assertThrows(SQLException.class, () -> closed.connect("alice", "wrong"));
      assertTrue(messages(error).contains("Authentication failed: invalid credentials"), messages(error));
    }
  }

  @Test
  void theCatalogPropertyChoosesTheCatalog() throws SQLException {
    var chosen = server.connectAsNewUser("catalog", "lake");
    assertEquals(List.of(List.of("lake")), query(chosen, "SELECT current_catalog()"));
    // Having named a catalog, the driver ends its session, twice: the second time its channel is gone.
    assertTrue(messages(assertThrows(SQLException.class, chosen::close)).contains("Channel shutdown invoked"));
  }

  @Test
  void connectionsOfOneUserShareTablesButNotSettings() throws SQLException {
    var user = UUID.randomUUID().toString();
    try (var first = server.connect(user, "secret");
        var second = server.connect(user, "secret")) {
      update(first, "CREATE TABLE t AS SELECT 7 AS i");
      update(first, "SET TimeZone = 'Europe/Paris'");
      assertEquals(List.of(List.of(7)), query(second, "FROM t"));
      assertEquals(List.of(List.of("Etc/UTC")), query(second, "SELECT current_setting('TimeZone')"));
    }
  }

  @Test
  void cancelEndsARunningQuery() throws Exception {
    try (var statement = connection.createStatement()) {
      var running = CompletableFuture.supplyAsync(() -> assertThrows(SQLException.class, () -> {
        try (var results = statement.executeQuery("SELECT sum(a.i * b.i) FROM range(1000000) a(i), range(10000000) b(i)")) {
          results.next();
        }
      }));
      assertThrows(java.util.concurrent.TimeoutException.class, () -> running.get(700, TimeUnit.MILLISECONDS));
      statement.cancel();
      running.get(10, TimeUnit.SECONDS);
    }
    assertEquals(List.of(List.of(1)), query(connection, "SELECT 1"));
  }

  @Test
  void closingAResultEarlyLeavesTheConnectionUsable() throws SQLException {
    try (var statement = connection.createStatement();
        var results = statement.executeQuery("SELECT i FROM range(10000000) t(i)")) {
      assertTrue(results.next());
    }
    assertEquals(List.of(List.of(1)), query(connection, "SELECT 1"));
  }

  /** The messages of an error and all its causes, in which the driver hides what the server said. */
  static String messages(Throwable error) {
    var text = new StringBuilder();
    for (var cause = error; cause != null; cause = cause.getCause()) {
      text.append(cause.getMessage()).append('\n');
    }
    return text.toString();
  }
}
