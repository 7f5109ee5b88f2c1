package altertable;

import static altertable.Rows.all;
import static altertable.Rows.query;
import static altertable.Rows.update;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.Date;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Time;
import java.sql.Timestamp;
import java.sql.Types;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Prepared statements: every setter the driver has, batches, reuse, metadata. */
class PreparedTest {
  static MockServer server;
  Connection connection;

  interface Setter {
    void set(PreparedStatement statement) throws SQLException;
  }

  @BeforeAll
  static void start() throws Exception {
    server = new MockServer("--allow-any-user");
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

  /** A name, the parameter's type, how it is set, and what SQL then sees, as text. */
  static Stream<Arguments> setters() {
    return Stream.of(
        setter("setBoolean", "BOOLEAN", s -> s.setBoolean(1, true), "true"),
        setter("setByte", "TINYINT", s -> s.setByte(1, (byte) -7), "-7"),
        setter("setShort", "SMALLINT", s -> s.setShort(1, (short) -300), "-300"),
        setter("setInt", "INTEGER", s -> s.setInt(1, Integer.MIN_VALUE), "-2147483648"),
        setter("setLong", "BIGINT", s -> s.setLong(1, Long.MAX_VALUE), "9223372036854775807"),
        setter("setInt as UTINYINT", "UTINYINT", s -> s.setInt(1, 200), "200"),
        setter("setInt as USMALLINT", "USMALLINT", s -> s.setInt(1, 60000), "60000"),
        setter("setLong as UINTEGER", "UINTEGER", s -> s.setLong(1, 4000000000L), "4000000000"),
        setter("setLong as UBIGINT", "UBIGINT", s -> s.setLong(1, 5), "5"),
        setter("setFloat", "FLOAT", s -> s.setFloat(1, 1.5f), "1.5"),
        setter("setDouble", "DOUBLE", s -> s.setDouble(1, -2.25e10), "-22500000000.0"),
        setter("setBigDecimal", "DECIMAL(10, 2)", s -> s.setBigDecimal(1, new BigDecimal("-12345678.90")), "-12345678.90"),
        setter("setBigDecimal as HUGEINT", "HUGEINT", s -> s.setBigDecimal(1, new BigDecimal("170141183460469231731687303715884105")),
            "170141183460469231731687303715884105"),
        setter("setString", "VARCHAR", s -> s.setString(1, "naïve 'quoted' 日本 🦆"), "naïve 'quoted' 日本 🦆"),
        setter("setString, empty", "VARCHAR", s -> s.setString(1, ""), ""),
        setter("setBytes", "BLOB", s -> s.setBytes(1, new byte[] {0, 1, -1, 'a'}), "\\x00\\x01\\xFFa"),
        setter("setDate", "DATE", s -> s.setDate(1, Date.valueOf("2024-02-29")), "2024-02-29"),
        // The driver sends the milliseconds of a time as the microseconds that the parameter holds.
        setter("setTime", "TIME", s -> s.setTime(1, Time.valueOf("13:45:07")), "00:00:49.507"),
        setter("setTimestamp", "TIMESTAMP_MS", s -> s.setTimestamp(1, Timestamp.valueOf("2024-02-29 13:45:07.125")), "2024-02-29 13:45:07.125"),
        setter("setObject, Integer", "INTEGER", s -> s.setObject(1, 42), "42"),
        setter("setObject, String", "VARCHAR", s -> s.setObject(1, "text"), "text"),
        setter("setObject with a type", "BIGINT", s -> s.setObject(1, 42L, Types.BIGINT), "42"),
        setter("setNull", "INTEGER", s -> s.setNull(1, Types.INTEGER), null),
        setter("setNull of VARCHAR", "VARCHAR", s -> s.setNull(1, Types.VARCHAR), null),
        setter("setNull of DATE", "DATE", s -> s.setNull(1, Types.DATE), null));
  }

  private static Arguments setter(String name, String type, Setter setter, String text) {
    return arguments(name, type, setter, text);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("setters")
  void aSetterBindsItsValue(String name, String type, Setter setter, String text) throws SQLException {
    update(connection, "CREATE TABLE t (v " + type + ")");
    try (var insert = connection.prepareStatement("INSERT INTO t VALUES (?)")) {
      setter.set(insert);
      assertEquals(1, insert.executeUpdate());
    }
    assertEquals(List.of(Arrays.asList(text)), query(connection, "SELECT CAST(v AS VARCHAR) FROM t"));
    try (var select = connection.prepareStatement("SELECT count(*) FROM t WHERE v IS NOT DISTINCT FROM ?")) {
      setter.set(select);
      assertEquals(List.of(List.of(1L)), all(select.executeQuery()));
    }
  }

  @Test
  void anArrayBindsAsAList() throws SQLException {
    try (var statement = connection.prepareStatement("SELECT list_sum($1::INTEGER[])::BIGINT, len($1::INTEGER[])")) {
      statement.setArray(1, connection.createArrayOf("INTEGER", new Integer[] {1, 2, 39}));
      assertEquals(List.of(List.of(42L, 3L)), all(statement.executeQuery()));
    }
  }

  @Test
  void aStatementRunsAgainWithOtherValues() throws SQLException {
    try (var statement = connection.prepareStatement("SELECT ?::INTEGER + ?::INTEGER")) {
      for (int i = 0; i < 5; i++) {
        statement.setInt(1, i);
        statement.setInt(2, 10);
        assertEquals(List.of(List.of(i + 10)), all(statement.executeQuery()));
      }
    }
  }

  @Test
  void anUpdateTellsHowManyRowsItChanged() throws SQLException {
    update(connection, "CREATE TABLE t (id INTEGER, name VARCHAR)");
    try (var insert = connection.prepareStatement("INSERT INTO t VALUES (?, ?), (99, 'fixed')")) {
      insert.setInt(1, 1);
      insert.setString(2, "one");
      assertEquals(2, insert.executeUpdate());
    }
    assertEquals(List.of(List.of(1, "one"), List.of(99, "fixed")), query(connection, "FROM t ORDER BY id"));
  }

  @Test
  void aBatchRunsOncePerRow() throws SQLException {
    update(connection, "CREATE TABLE t (id INTEGER, name VARCHAR)");
    try (var insert = connection.prepareStatement("INSERT INTO t VALUES (?, ?)")) {
      for (int i = 0; i < 100; i++) {
        insert.setInt(1, i);
        insert.setString(2, i % 2 == 0 ? "even" : null);
        insert.addBatch();
      }
      // The driver sends the batch as one call and hands on the one count it gets.
      assertArrayEquals(new int[] {100}, insert.executeBatch());
    }
    assertEquals(List.of(List.of(100L, 50L, 99)), query(connection, "SELECT count(*), count(name), max(id) FROM t"));
  }

  @Test
  void aBatchWithABadRowChangesNothing() throws SQLException {
    update(connection, "CREATE TABLE t (id INTEGER PRIMARY KEY)");
    try (var insert = connection.prepareStatement("INSERT INTO t VALUES (?)")) {
      for (int id : new int[] {1, 2, 1}) {
        insert.setInt(1, id);
        insert.addBatch();
      }
      var error = assertThrows(SQLException.class, insert::executeBatch);
      assertTrue(StatementTest.messages(error).contains("duplicate key"), StatementTest.messages(error));
    }
    assertEquals(List.of(List.of(0L)), query(connection, "SELECT count(*) FROM t"));
  }

  @Test
  void theResultIsDescribedBeforeItRuns() throws SQLException {
    try (var statement = connection.prepareStatement("SELECT 1::INTEGER AS id, 'a' AS name, 1.5::DECIMAL(10, 2) AS price")) {
      var described = statement.getMetaData();
      assertEquals(3, described.getColumnCount());
      assertEquals("price", described.getColumnName(3));
      assertEquals(Types.DECIMAL, described.getColumnType(3));
      assertEquals(Types.VARCHAR, described.getColumnType(2));
    }
  }

  @Test
  void theParametersAreDescribed() throws SQLException {
    try (var statement = connection.prepareStatement("SELECT ?::INTEGER, ?::VARCHAR, ?::DOUBLE")) {
      var described = statement.getParameterMetaData();
      assertEquals(3, described.getParameterCount());
      assertEquals(Types.INTEGER, described.getParameterType(1));
      assertEquals(Types.VARCHAR, described.getParameterType(2));
      assertEquals(Types.DOUBLE, described.getParameterType(3));
    }
  }

  @Test
  void aStatementThatCannotBePreparedSaysWhy() {
    var error = assertThrows(SQLException.class, () -> connection.prepareStatement("SELEKT ?").close());
    assertTrue(StatementTest.messages(error).contains("syntax error"), StatementTest.messages(error));
  }

  @Test
  void manyStatementsLiveSideBySide() throws SQLException {
    try (var first = connection.prepareStatement("SELECT ?::INTEGER");
        var second = connection.prepareStatement("SELECT ?::VARCHAR")) {
      first.setInt(1, 1);
      second.setString(1, "two");
      assertEquals(List.of(List.of("two")), all(second.executeQuery()));
      assertEquals(List.of(List.of(1)), all(first.executeQuery()));
    }
  }
}
